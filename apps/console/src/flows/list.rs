//! All flows with their versions.

use kit::Timestamp;
use maud::{Markup, html};
use ui::parts::time;

use super::routes::Route;
use super::words::Words;
use crate::layout::{Head, Shell, document};
use crate::nav;

/// A version of a flow.
#[derive(Debug, Clone)]
pub(crate) struct VersionRow {
    /// Which.
    pub(crate) version: u32,
    /// Whether new orders take it.
    pub(crate) is_active: bool,
    /// Since when.
    pub(crate) published_at: Timestamp,
    /// Running orders by label of their status; `None` where that is not counted.
    pub(crate) running: Option<Vec<(String, u64)>>,
}

/// A flow.
#[derive(Debug, Clone)]
pub(crate) struct FlowRow {
    /// Its code.
    pub(crate) code: String,
    /// Its versions, newest first.
    pub(crate) versions: Vec<VersionRow>,
}

/// All flows.
#[derive(Debug, Clone)]
pub(crate) struct FlowsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The flows.
    pub(crate) flows: Vec<FlowRow>,
}

/// The page.
pub(crate) fn render_flows(page: &FlowsPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        p { (w.flows_text) }
        div #flows-live data-live-part {
            @for flow in &page.flows { (of_flow(page, flow, w)) }
        }
    };
    let live = page.shell.may("orders:read").then(|| nav::Route::Events.to_string());
    document(&page.shell, &Head { title: w.flows, live, ..Head::default() }, &main)
}

fn of_flow(page: &FlowsPage, flow: &FlowRow, w: &Words) -> Markup {
    let id = ["flow-", &flow.code].concat();
    let edit = Route::Edit { code: flow.code.clone(), version: None };
    let counts = flow.versions.iter().any(|v| v.running.is_some());
    html! {
        section.flow-list aria-labelledby=(id) {
            div.flow-head {
                h2 id=(id) { (w.flow(&flow.code)) }
                @if page.shell.may("flows:publish") { a.button href=(edit) { (w.edit) } }
            }
            div.table tabindex="0" role="region" aria-label=(w.flow(&flow.code)) { table {
                thead { tr {
                    th scope="col" { (w.version) } th scope="col" { (w.published_at) }
                    @if counts { th scope="col" { (w.running) } }
                } }
                tbody { @for version in &flow.versions { tr {
                    td {
                        a href=(Route::version(&flow.code, version.version)) {
                            (w.flow_version(version.version))
                        }
                        @if version.is_active { " " span.tag.good { (w.active) } }
                    }
                    td { (time(version.published_at, page.shell.reader.lang)) }
                    @if let Some(running) = &version.running { td { (statuses(running, w)) } }
                } } }
            } }
        }
    }
}

fn statuses(running: &[(String, u64)], w: &Words) -> Markup {
    let total: u64 = running.iter().map(|(_, n)| n).sum();
    html! {
        @if total == 0 {
            span.quiet { (w.nothing_runs) }
        } @else {
            strong { (w.orders_here(total)) }
            @for (label, n) in running { " " span.tag { (label) " " (n) } }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for FlowsPage {
    fn samples() -> Vec<Self> {
        use staff_api::Role;
        let at = Timestamp::from_millis(1_763_690_000_000);
        let version = |version, is_active, running| VersionRow {
            version,
            is_active,
            published_at: at,
            running,
        };
        let busy = Some(vec![("To <pay>".to_owned(), 3), ("Paid".to_owned(), 1)]);
        let order = vec![version(2, true, busy), version(1, false, Some(Vec::new()))];
        let flows = vec![
            FlowRow { code: "order".to_owned(), versions: order },
            FlowRow { code: "after_sale".to_owned(), versions: vec![version(1, true, None)] },
        ];
        vec![
            Self { shell: crate::samples::shell("en"), flows: flows.clone() },
            Self { shell: crate::samples::shell_as("zh-CN", Role::ReadOnly), flows },
            Self { shell: crate::samples::shell("en"), flows: Vec::new() },
        ]
    }
}
