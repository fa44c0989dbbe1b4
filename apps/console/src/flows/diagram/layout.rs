//! Where the boxes and lines of a layered drawing stand: ranks by the longest path, rows sorted to cross
//! little, columns near their neighbours. Whole numbers only, pixels of the drawing. It must not know
//! what a box or a line means.
//!
//! After Sugiyama, Tagawa and Toda (1981). Boxes stand in even ranks. Every line passes all ranks between
//! its ends, and its text has a place in one of the odd ranks, so that no line crosses a box or a text.

use super::rows::{self, separate};

/// Width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// A line from one box to another, or back to itself, with the size of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) text: Size,
}

/// A rectangle by its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rect {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

impl Rect {
    pub(crate) const fn right(self) -> i32 {
        self.x + self.width
    }

    pub(crate) const fn bottom(self) -> i32 {
        self.y + self.height
    }
}

/// A straight piece that a line runs through, downwards; its ends are equal where it meets a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) x: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

/// Where a line runs and its text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// From above to below; empty for a line from a box to itself, which is drawn at its right side.
    pub(crate) gates: Vec<Gate>,
    /// The line leads upwards: its end is the first gate.
    pub(crate) is_back: bool,
    /// Where the text stands.
    pub(crate) text: Rect,
}

/// A finished drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) size: Size,
    pub(crate) boxes: Vec<Rect>,
    pub(crate) routes: Vec<Route>,
}

/// Room at the edges of the drawing.
const MARGIN: i32 = 16;
/// Between two ranks.
const RANK_GAP: i32 = 30;
/// Between neighbours of a row.
const GAP: i32 = 22;
/// From a line to its text.
pub(crate) const TEXT_GAP: i32 = 8;
/// How far a line from a box to itself reaches out of it.
pub(crate) const LOOP_REACH: i32 = 30;
/// What marks the beginning stands this far left of its box.
pub(crate) const START_REACH: i32 = 40;
/// Between two lines at one side of a box.
const PORT_GAP: i32 = 14;

/// What stands in a row: a box, or a line on its way.
struct Item {
    left: i32,
    right: i32,
    height: i32,
}

/// A line as a chain of items, from above to below.
struct Chain {
    items: Vec<usize>,
    is_back: bool,
    /// Which of the items has the text.
    text_at: usize,
}

/// Lays out boxes and links. Boxes come in the sequence in which one meets them; `root` is the one where
/// everything begins.
pub(crate) fn layout(boxes: &[Size], links: &[Link], root: usize) -> Layout {
    let ranks = Ranks::of(boxes.len(), links);
    let mut drawing = Drawing::new(boxes, links, root, &ranks);
    drawing.chain_up(links, &ranks);
    let edges = drawing.edges();
    rows::sort(&mut drawing.rows, &edges);
    let extents: Vec<_> = drawing.items.iter().map(|i| (i.left, i.right)).collect();
    let xs = rows::columns(&drawing.rows, &edges, &extents, GAP, boxes.len());
    drawing.place(boxes, links, &xs)
}

/// The rank of every box, and which links lead upwards.
struct Ranks {
    of_box: Vec<usize>,
    is_back: Vec<bool>,
}

impl Ranks {
    fn of(count: usize, links: &[Link]) -> Self {
        let is_back = back_links(count, links);
        // Longest paths over what is left, which has no cycle.
        let mut waits = vec![0_usize; count];
        let mut below = vec![Vec::new(); count];
        for (link, is_back) in links.iter().zip(&is_back).filter(|(l, _)| l.from != l.to) {
            let (upper, lower) = if *is_back { (link.to, link.from) } else { (link.from, link.to) };
            below[upper].push(lower);
            waits[lower] += 1;
        }
        let mut of_box = vec![0_usize; count];
        let mut ready: Vec<usize> = (0..count).filter(|b| waits[*b] == 0).collect();
        while let Some(upper) = ready.pop() {
            for lower in &below[upper] {
                of_box[*lower] = of_box[*lower].max(of_box[upper] + 2);
                waits[*lower] -= 1;
                if waits[*lower] == 0 {
                    ready.push(*lower);
                }
            }
        }
        Self { of_box, is_back }
    }
}

/// The links that lead back: against the sequence of the boxes, and part of a cycle. Without them there is
/// no cycle, because every cycle has a link against the sequence.
fn back_links(count: usize, links: &[Link]) -> Vec<bool> {
    let mut next = vec![Vec::new(); count];
    for link in links {
        next[link.from].push(link.to);
    }
    let reach: Vec<Vec<bool>> = (0..count).map(|from| reached(&next, from)).collect();
    links.iter().map(|l| l.to < l.from && reach[l.to][l.from]).collect()
}

/// Which boxes one comes to from one.
fn reached(next: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut reached = vec![false; next.len()];
    let mut waiting = vec![from];
    while let Some(at) = waiting.pop() {
        for to in &next[at] {
            if !std::mem::replace(&mut reached[*to], true) {
                waiting.push(*to);
            }
        }
    }
    reached
}

struct Drawing {
    /// Boxes first, then the items of lines.
    items: Vec<Item>,
    /// Items by rank, from left to right.
    rows: Vec<Vec<usize>>,
    /// One per link; `None` for those from a box to itself.
    chains: Vec<Option<Chain>>,
}

impl Drawing {
    fn new(boxes: &[Size], links: &[Link], root: usize, ranks: &Ranks) -> Self {
        let last = ranks.of_box.iter().copied().max().unwrap_or(0);
        let mut rows = vec![Vec::new(); last + 1];
        let mut items = Vec::with_capacity(boxes.len());
        for (b, size) in boxes.iter().enumerate() {
            let own = links.iter().filter(|l| l.from == b && l.to == b);
            let loops = own.fold(Size::default(), |sum, l| Size {
                width: sum.width.max(l.text.width + LOOP_REACH + TEXT_GAP),
                height: sum.height + l.text.height + 1,
            });
            let start = if b == root { START_REACH } else { 0 };
            items.push(Item {
                left: size.width / 2 + start,
                right: size.width - size.width / 2 + loops.width,
                height: size.height.max(loops.height),
            });
            rows[ranks.of_box[b]].push(b);
        }
        Self { items, rows, chains: Vec::with_capacity(links.len()) }
    }

    /// Gives every link its items. The text goes into the odd rank that is least full.
    fn chain_up(&mut self, links: &[Link], ranks: &Ranks) {
        let mut full = vec![0_i32; self.rows.len()];
        for (i, link) in links.iter().enumerate() {
            if link.from == link.to {
                self.chains.push(None);
                continue;
            }
            let is_back = ranks.is_back[i];
            let (upper, lower) = if is_back { (link.to, link.from) } else { (link.from, link.to) };
            let (first, last) = (ranks.of_box[upper], ranks.of_box[lower]);
            let odd = (first + 1..last).step_by(2);
            let text_rank = odd.min_by_key(|r| full[*r]).unwrap_or(first + 1);
            full[text_rank] += link.text.width + GAP;
            let mut chain = vec![upper];
            for rank in first + 1..last {
                let text = if rank == text_rank { link.text } else { Size::default() };
                let reach = if rank == text_rank { TEXT_GAP + text.width } else { 4 };
                self.rows[rank].push(self.items.len());
                chain.push(self.items.len());
                self.items.push(Item { left: 4, right: reach, height: text.height });
            }
            chain.push(lower);
            self.chains.push(Some(Chain { items: chain, is_back, text_at: text_rank - first }));
        }
    }

    /// Pairs of neighbours along lines, the upper one first.
    fn edges(&self) -> Vec<(usize, usize)> {
        let chains = self.chains.iter().flatten();
        chains.flat_map(|c| c.items.windows(2).map(|pair| (pair[0], pair[1]))).collect()
    }

    /// The top and the height of every rank, and the bottom of the last.
    fn heights(&self) -> (Vec<(i32, i32)>, i32) {
        let mut y = MARGIN;
        let mut tops = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let height = row.iter().map(|i| self.items[*i].height).max().unwrap_or(0);
            tops.push((y, height));
            y += height + RANK_GAP;
        }
        (tops, y - RANK_GAP)
    }

    fn place(&self, boxes: &[Size], links: &[Link], xs: &[i32]) -> Layout {
        let (tops, bottom) = self.heights();
        let left = xs.iter().zip(&self.items).map(|(x, item)| x - item.left).min().unwrap_or(0);
        let xs: Vec<i32> = xs.iter().map(|x| x - left + MARGIN).collect();
        let right = xs.iter().zip(&self.items).map(|(x, item)| x + item.right).max().unwrap_or(0);
        let mut spans = vec![(0, 0); self.items.len()];
        for (row, (top, height)) in self.rows.iter().zip(&tops) {
            for item in row {
                spans[*item] = (*top, *height);
            }
        }
        let placed: Vec<Rect> = boxes
            .iter()
            .enumerate()
            .map(|(b, size)| {
                let (top, height) = spans[b];
                let y = top + (height - size.height) / 2;
                Rect { x: xs[b] - size.width / 2, y, width: size.width, height: size.height }
            })
            .collect();
        let ports = self.ports(&placed, &xs);
        // Lines from a box to itself stand one below the other, around its middle.
        let mut loop_at: Vec<i32> = placed.iter().map(|rect| rect.y + rect.height / 2).collect();
        for link in links.iter().filter(|l| l.from == l.to) {
            loop_at[link.from] -= link.text.height / 2;
        }
        let routes =
            links.iter().zip(&self.chains).zip(ports).map(|((link, chain), ports)| match chain {
                Some(chain) => self.route(chain, link.text, &placed, ports, &xs, &spans),
                None => {
                    let own = &placed[link.from];
                    let y = loop_at[link.from];
                    loop_at[link.from] += link.text.height;
                    let x = own.right() + LOOP_REACH + TEXT_GAP;
                    let Size { width, height } = link.text;
                    let text = Rect { x, y, width, height };
                    Route { gates: Vec::new(), is_back: false, text }
                }
            });
        let routes = routes.collect();
        let size = Size { width: right + MARGIN, height: bottom + MARGIN };
        Layout { size, boxes: placed, routes }
    }

    /// Where every link leaves its upper box and reaches its lower one, so that lines at one side of a box
    /// stand apart and in the sequence of where they lead.
    fn ports(&self, boxes: &[Rect], xs: &[i32]) -> Vec<(i32, i32)> {
        let mut ports = vec![(0, 0); self.chains.len()];
        for (b, rect) in boxes.iter().enumerate() {
            for is_lower in [false, true] {
                let mut here: Vec<(i32, usize)> = Vec::new();
                for (i, chain) in self.chains.iter().enumerate() {
                    let Some(Chain { items, .. }) = chain else { continue };
                    let last = items.len() - 1;
                    let (end, next) = if is_lower { (last, last - 1) } else { (0, 1) };
                    if items[end] == b {
                        here.push((xs[items[next]], i));
                    }
                }
                here.sort_unstable();
                let wanted: Vec<i32> = here.iter().map(|(x, _)| *x).collect();
                let at = within(&wanted, rect.x + 14, rect.right() - 14);
                for ((_, i), x) in here.into_iter().zip(at) {
                    if is_lower { ports[i].1 = x } else { ports[i].0 = x }
                }
            }
        }
        ports
    }

    fn route(
        &self,
        chain: &Chain,
        text: Size,
        boxes: &[Rect],
        (out, into): (i32, i32),
        xs: &[i32],
        spans: &[(i32, i32)],
    ) -> Route {
        let count = chain.items.len();
        let gates = chain.items.iter().enumerate().map(|(n, item)| {
            if n == 0 {
                let bottom = boxes[*item].bottom();
                Gate { x: out, top: bottom, bottom }
            } else if n + 1 == count {
                let top = boxes[*item].y;
                Gate { x: into, top, bottom: top }
            } else {
                let (top, height) = spans[*item];
                Gate { x: xs[*item], top, bottom: top + height }
            }
        });
        let gates: Vec<Gate> = gates.collect();
        let Gate { x, top, .. } = gates[chain.text_at];
        let text = Rect { x: x + TEXT_GAP, y: top, width: text.width, height: text.height };
        Route { gates, is_back: chain.is_back, text }
    }
}

/// Positions near the wanted ones, between two bounds, apart as far as the room allows.
fn within(wanted: &[i32], low: i32, high: i32) -> Vec<i32> {
    let count = i32::try_from(wanted.len()).unwrap_or(i32::MAX);
    let gap = if count > 1 { PORT_GAP.min((high - low) / (count - 1)) } else { 0 };
    let wanted: Vec<(i32, i32)> = wanted.iter().map(|x| ((*x).clamp(low, high), 1)).collect();
    let mut at = separate(&wanted, |_| gap);
    let mut least = low;
    for x in &mut at {
        *x = (*x).max(least);
        least = *x + gap;
    }
    let mut most = high;
    for x in at.iter_mut().rev() {
        *x = (*x).min(most);
        most = *x - gap;
    }
    at
}
