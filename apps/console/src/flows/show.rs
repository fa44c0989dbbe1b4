//! A version of a flow: drawn, as tables, as JSON, and what differs from another version.

use maud::{Markup, html};
use order_api::FlowInfo;
use ui::parts::{Tone, notice, time};

use super::diagram::Chart;
use super::diff::Diff;
use super::parts::{diagram, difference, tables};
use super::routes::Route;
use super::words::Words;
use crate::layout::{Head, Shell, document};
use crate::nav;

/// A version of a flow.
#[derive(Debug, Clone)]
pub(crate) struct FlowPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Which.
    pub(crate) info: FlowInfo,
    /// All versions, newest first.
    pub(crate) versions: Vec<u32>,
    /// What it says.
    pub(crate) chart: Chart,
    /// Running orders on this version; `None` where that is not counted.
    pub(crate) running: Option<u64>,
    /// Its text.
    pub(crate) source: String,
    /// What differs from another version.
    pub(crate) diff: Option<(u32, Diff)>,
    /// It was just published; running orders that stay on earlier versions.
    pub(crate) published: Option<Option<u64>>,
}

/// The page.
pub(crate) fn render_flow(page: &FlowPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let title = title(&page.info, w);
    let main = html! {
        @if let Some(behind) = page.published {
            (notice(Tone::Info, &html! {
                p { (w.published_now(page.info.version)) }
                @if let Some(behind) = behind { p { (w.stay_behind(behind)) } }
            }))
        }
        (facts(page, w))
        @if let Some((against, diff)) = &page.diff {
            section aria-labelledby="differences" {
                h2 #differences { (w.differences_to(*against)) }
                (difference(diff, w))
            }
        }
        div #flow-live data-live-part {
            (diagram(&page.chart, &title, w))
            (tables(&page.chart, w))
        }
        section aria-labelledby="source" {
            h2 #source { (w.source) }
            pre.flow-source tabindex="0" role="region" aria-label=(w.source) { code { (page.source) } }
        }
    };
    let live = page.shell.may("orders:read").then(|| nav::Route::Events.to_string());
    document(&page.shell, &Head { title: &title, live, ..Head::default() }, &main)
}

fn title(info: &FlowInfo, w: &Words) -> String {
    [w.flow(&info.code), " · ", &w.version_no(info.version)].concat()
}

fn facts(page: &FlowPage, w: &Words) -> Markup {
    let FlowInfo { code, version, active, published_at } = &page.info;
    let edit = Route::Edit { code: code.clone(), version: (!active).then_some(*version) };
    html! {
        div.flow-head {
            p {
                @if *active { span.tag.good { (w.active) } " " }
                (w.published_at) " " (time(*published_at, page.shell.reader.lang))
                @if let Some(running) = page.running { " · " (w.running) ": " strong { (running) } }
            }
            @if page.shell.may("flows:publish") { a.button href=(edit) { (w.edit) } }
        }
        nav.flow-versions aria-label=(w.versions_text) {
            a href=(Route::List) { (w.flows) }
            @for other in &page.versions {
                @if other == version {
                    span aria-current="page" { (w.flow_version(*other)) }
                } @else {
                    @let compare = Route::Show {
                        code: code.clone(), version: Some(*version), against: Some(*other), is_new: false,
                    };
                    span {
                        a href=(Route::version(code, *other)) { (w.flow_version(*other)) } " ("
                        a href=(compare) aria-label=(w.compare_with(*other)) { (w.compare) } ")"
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for FlowPage {
    fn samples() -> Vec<Self> {
        use kit::Timestamp;
        use staff_api::Role;

        use super::sample::{chart, source};
        let of = |locale: &str, role| Self {
            shell: crate::samples::shell_as(locale, role),
            info: FlowInfo {
                code: "order".to_owned(),
                version: 2,
                active: true,
                published_at: Timestamp::from_millis(1_763_690_000_000),
            },
            versions: vec![3, 2, 1],
            chart: chart(locale, true),
            running: Some(12),
            source: source(),
            diff: None,
            published: None,
        };
        let full = of("en", Role::Owner);
        let diff = Diff::of(&source(), &source().replace("PENDING_PAYMENT", "NEW"));
        let compared = Self { diff: Some((1, diff)), ..of("zh-CN", Role::ReadOnly) };
        let published = Self { published: Some(Some(3)), ..of("zh-CN", Role::Owner) };
        let same = Self { diff: Some((1, Diff::default())), ..of("en", Role::ReadOnly) };
        let uncounted = Self {
            info: FlowInfo { code: "after_sale".to_owned(), active: false, ..full.info.clone() },
            chart: chart("en", false),
            running: None,
            published: Some(None),
            ..full.clone()
        };
        vec![full, compared, published, same, uncounted]
    }
}
