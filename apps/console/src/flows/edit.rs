//! Where a flow is edited: the document, what is wrong with it and where, what differs, how it would look.

use kit::FieldError;
use maud::{Markup, html};
use ui::parts::{Tone, notice};

use super::diagram::Chart;
use super::diff::Diff;
use super::json::{Position, locate, told};
use super::parts::{diagram, difference};
use super::routes::Route;
use super::words::Words;
use crate::layout::{Head, Shell, csrf_field, document};

/// Lines shown around a problem.
const AROUND: usize = 2;

/// What the form's buttons ask for.
pub(crate) const CHECK: &str = "check";
/// Shows what differs from the active version.
pub(crate) const DIFF: &str = "diff";
/// Publishes.
pub(crate) const PUBLISH: &str = "publish";

/// What came of the last button.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// Nothing was asked yet.
    Fresh,
    /// It is valid and would become this version; how it would look.
    Fine(u32, Option<Chart>),
    /// It is valid and says what the active version says.
    NothingNew,
    /// It was to be published, but says what the active version says.
    NotPublished,
    /// What is wrong with it.
    Wrong(Vec<FieldError>),
    /// Another version was published meanwhile.
    Newer(u32),
    /// Nobody answered.
    Busy,
}

/// Editing a flow.
#[derive(Debug, Clone)]
pub(crate) struct EditPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Which flow.
    pub(crate) code: String,
    /// The version that what is typed is compared with when it is published.
    pub(crate) base: u32,
    /// What is typed.
    pub(crate) text: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// What differs from version `base`.
    pub(crate) diff: Option<Diff>,
}

/// The page.
pub(crate) fn render_flow_editor(page: &EditPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let title = [w.edit, ": ", w.flow(&page.code)].concat();
    let main = html! {
        p { (w.edit_text) }
        (outcome(&page.outcome, &page.text, w))
        @if let Some(diff) = &page.diff {
            section aria-labelledby="differences" {
                h2 #differences { (w.differences_to(page.base)) }
                (difference(diff, w))
            }
        }
        (form(page, w))
        @if let Outcome::Fine(_, Some(chart)) = &page.outcome {
            section aria-labelledby="preview" {
                h2 #preview { (w.preview) }
                (diagram(chart, w.draft, w))
            }
        }
    };
    document(&page.shell, &Head { title: &title, ..Head::default() }, &main)
}

fn form(page: &EditPage, w: &Words) -> Markup {
    let is_wrong = matches!(page.outcome, Outcome::Wrong(_)).then_some("true");
    html! {
        form.flow-editor method="post" action=(Route::Edit { code: page.code.clone(), version: None }) {
            (csrf_field(&page.shell))
            input type="hidden" name="base" value=(page.base);
            div.field {
                label for="f-document" { (w.document) }
                textarea #f-document name="document" rows="30" spellcheck="false" autocomplete="off"
                    wrap="off" aria-invalid=[is_wrong] aria-describedby="f-document-hint" {
                    // the first line break after the tag is not part of the text
                    "\n" (page.text)
                }
                p.hint #f-document-hint { (w.begun_with(page.base)) }
            }
            div.buttons {
                button.quiet type="submit" name="do" value=(CHECK) { (w.check) }
                button.quiet type="submit" name="do" value=(DIFF) { (w.show_differences) }
                button type="submit" name="do" value=(PUBLISH) data-confirm=(w.publish_question) {
                    (w.publish)
                }
                a href=(Route::Show {
                    code: page.code.clone(), version: None, against: None, is_new: false,
                }) { (w.cancel) }
            }
        }
    }
}

fn outcome(outcome: &Outcome, text: &str, w: &Words) -> Markup {
    let info = |text: &str| notice(Tone::Info, &html! { p { (text) } });
    match outcome {
        Outcome::Fresh => html! {},
        Outcome::Fine(version, _) => info(&w.is_fine(*version)),
        Outcome::NothingNew => info(w.is_fine_nothing_new),
        Outcome::NotPublished => info(w.unchanged),
        Outcome::Busy => {
            let text = crate::text::Words::of(w.lang).busy_text;
            notice(Tone::Bad, &html! { p { (text) } })
        }
        Outcome::Newer(version) => notice(
            Tone::Bad,
            &html! {
                p { strong { (w.newer(*version)) } }
                p { (w.newer_text) }
            },
        ),
        Outcome::Wrong(problems) => {
            let placed = place(problems, text);
            html! {
                (notice(Tone::Bad, &html! {
                    h2 { (w.problems) }
                    p { (w.problems_text) }
                    ol.flow-problems {
                        @for (at, problem) in &placed {
                            li {
                                a href={ "#L" (at.line) } { (w.at_place(at.line, at.column)) }
                                ": " (problem.detail)
                                @if !problem.pointer.is_empty() { " " code.quiet { (problem.pointer) } }
                            }
                        }
                    }
                }))
                (echo(&placed, text, w))
            }
        }
    }
}

/// The problems with their places, in the sequence of the text.
fn place<'a>(problems: &'a [FieldError], text: &str) -> Vec<(Position, &'a FieldError)> {
    let at = |problem: &FieldError| {
        let parser = problem.pointer.is_empty().then(|| told(&problem.detail)).flatten();
        parser.unwrap_or_else(|| locate(text, &problem.pointer))
    };
    let mut placed: Vec<_> = problems.iter().map(|p| (at(p), p)).collect();
    placed.sort_by_key(|(at, _)| *at);
    placed
}

/// The lines around what is wrong, with their numbers, and under a line what is wrong with it.
fn echo(placed: &[(Position, &FieldError)], text: &str, w: &Words) -> Markup {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().max(1);
    let near = |n: usize| placed.iter().any(|(at, _)| at.line.min(last).abs_diff(n) <= AROUND);
    let shown: Vec<usize> = (1..=last).filter(|n| near(*n)).collect();
    html! {
        div.table.flow-diff tabindex="0" role="region" aria-label=(w.problems) { table {
            tbody { @for (i, n) in shown.iter().enumerate() {
                @if i > 0 && shown[i - 1] + 1 < *n { tr.same { td.number { "⋮" } td {} } }
                @let wrong: Vec<_> = placed.iter().filter(|(at, _)| at.line.min(last) == *n).collect();
                tr #{ "L" (n) } class=(if wrong.is_empty() { "same" } else { "gone" }) {
                    td.number { (n) }
                    td {
                        code { (lines.get(n - 1).copied().unwrap_or_default()) }
                        @for (_, problem) in wrong { p.error { (problem.detail) } }
                    }
                }
            } }
        } }
    }
}

#[cfg(test)]
impl crate::samples::Samples for EditPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let of = |locale, outcome, diff| Self {
            shell: crate::samples::shell(locale),
            code: "order".to_owned(),
            base: 3,
            text: sample::source(),
            outcome,
            diff,
        };
        let problems = vec![
            FieldError::new("/operations/pay/to", "`<no>` is not a status"),
            FieldError::new("/statuses/PAID", "cannot be reached"),
            FieldError::new("", "something about all of it"),
        ];
        let diff = Diff::of(&sample::source(), &sample::source().replace("PT30M", "PT5M"));
        let broken = Self {
            text: "{ <no>\n".to_owned(),
            ..of(
                "zh-CN",
                Outcome::Wrong(vec![FieldError::new(
                    "",
                    "not JSON: key must be a string at line 1 column 3",
                )]),
                None,
            )
        };
        let empty = Self {
            text: String::new(),
            ..of("en", Outcome::Wrong(vec![FieldError::new("", "empty")]), None)
        };
        vec![
            of("en", Outcome::Fresh, None),
            of("zh-CN", Outcome::Fine(4, Some(sample::chart("zh-CN", false))), Some(diff.clone())),
            of("en", Outcome::NothingNew, Some(Diff::default())),
            of("en", Outcome::NotPublished, None),
            of("zh-CN", Outcome::Busy, None),
            of("en", Outcome::Wrong(problems), None),
            of("en", Outcome::Newer(4), Some(diff)),
            broken,
            empty,
        ]
    }
}
