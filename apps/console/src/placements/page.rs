//! Where the shop's orders lie.

use kit::PlacementVersion;
use maud::{Markup, html};
use types::OrderId;
use ui::parts::{Field, field, time};

use super::figures::{Cell, Decoded, Evenness, Verdict, decimal, per_cent};
use super::map::{SHADES, map};
use super::words::Words;
use crate::layout::{Head, Shell, document};
use crate::orders::routes::Route;

/// Placements.
#[derive(Debug, Clone)]
pub(crate) struct PlacementsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The versions, newest first.
    pub(crate) versions: Vec<PlacementVersion>,
    /// The cells with their orders.
    pub(crate) cells: Vec<Cell>,
    /// How evenly they are spread over the cells of the active version.
    pub(crate) evenness: Option<Evenness>,
    /// The id that was typed.
    pub(crate) id: String,
    /// What it says; `None` when it is none, or nothing was typed.
    pub(crate) decoded: Option<Decoded>,
}

/// The page.
pub(crate) fn render_placements(page: &PlacementsPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        p { (w.placements_text) }
        (decoder(page, w))
        (versions(page, w))
        section.placements aria-labelledby="spread" {
            h2 #spread { (w.spread) }
            (spread(page, w))
        }
    };
    document(&page.shell, &Head { title: w.placements, ..Head::default() }, &main)
}

fn decoder(page: &PlacementsPage, w: &Words) -> Markup {
    let is_wrong = !page.id.is_empty() && page.decoded.is_none();
    html! {
        section.panel aria-labelledby="decode" {
            h2 #decode { (w.decode) }
            p.quiet { (w.decode_text) }
            form.filters method="get" action=(super::routes::pattern::SHOW) {
                (field(&Field {
                    name: "id", label: w.id, value: &page.id, inputmode: "numeric",
                    autocomplete: "off", error: is_wrong.then_some(w.bad_id), length_max: 19,
                    required: true, ..Field::default()
                }))
                button.quiet type="submit" { (w.decode_now) }
            }
            @if let Some(decoded) = &page.decoded { (meaning(decoded, page, w)) }
        }
    }
}

fn meaning(decoded: &Decoded, page: &PlacementsPage, w: &Words) -> Markup {
    let place = decoded.place;
    let order = (!decoded.versions.is_empty()).then_some(Route::Order(OrderId(decoded.id)));
    html! {
        dl.terms {
            dt { (w.made_at) }
            dd {
                (time(decoded.made_at, page.shell.reader.lang)) " " code.quiet { (decoded.made_at) }
                @if decoded.is_future { p.error { (w.in_the_future) } }
            }
            dt { (w.database) } dd { (place.db) " " code.quiet { (file(place.db)) } }
            dt { (w.table) } dd { (place.table) " " code.quiet { (table(place.table)) } }
            dt { (w.worker) } dd { (decoded.worker) }
            dt { (w.sequence) } dd { (decoded.sequence) }
            dt { (w.made_by) }
            dd {
                @for (n, version) in decoded.versions.iter().enumerate() {
                    @if n > 0 { ", " }
                    (w.version_no(*version))
                }
                @if decoded.versions.is_empty() { (w.made_by_none) }
                @if place == kit::Place::ZERO { p.quiet { (w.not_sharded) } }
            }
        }
        @if let Some(order) = order { p { a href=(order) { (w.as_order) } } }
    }
}

/// The file of a logical database on embedded storage.
fn file(db: u8) -> String {
    format!("order_{db:02}.db")
}

/// The physical table of a logical one.
fn table(table: u8) -> String {
    format!("orders_{table:02}")
}

fn versions(page: &PlacementsPage, w: &Words) -> Markup {
    html! {
        section aria-labelledby="versions" {
            h2 #versions { (w.versions) }
            div.table tabindex="0" role="region" aria-label=(w.versions) { table {
                thead { tr {
                    @for head in [w.version, w.state, w.effective_from, w.databases, w.tables] {
                        th scope="col" { (head) }
                    }
                    th.number scope="col" { (w.cells) }
                    th.number scope="col" { (w.orders) }
                } }
                tbody { @for version in &page.versions { (version_row(version, page, w)) } }
            } }
        }
    }
}

fn version_row(version: &PlacementVersion, page: &PlacementsPage, w: &Words) -> Markup {
    let placement = version.placement;
    let orders: i64 =
        page.cells.iter().filter(|c| placement.contains(c.place)).map(|c| c.orders).sum();
    let (mut places, last) = (placement.cells(), placement.cells().last());
    let (first, last) = (places.next().unwrap_or_default(), last.unwrap_or_default());
    let is_active = version.state == kit::PlacementState::Active;
    html! {
        tr {
            th scope="row" { (w.version_no(version.version)) " " code.quiet { (placement) } }
            td { span.tag.good[is_active] { (w.state(version.state)) } }
            td {
                @if version.effective_from.micros() == 0 {
                    (w.from_the_start)
                } @else {
                    (time(version.effective_from, page.shell.reader.lang))
                }
            }
            td { (w.range(first.db, last.db)) }
            td { (w.range(first.table, last.table)) }
            td.number { (placement.len()) }
            td.number { (orders) }
        }
    }
}

fn spread(page: &PlacementsPage, w: &Words) -> Markup {
    let total: i64 = page.cells.iter().map(|c| c.orders).sum();
    html! {
        @if total == 0 {
            p { (w.no_orders) }
        } @else {
            p { strong { (w.orders_in(total, page.cells.len())) } }
            @if let Some(evenness) = &page.evenness { (told(evenness, w)) }
        }
        div.cell-view {
            div {
                div.flow-scroll tabindex="0" role="region" aria-label=(w.map) { (map(&page.cells, w)) }
                (legend(w))
            }
            (numbers(page, total, w))
        }
    }
}

fn told(evenness: &Evenness, w: &Words) -> Markup {
    let verdict = match evenness.verdict {
        Verdict::TooFew => w.too_few,
        Verdict::Even => w.is_even,
        Verdict::Uneven => w.is_uneven,
        Verdict::VeryUneven => w.is_very_uneven,
    };
    html! {
        p { (verdict) }
        @if evenness.verdict != Verdict::TooFew {
            dl.terms aria-label=(w.evenness) {
                dt { (w.fullest) } dd { (w.times(&decimal(evenness.fullest))) }
                dt { (w.emptiest) } dd { (w.times(&decimal(evenness.emptiest))) }
                dt { (w.dispersion) }
                dd { (decimal(evenness.dispersion)) " " span.quiet { (w.dispersion_text) } }
            }
        }
    }
}

fn legend(w: &Words) -> Markup {
    let square = |class: &str| {
        html! {
            svg.cell-map viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" {
                rect class=(class) x="1" y="1" width="14" height="14" {}
            }
        }
    };
    html! {
        ul.flow-legend {
            li { (square("shade-1")) (w.map_few) }
            li { (square(&format!("shade-{SHADES}"))) (w.map_many) }
            li { (square("shade-0 home")) (w.map_home) }
        }
    }
}

fn numbers(page: &PlacementsPage, total: i64, w: &Words) -> Markup {
    html! {
        div.table.cell-table tabindex="0" role="region" aria-label=(w.cells) { table {
            thead { tr {
                th scope="col" { (w.cell) } th scope="col" { (w.database_file) } th scope="col" { (w.table) }
                th.number scope="col" { (w.orders) } th.number scope="col" { (w.share) }
            } }
            tbody { @for cell in &page.cells { tr {
                th scope="row" { code { (cell.place) } }
                td { code { (file(cell.place.db)) } }
                td { code { (table(cell.place.table)) } }
                td.number { (cell.orders) }
                td.number { (per_cent(cell.orders, total)) }
            } } }
        } }
    }
}

#[cfg(test)]
impl crate::samples::Samples for PlacementsPage {
    fn samples() -> Vec<Self> {
        use kit::{Id, Place, Placement, Placements, Timestamp};
        use order_api::CellCount;
        use staff_api::Role;

        use super::figures::cells;
        let now = Timestamp::from_millis(1_763_690_000_000);
        let of = |locale, role, placement: Placement, orders: fn(i64) -> i64| {
            let placements = Placements::initial(placement);
            let counts = placement.cells().zip(0..);
            let counts: Vec<CellCount> =
                counts.map(|(place, n)| CellCount { place, orders: orders(n) }).collect();
            let cells = cells(&placements, &counts, now);
            let home: Vec<i64> = cells.iter().filter(|c| c.is_home).map(|c| c.orders).collect();
            let page = Self {
                shell: crate::samples::shell_as(locale, role),
                versions: placements.versions().to_vec(),
                cells,
                evenness: Evenness::of(&home),
                id: String::new(),
                decoded: None,
            };
            (page, placements)
        };
        let high = Placement::new(4, 8, 4, 0).unwrap();
        let (full, placements) = of("en", Role::Owner, high, |n| 900 + n * 13 % 57);
        let (few, _) = of("zh-CN", Role::ReadOnly, Placement::new(1, 8, 0, 16).unwrap(), |n| n % 3);
        let (none, _) = of("en", Role::Warehouse, Placement::new(1, 1, 0, 0).unwrap(), |_| 0);
        let (skew, _) = of("zh-CN", Role::Owner, high, |n| if n == 3 { 9_000 } else { n });
        let id = |place| Id::compose(1_763_000_000_000, place, 5, 9).unwrap();
        let decode = |id: Id| Some(Decoded::of(id, &placements, now));
        let (good, foreign) = (id(Place::new(5, 3).unwrap()), id(Place::ZERO));
        vec![
            full.clone(),
            Self { id: good.to_string(), decoded: decode(good), ..full.clone() },
            Self { id: foreign.to_string(), decoded: decode(foreign), ..skew },
            Self { id: "<no>".to_owned(), ..full },
            few,
            none,
        ]
    }
}
