//! What several pages of flows show: the diagram with its legend, the same as tables, differences, source.

use maud::{Markup, html};

use super::diagram::{Actor, Chart, Move, Texts, draw, legend_clock, legend_line, legend_mark};
use super::diff::{Change, Diff, Line};
use super::duration::in_words;
use super::words::Words;

/// The diagram with its legend. `name` is what is drawn.
pub(crate) fn diagram(chart: &Chart, name: &str, w: &Words) -> Markup {
    let texts = Texts {
        title: w.diagram_title(name),
        description: w.diagram_description,
        running: &|n| w.orders_here(n),
        after: &|after| in_words(after, w),
        actor: &|actor| actor_word(actor, w),
    };
    html! {
        @if let Some(drawing) = draw(chart, &texts) {
            div.flow-scroll tabindex="0" role="region" aria-label=(texts.title) { (drawing) }
            (legend(w))
        } @else {
            p { (w.too_large_to_draw) }
        }
    }
}

const fn actor_word(actor: Actor, w: &Words) -> &'static str {
    match actor {
        Actor::Buyer => w.buyer,
        Actor::Staff => w.staff,
        Actor::System => w.platform,
    }
}

fn legend(w: &Words) -> Markup {
    html! {
        ul.flow-legend aria-label=(w.what_it_shows) {
            @for actor in Actor::ALL { li { (legend_mark(actor)) (actor_word(actor, w)) } }
            li { (legend_line(false)) (w.by_people) }
            li { (legend_line(true)) (w.by_itself) }
            li { (legend_clock()) (w.timer) }
        }
    }
}

/// The statuses and the moves as tables.
pub(crate) fn tables(chart: &Chart, w: &Words) -> Markup {
    let is_counted = chart.statuses.iter().any(|s| s.running.is_some());
    html! {
        section aria-labelledby="statuses" {
            h2 #statuses { (w.statuses) }
            div.table tabindex="0" role="region" aria-label=(w.statuses) { table {
                thead { tr {
                    th scope="col" { (w.status) } th scope="col" { (w.note) }
                    @if is_counted { th.number scope="col" { (w.running) } }
                } }
                tbody { @for status in &chart.statuses { tr {
                    td { (status.label) " " code.quiet { (status.code) } }
                    td {
                        @if status.is_initial { span.tag { (w.initial_mark) } }
                        @if status.is_final { span.tag { (w.final_mark) } }
                    }
                    @if is_counted {
                        td.number { @if let Some(running) = status.running { (running) } }
                    }
                } } }
            } }
        }
        section aria-labelledby="moves" {
            h2 #moves { (w.moves) }
            div.table tabindex="0" role="region" aria-label=(w.moves) { table {
                thead { tr {
                    @for head in [w.from, w.operation, w.to, w.by_whom, w.after, w.condition, w.effects] {
                        th scope="col" { (head) }
                    }
                } }
                tbody { @for line in &chart.lines { @for step in &line.moves {
                    (row(step, &chart.statuses[line.from].label, &chart.statuses[line.to].label, w))
                } } }
            } }
        }
    }
}

fn row(step: &Move, from: &str, to: &str, w: &Words) -> Markup {
    html! {
        tr {
            td { (from) }
            td { (step.label) " " code.quiet { (step.operation) } }
            td { (to) }
            td {
                @for role in &step.by { span.flow-role { code { (role) } } " " }
            }
            td {
                @for (after, condition) in &step.timers {
                    span { (in_words(after, w)) }
                    @if let Some(condition) = condition { " · " code { (condition) } }
                }
            }
            td { @if let Some(guard) = &step.guard { code { (guard) } } }
            td { @for effect in step.actions.iter().chain(&step.emit) { code { (effect) } " " } }
        }
    }
}

/// A difference as a table with the numbers of both sides.
pub(crate) fn difference(diff: &Diff, w: &Words) -> Markup {
    html! {
        @if diff.is_empty() {
            p { (w.no_differences) }
        } @else {
            p.quiet { (w.lines_changed(diff.gone, diff.new)) }
            div.table.flow-diff tabindex="0" role="region" aria-label=(w.differences) { table {
                thead { tr {
                    th.number scope="col" { (w.line_old) } th.number scope="col" { (w.line_new) }
                    th scope="col" { (w.document) }
                } }
                @for part in &diff.parts { tbody { @for line in part { (diff_line(line, w)) } } }
            } }
        }
    }
}

fn diff_line(line: &Line, w: &Words) -> Markup {
    let (class, sign, word) = match line.change {
        Change::Same => ("same", " ", ""),
        Change::Gone => ("gone", "−", w.only_old),
        Change::New => ("new", "+", w.only_new),
    };
    html! {
        tr class=(class) {
            td.number { @if let Some(n) = line.old { (n) } }
            td.number { @if let Some(n) = line.new { (n) } }
            td {
                code {
                    span aria-hidden="true" { (sign) " " }
                    @if !word.is_empty() { span.vh { (word) ": " } }
                    (line.text)
                }
            }
        }
    }
}
