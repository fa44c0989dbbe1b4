//! What the platform's operator decides and the shop can only read: hosts and placements.

use kit::placement::{PlacementState, PlacementVersion};
use maud::{Markup, html};
use tenant_api::TenantInfo;
use ui::Lang;
use ui::parts;

use super::Words;

/// The addresses of the shop.
pub(super) fn hosts(tenant: &TenantInfo, w: &Words) -> Markup {
    html! {
        section.panel {
            h2 { (w.hosts) }
            p.quiet { (w.hosts_text) }
            ul.tags { @for host in &tenant.hosts { li { code.tag { (host) } } } }
        }
    }
}

/// Where its orders are kept.
pub(super) fn placements(tenant: &TenantInfo, lang: Lang, w: &Words) -> Markup {
    html! {
        section {
            h2 { (w.placements) }
            p.quiet { (w.placements_text) }
            div.table tabindex="0" role="region" aria-label=(w.placements) {
                table {
                    thead {
                        tr {
                            th.num scope="col" { (w.placement_version) }
                            th scope="col" { (w.placement_state) }
                            th scope="col" { (w.placement) }
                            th.num scope="col" { (w.databases) }
                            th.num scope="col" { (w.tables) }
                            th scope="col" { (w.in_use_since) }
                        }
                    }
                    tbody {
                        @for version in tenant.placements.versions() { (row(version, lang, w)) }
                    }
                }
            }
        }
    }
}

fn row(version: &PlacementVersion, lang: Lang, w: &Words) -> Markup {
    let (databases, tables) = ranges(version);
    let is_active = version.state == PlacementState::Active;
    html! {
        tr {
            td.num { (version.version) }
            td { span.tag.good[is_active] { (state(version.state, w)) } }
            td { code { (version.placement) } }
            td.num { (databases) }
            td.num { (tables) }
            td {
                @if version.effective_from == kit::Timestamp::default() {
                    (w.from_the_start)
                } @else {
                    (parts::time(version.effective_from, lang))
                }
            }
        }
    }
}

/// The first and last database and table of a placement.
fn ranges(version: &PlacementVersion) -> (String, String) {
    let cells: Vec<_> = version.placement.cells().collect();
    let (Some(first), Some(last)) = (cells.first(), cells.last()) else {
        return Default::default();
    };
    let range = |a: u8, b: u8| if a == b { a.to_string() } else { format!("{a}–{b}") };
    (range(first.db, last.db), range(first.table, last.table))
}

fn state(state: PlacementState, w: &Words) -> &'static str {
    let name = match state {
        PlacementState::Draft => "draft",
        PlacementState::Active => "active",
        PlacementState::ReadOnly => "read_only",
        PlacementState::Retired => "retired",
    };
    w.placement_states.get(name).unwrap_or(name)
}
