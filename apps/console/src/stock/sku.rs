//! One sku: what there is of it where, changing that by hand, and everything that ever changed it.

use inventory_api::LedgerEntry;
use kit::Cursor;
use maud::{Markup, html};
use types::SkuId;
use ui::Errors;
use ui::layout::once_field;
use ui::parts::{Field, Tone, field, notice, time};

use super::Words;
use super::list::{Named, name};
use super::routes::{Done, Route};
use crate::layout::{Head, Shell, csrf_field, document};

/// What there is in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InWarehouse {
    pub(crate) name: String,
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
}

/// An adjustment as it is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AdjustForm {
    /// Tells a form that is sent twice.
    pub(crate) token: String,
    pub(crate) warehouse: String,
    pub(crate) delta: String,
    pub(crate) reason: String,
    /// What is wrong, by field.
    pub(crate) problems: Errors,
}

/// A sku.
#[derive(Debug, Clone)]
pub(crate) struct SkuPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Which.
    pub(crate) id: SkuId,
    /// As people know it.
    pub(crate) named: Option<Named>,
    /// What there is where.
    pub(crate) levels: Vec<InWarehouse>,
    /// Ids and names of all warehouses.
    pub(crate) warehouses: Vec<(String, String)>,
    /// The adjustment.
    pub(crate) form: AdjustForm,
    /// What was just done to it.
    pub(crate) done: Option<Done>,
    /// What changed it, newest first, each with its warehouse's name.
    pub(crate) ledger: Vec<(LedgerEntry, String)>,
    /// Whether this is not the first page of the ledger.
    pub(crate) is_later: bool,
    /// Where the ledger goes on.
    pub(crate) next: Option<Cursor>,
}

/// The page.
pub(crate) fn render_sku(page: &SkuPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let title = name(page.named.as_ref(), w);
    let code = page.named.as_ref().map(|n| n.code.as_str()).filter(|c| !c.is_empty());
    let main = html! {
        p.crumbs { a href=(Route::list()) { (w.stock) } }
        @if let Some(done) = page.done { (notice(Tone::Info, &html! { p { (said(done, w)) } })) }
        @if let Some(problem) = page.form.problems.of("") { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @match &page.named {
            None => p.quiet { (w.unknown_sku) },
            Some(named) => p.row {
                @if let Some(code) = code { span.quiet { (w.number) ": " (code) } }
                @if page.shell.may("products:read") {
                    a href=(crate::products::routes::Route::product(named.product)) { (w.to_product) }
                }
            },
        }
        (levels(page, w))
        @if page.shell.may("stock:write") { (adjust(page, w)) }
        (ledger(page, w))
    };
    document(&page.shell, &Head { title: &title, ..Head::default() }, &main)
}

const fn said(done: Done, w: &Words) -> &'static str {
    match done {
        Done::Adjusted => w.adjusted,
        Done::Underway => w.underway,
    }
}

fn levels(page: &SkuPage, w: &Words) -> Markup {
    let sum = |of: fn(&InWarehouse) -> i64| page.levels.iter().map(of).sum::<i64>();
    html! {
        section aria-labelledby="levels" {
            h2 id="levels" { (w.in_warehouses) }
            @if page.levels.is_empty() {
                p.quiet { (w.never_stocked) }
            } @else {
                div.table tabindex="0" role="region" aria-label=(w.in_warehouses) {
                    table {
                        thead { tr {
                            th scope="col" { (w.warehouse) }
                            th.number scope="col" { (w.available) }
                            th.number scope="col" { (w.reserved) }
                            th.number scope="col" { (w.sold) }
                        } }
                        tbody {
                            @for level in &page.levels {
                                tr {
                                    th scope="row" { (level.name) }
                                    td.number { (level.available) }
                                    td.number { (level.reserved) }
                                    td.number { (level.sold) }
                                }
                            }
                            @if page.levels.len() > 1 {
                                tr {
                                    th scope="row" { (w.total) }
                                    td.number { (sum(|l| l.available)) }
                                    td.number { (sum(|l| l.reserved)) }
                                    td.number { (sum(|l| l.sold)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn adjust(page: &SkuPage, w: &Words) -> Markup {
    let form = &page.form;
    let is_wrong = form.problems.of("warehouse").is_some();
    html! {
        section.panel aria-labelledby="adjust" {
            h2 id="adjust" { (w.adjust) }
            @if page.warehouses.is_empty() {
                p { (w.no_warehouses) " " a href=(Route::Warehouses) { (w.add_warehouse) } }
            } @else {
                p.quiet { (w.adjust_text) }
                form.stack method="post" action=(Route::Adjust { id: page.id }) {
                    (csrf_field(&page.shell))
                    (once_field("token", &form.token))
                    div.fields {
                        (field(&Field {
                            name: "delta", label: w.delta, value: &form.delta, hint: w.delta_hint,
                            error: form.problems.of("delta"), required: true, length_max: 11, ..Field::default()
                        }))
                        div.field {
                            label for="f-warehouse" { (w.warehouse) }
                            select id="f-warehouse" name="warehouse" aria-invalid=[is_wrong.then_some("true")] {
                                @for (id, name) in &page.warehouses {
                                    option value=(id) selected[*id == form.warehouse] { (name) }
                                }
                            }
                            @if let Some(error) = form.problems.of("warehouse") { p.error { (error) } }
                        }
                        (field(&Field {
                            name: "reason", label: w.reason, value: &form.reason, hint: w.reason_hint,
                            error: form.problems.of("reason"), required: true, length_max: 200, ..Field::default()
                        }))
                    }
                    p { button type="submit" { (w.adjust) } }
                }
            }
        }
    }
}

fn ledger(page: &SkuPage, w: &Words) -> Markup {
    let to = |cursor| Route::Sku { id: page.id, cursor, done: None };
    html! {
        section aria-labelledby="ledger" {
            h2 id="ledger" { (w.ledger) }
            @if page.ledger.is_empty() {
                p.quiet { (w.no_changes) }
            } @else {
                div.table tabindex="0" role="region" aria-label=(w.ledger) {
                    table {
                        thead { tr {
                            th scope="col" { (w.when) }
                            th scope="col" { (w.what) }
                            th scope="col" { (w.warehouse) }
                            th.number scope="col" { (w.available) }
                            th.number scope="col" { (w.reserved) }
                            th.number scope="col" { (w.sold) }
                            th scope="col" { (w.why) }
                            th scope="col" { (w.who) }
                        } }
                        tbody { @for (entry, warehouse) in &page.ledger { (change(page, w, entry, warehouse)) } }
                    }
                }
            }
            (ui::parts::pager(
                ui::Words::of(page.shell.reader.lang),
                page.is_later.then(|| to(None)),
                page.next.clone().map(|cursor| to(Some(cursor))),
            ))
        }
    }
}

fn change(page: &SkuPage, w: &Words, entry: &LedgerEntry, warehouse: &str) -> Markup {
    html! {
        tr {
            td { (time(entry.at, page.shell.reader.lang)) }
            td { (w.kinds.get(&entry.kind).unwrap_or(&entry.kind)) }
            td { (warehouse) }
            td.number { (signed(entry.available)) }
            td.number { (signed(entry.reserved)) }
            td.number { (signed(entry.sold)) }
            td {
                (entry.reason)
                @if let Some(order) = entry.order_id {
                    @if !entry.reason.is_empty() { " " }
                    @if page.shell.may("orders:read") {
                        a href=(crate::orders::routes::Route::Order(order)) { (w.order) " " (order) }
                    } @else {
                        span.quiet { (w.order) " " (order) }
                    }
                }
            }
            td { (entry.by) }
        }
    }
}

/// A change with its sign; nothing for none.
fn signed(n: i64) -> String {
    if n == 0 { String::new() } else { format!("{n:+}") }
}

#[cfg(test)]
impl crate::samples::Samples for SkuPage {
    fn samples() -> Vec<Self> {
        use crate::samples::{shell, shell_as};

        let level = |name: &str, available| InWarehouse {
            name: name.into(),
            available,
            reserved: 1,
            sold: 12,
        };
        let entry = |kind: &str, available, order: Option<i64>| LedgerEntry {
            at: kit::Timestamp::from_millis(1_763_690_000_000),
            sku_id: SkuId::from_i64(7).unwrap(),
            warehouse_id: types::WarehouseId::from_i64(3).unwrap(),
            kind: kind.into(),
            available,
            reserved: -available,
            sold: 0,
            order_id: order.map(|n| types::OrderId::from_i64(n).unwrap()),
            reason: "Broken <Sons>".into(),
            by: "operator:7".into(),
        };
        let main = "Main <Sons>".to_owned();
        let full = Self {
            shell: shell("en"),
            id: SkuId::from_i64(7).unwrap(),
            named: Some(super::list::sample_name()),
            levels: vec![level(&main, 5), level("North", 0)],
            warehouses: vec![("3".into(), main.clone()), ("4".into(), "North".into())],
            form: AdjustForm { token: "0".repeat(32), ..AdjustForm::default() },
            done: Some(Done::Adjusted),
            ledger: vec![
                (entry("adjust", -3, None), main.clone()),
                (entry("reserve", -1, Some(5)), main.clone()),
                (entry("odd", 1, Some(5)), main),
            ],
            is_later: true,
            next: Some("abc".to_owned().into()),
        };
        let mut problems = Errors::one("delta", Words::of(ui::Lang::ZhCn).would_be_negative(3));
        problems.add("warehouse", "<wrong>");
        problems.add("", "<wrong>");
        let refused = Self {
            shell: shell("zh-CN"),
            form: AdjustForm {
                token: "0".repeat(32),
                warehouse: "4".into(),
                delta: "-<no>".into(),
                reason: "<wrong>".into(),
                problems,
            },
            done: None,
            ..full.clone()
        };
        let unknown = Self {
            named: None,
            levels: Vec::new(),
            ledger: Vec::new(),
            warehouses: Vec::new(),
            is_later: false,
            next: None,
            done: None,
            ..full.clone()
        };
        let reader = Self {
            shell: shell_as("zh-CN", staff_api::Role::ReadOnly),
            done: None,
            ..full.clone()
        };
        vec![full, refused, unknown, reader]
    }
}
