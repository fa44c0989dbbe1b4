//! What there is of which sku.

use kit::Cursor;
use maud::{Markup, html};
use types::SkuId;
use ui::parts::{Field, Tone, field, notice};

use super::routes::{Filter, Route};
use super::{LOW, Words};
use crate::layout::{Head, Shell, document};

/// A sku as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The product's name.
    pub(crate) title: String,
    /// Its values.
    pub(crate) variant: String,
    /// The merchant's number.
    pub(crate) code: String,
    /// A picture.
    pub(crate) image: Option<String>,
    /// Its product.
    pub(crate) product: types::SpuId,
}

/// A sku's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Level {
    /// Which.
    pub(crate) id: SkuId,
    /// As people know it; none when the catalogue does not know it any more.
    pub(crate) named: Option<Named>,
    /// What can be ordered.
    pub(crate) available: i64,
    /// What orders hold.
    pub(crate) reserved: i64,
    /// What was sold.
    pub(crate) sold: i64,
}

/// The list.
#[derive(Debug, Clone)]
pub(crate) struct StockPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What it is narrowed to.
    pub(crate) filter: Filter,
    /// Ids and names of all warehouses.
    pub(crate) warehouses: Vec<(String, String)>,
    /// The skus of this page.
    pub(crate) levels: Vec<Level>,
    /// Whether this is not the first page.
    pub(crate) is_later: bool,
    /// Where it goes on.
    pub(crate) next: Option<Cursor>,
    /// Why nothing could be looked for, if so.
    pub(crate) problem: Option<&'static str>,
}

/// The page.
pub(crate) fn render_stock(page: &StockPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let to = |cursor| Route::List { filter: page.filter.clone(), cursor };
    let is_all = page.filter == Filter::default();
    let main = html! {
        p.row { a.button.quiet href=(Route::Warehouses) { (w.warehouses) } }
        (filters(page, w))
        @if let Some(problem) = page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @if page.levels.is_empty() {
            div.empty {
                p { @if is_all { (w.nothing_stocked) } @else { (w.nothing_found) } }
                @if !is_all { p { a.button href=(Route::list()) { (w.all_stock) } } }
            }
        } @else {
            (table(page, w))
        }
        (ui::parts::pager(
            ui::Words::of(page.shell.reader.lang),
            page.is_later.then(|| to(None)),
            page.next.clone().map(|cursor| to(Some(cursor))),
        ))
    };
    document(&page.shell, &Head { title: w.stock, ..Head::default() }, &main)
}

fn filters(page: &StockPage, w: &Words) -> Markup {
    let chosen = page.filter.warehouse.map(|id| id.to_string()).unwrap_or_default();
    let below = page.filter.below.map(|n| n.to_string()).unwrap_or_default();
    html! {
        form.filters method="get" action=(Route::list()) role="search" {
            (field(&Field { name: "q", label: w.search_hint, value: &page.filter.text, length_max: 200, ..Field::default() }))
            div.field {
                label for="f-warehouse" { (w.warehouse) }
                select id="f-warehouse" name="warehouse" {
                    option value="" { (w.all_warehouses) }
                    @for (id, name) in &page.warehouses {
                        option value=(id) selected[*id == chosen] { (name) }
                    }
                }
            }
            (field(&Field { name: "below", label: w.below, value: &below, inputmode: "numeric", length_max: 10, ..Field::default() }))
            button type="submit" { (w.show) }
        }
    }
}

/// How a sku is called.
pub(crate) fn name(named: Option<&Named>, w: &Words) -> String {
    match named {
        None => w.no_name.to_owned(),
        Some(n) if n.variant.is_empty() => n.title.clone(),
        Some(n) => format!("{} · {}", n.title, n.variant),
    }
}

fn table(page: &StockPage, w: &Words) -> Markup {
    let words = ui::Words::of(page.shell.reader.lang);
    html! {
        div.table tabindex="0" role="region" aria-label=(w.stock) {
            table {
                thead { tr {
                    td {}
                    th scope="col" { (w.sku) }
                    th scope="col" { (w.number) }
                    th.number scope="col" { (w.available) }
                    th.number scope="col" { (w.reserved) }
                    th.number scope="col" { (w.sold) }
                } }
                tbody {
                    @for level in &page.levels {
                        @let named = level.named.as_ref();
                        tr {
                            td.thumb { (ui::parts::picture(named.and_then(|n| n.image.as_deref()), "", words, true)) }
                            td { a href=(Route::sku(level.id)) { (name(named, w)) } }
                            td { (named.map(|n| n.code.as_str()).filter(|c| !c.is_empty()).unwrap_or("–")) }
                            td.number {
                                @if level.available < LOW { span.tag.bad { (w.few) } " " }
                                (level.available)
                            }
                            td.number { (level.reserved) }
                            td.number { (level.sold) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) fn sample_name() -> Named {
    Named {
        title: "Rose <Sons>".into(),
        variant: "Red / L".into(),
        code: "R-<Lee>".into(),
        image: Some("/media/5".into()),
        product: types::SpuId::from_i64(5).unwrap(),
    }
}

#[cfg(test)]
impl crate::samples::Samples for StockPage {
    fn samples() -> Vec<Self> {
        use crate::samples::{shell, shell_as};

        let level = |n: i64, named| Level {
            id: SkuId::from_i64(n).unwrap(),
            named,
            available: n,
            reserved: 2,
            sold: 40,
        };
        let full = Self {
            shell: shell("en"),
            filter: Filter { text: "<no>".into(), below: Some(10), ..Filter::default() },
            warehouses: vec![("3".into(), "Main <Sons>".into())],
            levels: vec![level(1, Some(sample_name())), level(9, None)],
            is_later: true,
            next: Some("abc".to_owned().into()),
            problem: None,
        };
        let empty = Self {
            shell: shell("zh-CN"),
            filter: Filter::default(),
            levels: Vec::new(),
            is_later: false,
            next: None,
            ..full.clone()
        };
        let away = Words::of(ui::Lang::ZhCn).search_away;
        let problem = Self { levels: Vec::new(), problem: Some(away), ..full.clone() };
        let reader = Self { shell: shell_as("zh-CN", staff_api::Role::ReadOnly), ..full.clone() };
        vec![full, empty, problem, reader]
    }
}
