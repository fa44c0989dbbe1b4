//! Writes a laid out flow as SVG. Colours and fonts are the stylesheet's; every text is 12 px at least.

use maud::{Markup, html};

use super::chart::{Actor, Chart, Line, Move, Status};
use super::layout::{Gate, LOOP_REACH, Layout, Link, Rect, Route, START_REACH, Size, layout};
use super::measure::{fit, width, wrap};

/// The words that a diagram needs.
pub(crate) struct Texts<'a> {
    /// What the diagram shows.
    pub(crate) title: String,
    /// How it is read.
    pub(crate) description: &'a str,
    /// So many orders stand here.
    pub(crate) running: &'a dyn Fn(u64) -> String,
    /// A time such as `PT30M`.
    pub(crate) after: &'a dyn Fn(&str) -> String,
    /// Who makes a move.
    pub(crate) actor: &'a dyn Fn(Actor) -> &'static str,
}

/// The size of a status' label and of all other text.
const LABEL: i32 = 14;
const SMALL: i32 = 12;
/// Bold letters are wider.
const LABEL_WIDE: i32 = LABEL + 1;
/// The height of a line of text.
const LABEL_LINE: i32 = 19;
const SMALL_LINE: i32 = 18;
/// The widest text in a box, and on a line.
const BOX_TEXT_MAX: i32 = 150;
const LINE_TEXT_MAX: i32 = 170;
/// From a box's edge to its text.
const PADDING: i32 = 14;
/// A mark of who makes a move, or of a clock, with the room after it.
const MARK: i32 = 14;

/// A status with its lines of text.
struct Box<'a> {
    status: &'a Status,
    label: Vec<String>,
    code: String,
    running: Option<String>,
}

impl<'a> Box<'a> {
    fn of(status: &'a Status, texts: &Texts<'_>) -> Self {
        Self {
            status,
            label: wrap(&status.label, LABEL_WIDE, BOX_TEXT_MAX),
            code: fit(&status.code, SMALL, BOX_TEXT_MAX),
            running: status.running.map(|n| fit(&(texts.running)(n), SMALL, BOX_TEXT_MAX)),
        }
    }

    fn size(&self) -> Size {
        let label = self.label.iter().map(|l| width(l, LABEL_WIDE)).max().unwrap_or(0);
        let running = self.running.as_ref().map_or(0, |r| width(r, SMALL));
        let text = label.max(width(&self.code, SMALL)).max(running).max(72);
        let lines = i32::try_from(self.label.len()).unwrap_or(1) * LABEL_LINE;
        let small = if self.running.is_some() { 2 } else { 1 } * SMALL_LINE;
        Size { width: text + 2 * PADDING, height: lines + small + 2 * PADDING - 6 }
    }
}

/// The text of a move: what it is called, who makes it, when it happens by itself.
struct Caption<'a> {
    of: &'a Move,
    label: String,
    actors: Vec<Actor>,
    timers: Vec<String>,
}

impl<'a> Caption<'a> {
    fn of(of: &'a Move, texts: &Texts<'_>) -> Self {
        let timers = of.timers.iter().map(|(after, _)| fit(&(texts.after)(after), SMALL, 90));
        Self {
            of,
            label: fit(&of.label, SMALL, LINE_TEXT_MAX),
            actors: of.actors(),
            timers: timers.collect(),
        }
    }

    fn width(&self) -> i32 {
        let marks = i32::try_from(self.actors.len()).unwrap_or(0) * MARK;
        let timers: i32 = self.timers.iter().map(|t| MARK + 4 + width(t, SMALL) + 4).sum();
        marks + 2 + width(&self.label, SMALL) + 4 + timers
    }
}

/// The diagram; nothing when the flow is too large to be drawn.
pub(crate) fn draw(chart: &Chart, texts: &Texts<'_>) -> Option<Markup> {
    if !chart.is_drawable() {
        return None;
    }
    let boxes: Vec<Box<'_>> = chart.statuses.iter().map(|s| Box::of(s, texts)).collect();
    let captions: Vec<Vec<Caption<'_>>> = chart
        .lines
        .iter()
        .map(|line| line.moves.iter().map(|m| Caption::of(m, texts)).collect())
        .collect();
    let placed = place(chart, &boxes, &captions);
    let Size { width, height } = placed.size;
    Some(html! {
        svg.flow-chart xmlns="http://www.w3.org/2000/svg" role="img"
            aria-labelledby="flow-title flow-description"
            viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) {
            title #flow-title { (texts.title) }
            desc #flow-description { (texts.description) }
            @for (line, route) in chart.lines.iter().zip(&placed.routes) {
                (path(line, route, &placed.boxes))
            }
            (start(placed.boxes[chart.root()]))
            @for (status, rect) in boxes.iter().zip(&placed.boxes) { (status_box(status, *rect)) }
            @for (captions, route) in captions.iter().zip(&placed.routes) {
                @for (n, caption) in (0..).zip(captions) {
                    (caption_at(caption, route.text.x, route.text.y + n * SMALL_LINE, texts))
                }
            }
        }
    })
}

fn place(chart: &Chart, boxes: &[Box<'_>], captions: &[Vec<Caption<'_>>]) -> Layout {
    let sizes: Vec<Size> = boxes.iter().map(Box::size).collect();
    let links: Vec<Link> = chart
        .lines
        .iter()
        .zip(captions)
        .map(|(line, captions)| {
            let width = captions.iter().map(Caption::width).max().unwrap_or(0);
            let lines = i32::try_from(captions.len()).unwrap_or(1);
            let text = Size { width, height: lines * SMALL_LINE };
            Link { from: line.from, to: line.to, text }
        })
        .collect();
    layout(&sizes, &links, chart.root())
}

fn status_box(of: &Box<'_>, rect: Rect) -> Markup {
    let Rect { x, y, width, height } = rect;
    let middle = x + width / 2;
    let class = match (of.status.is_final, of.status.running) {
        (true, _) => "flow-status final",
        (_, Some(n)) if n > 0 => "flow-status busy",
        _ => "flow-status",
    };
    let mut baseline = y + PADDING + LABEL - 5;
    let mut next = |step: i32| {
        let at = baseline;
        baseline += step;
        at
    };
    html! {
        g class=(class) {
            title { (of.status.label) " (" (of.status.code) ")" }
            rect x=(x) y=(y) width=(width) height=(height) rx="12" {}
            @if of.status.is_final {
                rect.inner x=(x + 4) y=(y + 4) width=(width - 8) height=(height - 8) rx="9" {}
            }
            @for line in &of.label {
                text.flow-label x=(middle) y=(next(LABEL_LINE)) text-anchor="middle" font-size=(LABEL) { (line) }
            }
            text.flow-code x=(middle) y=(next(SMALL_LINE)) text-anchor="middle" font-size=(SMALL) { (of.code) }
            @if let Some(running) = &of.running {
                text.flow-running x=(middle) y=(next(SMALL_LINE)) text-anchor="middle" font-size=(SMALL) { (running) }
            }
        }
    }
}

/// Where everything begins: a dot with an arrow into the left side of the box.
fn start(rect: Rect) -> Markup {
    let (x, y) = (rect.x, rect.y + rect.height / 2);
    html! {
        g.flow-start {
            circle cx=(x - START_REACH + 8) cy=(y) r="6" {}
            path.flow-line d={ "M" (x - START_REACH + 14) " " (y) "H" (x - 8) } {}
            (arrow(x, y, Way::Right))
        }
    }
}

/// Where an arrow points.
#[derive(Clone, Copy)]
enum Way {
    Down,
    Up,
    Left,
    Right,
}

/// An arrow with its tip at a point.
fn arrow(x: i32, y: i32, way: Way) -> Markup {
    let (a, b) = match way {
        Way::Down => ((x - 5, y - 9), (x + 5, y - 9)),
        Way::Up => ((x - 5, y + 9), (x + 5, y + 9)),
        Way::Left => ((x + 9, y - 5), (x + 9, y + 5)),
        Way::Right => ((x - 9, y - 5), (x - 9, y + 5)),
    };
    html! {
        path.flow-arrow d={ "M" (x) " " (y) "L" (a.0) " " (a.1) "L" (b.0) " " (b.1) "Z" } {}
    }
}

/// A line with its arrow.
fn path(line: &Line, route: &Route, boxes: &[Rect]) -> Markup {
    let class = if line.is_automatic() { "flow-move automatic" } else { "flow-move" };
    let (data, tip) = match route.gates.as_slice() {
        [] => around(route, boxes[line.from]),
        gates => through(gates, route.is_back),
    };
    html! { g class=(class) { path.flow-line d=(data) {} (tip) } }
}

/// From a box's right side back to it, around the text's beginning.
fn around(route: &Route, rect: Rect) -> (String, Markup) {
    let x = rect.right();
    let top = route.text.y + 4;
    let bottom = (top + route.text.height.max(26) - 8).min(rect.bottom() - 6).max(top + 12);
    let out = x + LOOP_REACH;
    let data = format!("M{x} {top}C{out} {top} {out} {bottom} {} {bottom}", x + 8);
    (data, arrow(x, bottom, Way::Left))
}

/// Down through all gates: straight inside them, swinging from one to the next.
fn through(gates: &[Gate], is_back: bool) -> (String, Markup) {
    let (Some(first), Some(last)) = (gates.first(), gates.last()) else {
        return (String::new(), html! {});
    };
    // the line ends behind the tip
    let (begin, end) =
        if is_back { (first.bottom + 8, last.top) } else { (first.bottom, last.top - 8) };
    let mut data = format!("M{} {begin}", first.x);
    let mut at = Gate { x: first.x, top: begin, bottom: begin };
    for (n, gate) in gates.iter().enumerate().skip(1) {
        let is_last = n + 1 == gates.len();
        let (top, bottom) = if is_last { (end, end) } else { (gate.top, gate.bottom) };
        let middle = (at.bottom + top) / 2;
        data.push_str(&format!("C{} {middle} {} {middle} {} {top}", at.x, gate.x, gate.x));
        if bottom > top {
            data.push_str(&format!("V{bottom}"));
        }
        at = Gate { x: gate.x, top, bottom };
    }
    let tip = if is_back {
        arrow(first.x, first.bottom, Way::Up)
    } else {
        arrow(last.x, last.top, Way::Down)
    };
    (data, tip)
}

/// A move's text: marks of who makes it, its name, its clocks.
fn caption_at(caption: &Caption<'_>, x: i32, y: i32, texts: &Texts<'_>) -> Markup {
    let baseline = y + 13;
    let marks: Vec<(i32, Actor)> =
        (0..).zip(&caption.actors).map(|(n, actor)| (x + n * MARK + 5, *actor)).collect();
    let after_marks = x + i32::try_from(marks.len()).unwrap_or(0) * MARK + 2;
    let mut at = after_marks + width(&caption.label, SMALL) + 4;
    let clocks: Vec<(i32, &String)> = caption
        .timers
        .iter()
        .map(|timer| {
            let here = at + 7;
            at += MARK + 4 + width(timer, SMALL) + 4;
            (here, timer)
        })
        .collect();
    let who: Vec<&str> = caption.actors.iter().map(|a| (texts.actor)(*a)).collect();
    html! {
        g.flow-caption {
            title {
                (caption.of.label) " (" (caption.of.operation) ") · " (who.join(", "))
                @if let Some(guard) = &caption.of.guard { " · " (guard) }
            }
            @for (x, actor) in &marks { (mark(*actor, *x, y + 9)) }
            text x=(after_marks) y=(baseline) font-size=(SMALL) { (caption.label) }
            @for (x, timer) in &clocks {
                (clock(*x, y + 9))
                text.flow-after x=(x + 9) y=(baseline) font-size=(SMALL) { (timer) }
            }
        }
    }
}

/// Who makes a move: a shape and a colour each.
fn mark(actor: Actor, x: i32, y: i32) -> Markup {
    match actor {
        Actor::Buyer => html! { circle.flow-buyer cx=(x) cy=(y) r="5" {} },
        Actor::Staff => html! { rect.flow-staff x=(x - 4) y=(y - 4) width="9" height="9" {} },
        Actor::System => {
            let data = format!("M{x} {}L{} {y}L{x} {}L{} {y}Z", y - 6, x + 6, y + 6, x - 6);
            html! { path.flow-system d=(data) {} }
        }
    }
}

fn clock(x: i32, y: i32) -> Markup {
    html! {
        g.flow-clock {
            circle cx=(x) cy=(y) r="6" {}
            path d={ "M" (x) " " (y - 3) "V" (y) "L" (x + 3) " " (y + 2) } {}
        }
    }
}

/// A mark as the legend shows it.
pub(crate) fn legend_mark(actor: Actor) -> Markup {
    html! {
        svg.flow-mark viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" { (mark(actor, 8, 8)) }
    }
}

/// The clock as the legend shows it.
pub(crate) fn legend_clock() -> Markup {
    html! {
        svg.flow-mark viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" { (clock(8, 8)) }
    }
}

/// A line as the legend shows it: one that people make, or one that only the platform makes.
pub(crate) fn legend_line(is_automatic: bool) -> Markup {
    let class = if is_automatic { "flow-move automatic" } else { "flow-move" };
    html! {
        svg.flow-mark viewBox="0 0 40 16" width="40" height="16" aria-hidden="true" {
            g class=(class) { path.flow-line d="M1 8H30" {} (arrow(39, 8, Way::Right)) }
        }
    }
}
