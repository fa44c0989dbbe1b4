//! The pages of imports: choosing a file, and everything that happens to it then.

use maud::{Markup, html};
use product_api::ImportStatus;
use product_api::feed::{Outcome, Problem, Row};
use ui::parts::{Tone, notice};

use super::Words;
use super::job::{Checked, State, Trouble};
use super::routes::Route;
use crate::layout::{Head, Shell, csrf_field, document};
use crate::products::routes::Route as ProductRoute;

/// Seconds after which a page of work that goes on is asked for again.
const REFRESH_S: u32 = 2;
/// Rows of a report on one page.
const ROWS: usize = 200;

/// An import that there is already.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) busy: bool,
}

/// Choosing a file.
#[derive(Debug, Clone)]
pub(crate) struct BeginPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Why none was taken.
    pub(crate) problem: Option<&'static str>,
    /// The latest import.
    pub(crate) other: Option<Other>,
}

/// The page.
pub(crate) fn render_import_begin(page: &BeginPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        p.crumbs { a href=(ProductRoute::list()) { (w.to_products) } }
        @if let Some(problem) = page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @if let Some(other) = &page.other {
            (notice(Tone::Info, &html! {
                p {
                    @if other.busy { (w.under_way(&other.name)) } @else { (w.latest(&other.name)) }
                    " " a href=(Route::job(&other.id)) { (w.see_it) }
                }
            }))
        }
        p { (w.import_text) }
        @if !page.other.as_ref().is_some_and(|o| o.busy) { (upload(&page.shell, w)) }
    };
    document(&page.shell, &Head { title: w.import_title, ..Head::default() }, &main)
}

fn upload(shell: &Shell, w: &Words) -> Markup {
    html! {
        form.panel.stack method="post" action=(Route::Begin) enctype="multipart/form-data" {
            (csrf_field(shell))
            div.field {
                label for="f-file" { (w.file) }
                input id="f-file" type="file" name="file" accept=".csv,text/csv" required aria-describedby="f-file-hint";
                p.hint id="f-file-hint" { (w.file_hint) }
            }
            p { button type="submit" { (w.check) } }
        }
    }
}

/// An import.
#[derive(Debug, Clone)]
pub(crate) struct ImportPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Which.
    pub(crate) id: String,
    /// The file's name.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) state: State,
    /// The part of a long report, from 0.
    pub(crate) part: usize,
}

/// The page.
pub(crate) fn render_import(page: &ImportPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let (title, content) = match &page.state {
        State::Uploading => (w.import_title, html! { p { (w.uploading) } }),
        State::Checking { done, of } => (w.import_title, checking(*done, *of, w)),
        State::Checked(checked) => (w.import_title, report(page, checked, w)),
        State::Applying { checked, status } => (w.importing, applying(checked, status.as_ref(), w)),
        State::Done(status) => (w.imported_title, done(status, w)),
        State::Failed { trouble, checked } => {
            (w.import_title, failed(page, trouble, checked.is_some(), w))
        }
    };
    let waits = matches!(&page.state, State::Done(status) if status.stock_pending);
    let refresh =
        (page.state.is_busy() || waits).then(|| (REFRESH_S, Route::job(&page.id).to_string()));
    let main = html! {
        p.crumbs { a href=(ProductRoute::list()) { (w.to_products) } }
        p { strong { (page.name) } }
        (content)
    };
    document(&page.shell, &Head { title, refresh, ..Head::default() }, &main)
}

fn count(n: u32) -> i64 {
    i64::from(n)
}

fn progress(done: u32, of: u32, text: &str) -> Markup {
    html! {
        div.stack role="status" {
            progress max=(of.max(1)) value=(done.min(of)) aria-label=(text) {}
            p { (text) }
        }
    }
}

fn checking(done: u32, of: Option<u32>, w: &Words) -> Markup {
    html! {
        p { (w.checking) }
        @match of {
            Some(of) => (progress(done, of, &w.checked_of(count(done), count(of)))),
            None => progress aria-label=(w.checking) {},
        }
    }
}

fn applying(checked: &Checked, status: Option<&ImportStatus>, w: &Words) -> Markup {
    let of = status.map_or(checked.report.products, |s| s.products);
    let done = status.map_or(0, |s| s.applied);
    html! {
        (progress(done, of, &w.applied_of(count(done), count(of))))
        p.quiet { (w.importing_text) }
    }
}

fn done(status: &ImportStatus, w: &Words) -> Markup {
    let taken = status.applied.saturating_sub(status.skipped);
    html! {
        (notice(Tone::Info, &html! {
            p { (w.imported(count(taken), count(status.created), count(status.skus))) }
            @if status.skipped > 0 { p { (w.passed_over(count(status.skipped))) } }
            @if status.stock_pending { p { (w.stock_follows) } }
        }))
        div.row {
            a.button href=(ProductRoute::list()) { (w.to_products) }
            a.button.quiet href=(Route::Begin) { (w.another) }
        }
    }
}

fn failed(page: &ImportPage, trouble: &Trouble, may_go_on: bool, w: &Words) -> Markup {
    let (title, why) = match trouble {
        Trouble::CutOff => (w.cut_off, None),
        Trouble::Refused(why) | Trouble::NotTaken(why) => (w.refused_title, Some(why)),
    };
    html! {
        (notice(Tone::Bad, &html! {
            p { strong { (title) } }
            @if let Some(why) = why { p { (said(why, w)) } }
            p { @if may_go_on { (w.go_on_text) } @else { (w.nothing_changed) } }
        }))
        @match &page.state {
            State::Failed { trouble, checked: Some(checked) } => {
                @if matches!(trouble, Trouble::NotTaken(_)) && checked.plan.is_clean() {
                    p { (w.not_taken_text) }
                    (pass_over(page, w))
                }
                (decide(page, checked, w.go_on, w))
            },
            _ => (upload(&page.shell, w)),
        }
    }
}

/// What was found, and what to do about it.
fn report(page: &ImportPage, checked: &Checked, w: &Words) -> Markup {
    let (found, plan) = (&checked.report, &checked.plan);
    let label = if plan.is_clean() {
        w.import_all.to_owned()
    } else {
        w.import_good(count(plan.good_count()))
    };
    let wrong = plan.refused.saturating_add(plan.conflicts);
    html! {
        @if let Some(why) = &plan.fatal {
            (notice(Tone::Bad, &html! { p { strong { (w.fatal) } } p { (problem(why, w)) } }))
        } @else {
            p {
                (w.holds(count(found.products), count(found.variants), count(found.images))) " "
                (w.would_be(count(plan.new), count(plan.replaced)))
            }
            @if plan.replaced > 0 { p.quiet { (w.replaced_text) } }
            @if wrong > 0 { (notice(Tone::Bad, &html! {
                p { strong { (w.not_taken(count(wrong))) } }
                p { @if plan.good_count() > 0 { (w.decide_text) } @else { (w.none_good) } }
            })) }
        }
        @if plan.fatal.is_none() && plan.good_count() > 0 { (decide(page, checked, &label, w)) }
        @else { (upload(&page.shell, w)) }
        (rows(page, checked, w))
        (notes(checked, w))
    }
}

/// The buttons: on with it, or not.
fn decide(page: &ImportPage, checked: &Checked, label: &str, w: &Words) -> Markup {
    html! {
        div.row {
            form method="post" action=(Route::Apply { job: page.id.clone() }) {
                (csrf_field(&page.shell))
                @if !checked.plan.is_clean() { input type="hidden" name="skip" value="1"; }
                button type="submit" { (label) }
            }
            form method="post" action=(Route::Discard { job: page.id.clone() }) {
                (csrf_field(&page.shell))
                button.quiet type="submit" { (w.discard) }
            }
        }
    }
}

/// The button for products that nobody knew the catalogue would not take when it was decided.
fn pass_over(page: &ImportPage, w: &Words) -> Markup {
    html! {
        form method="post" action=(Route::Apply { job: page.id.clone() }) {
            (csrf_field(&page.shell))
            input type="hidden" name="skip" value="1";
            button type="submit" { (w.pass_over) }
        }
    }
}

/// What happens to each product: those with a problem first.
fn rows(page: &ImportPage, checked: &Checked, w: &Words) -> Markup {
    let plan = &checked.plan;
    let all: Vec<&Row> = plan.problems().iter().chain(plan.good()).collect();
    let parts = all.len().div_ceil(ROWS);
    let part = page.part.min(parts.saturating_sub(1));
    let begin = part * ROWS;
    let shown = &all[begin..(begin + ROWS).min(all.len())];
    let split = plan.problems().len().saturating_sub(begin).min(shown.len());
    let (problems, good) = shown.split_at(split);
    let wrong = u64::from(plan.refused) + u64::from(plan.conflicts);
    let hidden = (wrong + u64::from(plan.good_count())).saturating_sub(all.len() as u64);
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let to = |part| Route::Job { job: page.id.clone(), part };
    html! {
        @if !problems.is_empty() { (table("wrong", w.problems_title, problems, w)) }
        @if !good.is_empty() { (table("good", w.good_title, good, w)) }
        @if hidden > 0 && part + 1 >= parts {
            p.quiet { (w.not_listed(i64::try_from(hidden).unwrap_or(i64::MAX))) }
        }
        @if parts > 1 { p.quiet { (w.part_of(number(part + 1), number(parts))) } }
        (ui::parts::pager(
            ui::Words::of(page.shell.reader.lang),
            (part > 0).then(|| to(0)),
            (part + 1 < parts).then(|| to(part + 1)),
        ))
    }
}

fn table(id: &str, title: &str, rows: &[&Row], w: &Words) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            div.table tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr {
                        th.number scope="col" { (w.line) }
                        th scope="col" { (w.product) }
                        th.number scope="col" { (w.variants) }
                        th scope="col" { (w.what_happens) }
                    } }
                    tbody {
                        @for row in rows {
                            tr {
                                td.number { (row.line) }
                                td { (row.title) br; span.quiet.small { (row.handle) } }
                                td.number { (row.variants) }
                                td { (outcome(&row.outcome, w)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn outcome(outcome: &Outcome, w: &Words) -> Markup {
    html! {
        @match outcome {
            Outcome::New => span.tag.good { (w.is_new) },
            Outcome::Replaces => span.tag.busy { (w.is_replaced) },
            Outcome::Conflict(why) => { span.tag.bad { (w.is_conflict) } p { (said(why, w)) } },
            Outcome::Mistakes(mistakes) => {
                span.tag.bad { (w.is_refused) }
                ul { @for mistake in mistakes.kept() { li { (problem(mistake, w)) } } }
                @if mistakes.count() > mistakes.kept().len() as u64 { p.quiet { (w.more_problems) } }
            },
        }
    }
}

/// Where something is wrong, and what. The reader of files says it in English; others are told what the
/// column may hold as well.
fn problem(problem: &Problem, w: &Words) -> Markup {
    let line = i64::try_from(problem.line).unwrap_or(i64::MAX);
    let place = match &problem.column {
        Some(column) => w.columns(column, line),
        None => w.on_line(line),
    };
    let rule = problem.column.as_deref().filter(|_| w.lang != ui::Lang::En);
    let rule = rule.and_then(|column| w.cells.get(&key_of(column)));
    html! {
        strong { (place) ":" } " "
        @if let Some(rule) = rule { (rule) " " }
        (said(&problem.detail, w))
    }
}

/// What services and files say is in English.
fn said(text: &str, w: &Words) -> Markup {
    html! {
        @if w.lang == ui::Lang::En { (text) } @else { span.quiet lang="en" { (text) } }
    }
}

/// How a column is called in the table of words: `Option1 Value` is `option_value`.
fn key_of(column: &str) -> String {
    let letters = column.chars().filter(|c| !c.is_ascii_digit());
    let words: String = letters
        .map(|c| if c.is_ascii_alphabetic() { c.to_ascii_lowercase() } else { ' ' })
        .collect();
    words.split_whitespace().collect::<Vec<_>>().join("_")
}

/// What is odd and no reason to refuse anything.
fn notes(checked: &Checked, w: &Words) -> Markup {
    let warnings = &checked.report.warnings;
    let hidden = warnings.count().saturating_sub(warnings.kept().len() as u64);
    html! {
        @if warnings.count() > 0 {
            details.panel {
                summary { (w.notes) " (" (warnings.count()) ")" }
                ul { @for warning in warnings.kept() { li { (problem(warning, w)) } } }
                @if hidden > 0 { p.quiet { (w.not_listed(i64::try_from(hidden).unwrap_or(i64::MAX))) } }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for BeginPage {
    fn samples() -> Vec<Self> {
        use crate::samples::shell;

        let other = |busy| Some(Other { id: "0".repeat(32), name: "<Sons>.csv".into(), busy });
        let w = Words::of(ui::Lang::En);
        vec![
            Self { shell: shell("zh-CN"), problem: None, other: None },
            Self { shell: shell("en"), problem: Some(w.choose_file), other: other(false) },
            Self { shell: shell("en"), problem: Some(w.one_at_a_time), other: other(true) },
        ]
    }
}

#[cfg(test)]
impl crate::samples::Samples for ImportPage {
    fn samples() -> Vec<Self> {
        use crate::samples::shell;
        use tests::{CLEAN, FILE, looked_at};

        let of = |locale, state| Self {
            shell: shell(locale),
            id: "0".repeat(32),
            name: "<Sons>.csv".into(),
            state,
            part: 0,
        };
        let status = ImportStatus {
            id: types::ImportId::from_i64(5).unwrap(),
            file_name: "a.csv".into(),
            products: 10,
            applied: 4,
            created: 3,
            skipped: 1,
            skus: 9,
            stock_pending: true,
            done: false,
        };
        let checked = looked_at(FILE);
        let rows: String = (0..450).map(|n| format!("p{n},P,oops\n")).collect();
        let long = looked_at(&format!("Handle,Title,Variant Price\n{rows}"));
        let fatal = looked_at("Handle,Title,Variant Price\na,\"A,1\n");
        let failed = |trouble, checked| State::Failed { trouble, checked };
        vec![
            of("en", State::Uploading),
            of("en", State::Checking { done: 0, of: None }),
            of("zh-CN", State::Checking { done: 4, of: Some(10) }),
            of("en", State::Checked(checked.clone())),
            of("zh-CN", State::Checked(checked.clone())),
            Self { part: 9, ..of("en", State::Checked(long)) },
            of("zh-CN", State::Checked(fatal)),
            of("en", State::Applying { checked: checked.clone(), status: Some(status.clone()) }),
            of("zh-CN", State::Applying { checked: checked.clone(), status: None }),
            of("en", State::Done(status.clone())),
            of("zh-CN", State::Done(ImportStatus { stock_pending: false, skipped: 0, ..status })),
            of("en", failed(Trouble::CutOff, None)),
            of("zh-CN", failed(Trouble::Refused("<no>".into()), Some(checked))),
            of("en", failed(Trouble::NotTaken("<no>".into()), Some(looked_at(CLEAN)))),
            of("zh-CN", failed(Trouble::NotTaken("<no>".into()), Some(looked_at(CLEAN)))),
        ]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use product_api::ImportConflict;
    use product_api::feed::{Plan, Settings, batches, validate};

    use super::*;

    /// A file as it is after it was looked at.
    pub(crate) fn looked_at(text: &str) -> Arc<Checked> {
        let settings = Settings::new("CNY".parse().unwrap(), "en".parse().unwrap());
        let report = validate(text.as_bytes(), &settings).unwrap();
        let mut plan = Plan::new(&report);
        if let Ok(batches) = batches(text.as_bytes(), &settings, &report, true) {
            for batch in batches {
                let batch = batch.unwrap();
                let is_taken = batch.products[0].product.slug.as_str() == "taken";
                let conflict = ImportConflict { index: 0, detail: "its code is <wrong>".into() };
                let conflicts = if is_taken { vec![conflict] } else { vec![] };
                plan.add(&batch, &["known".parse().unwrap()], &conflicts);
            }
        }
        let file = tempfile::tempfile().unwrap();
        Arc::new(Checked { file, hash: "0".repeat(64), settings, report, plan })
    }

    pub(crate) const FILE: &str = "Handle,Title,Variant Price,Mood\n\
        taken,<Lee>,1,\nbad,<Sons>,oops,\nnew,New,1,\nknown,Known,2,\n";

    pub(crate) const CLEAN: &str = "Handle,Title,Variant Price\nnew,New,1\n";

    #[test]
    fn every_column_that_is_read_has_its_rule() {
        let w = Words::of(ui::Lang::ZhCn);
        for column in product_api::feed::columns() {
            assert!(w.cells.get(&key_of(column)).is_some(), "{column}");
        }
    }
}
