//! The list of products.

use kit::{Cursor, Money, Timestamp};
use maud::{Markup, html};
use product_api::{Brand, Category, ProductStatus};
use types::{Slug, SpuId};
use ui::forms::{choice, length};
use ui::parts::{Field, Tone, field, notice, time};

use super::Words;
use super::routes::{Filter, Route, status_word};
use crate::imports::routes::Route as ImportRoute;
use crate::layout::{Head, Shell, document};

/// A product in the list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: SpuId,
    pub(crate) slug: Slug,
    pub(crate) title: String,
    pub(crate) image: Option<String>,
    pub(crate) status: ProductStatus,
    pub(crate) price_from: Option<Money>,
    pub(crate) price_varies: bool,
    pub(crate) sku_count: u32,
    /// What is available of all variants; none where the reader may not know.
    pub(crate) stock: Option<i64>,
    /// When it was last changed, where that is known.
    pub(crate) updated_at: Option<Timestamp>,
}

/// The list.
#[derive(Debug, Clone)]
pub(crate) struct ProductsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What it is narrowed to.
    pub(crate) filter: Filter,
    /// All brands.
    pub(crate) brands: Vec<Brand>,
    /// All categories, as a tree.
    pub(crate) categories: Vec<(Category, usize)>,
    /// The products of this page.
    pub(crate) items: Vec<Item>,
    /// Whether this is not the first page.
    pub(crate) is_later: bool,
    /// Where it goes on.
    pub(crate) next: Option<Cursor>,
    /// Why nothing could be looked for, if so.
    pub(crate) problem: Option<&'static str>,
}

/// Where a product stands, in words.
pub(crate) fn status_tag(status: ProductStatus, w: &Words) -> Markup {
    let class = match status {
        ProductStatus::Draft => "tag busy",
        ProductStatus::OnSale => "tag good",
        ProductStatus::Off => "tag",
    };
    html! { span class=(class) { (w.statuses.get(status_word(status)).unwrap_or_default()) } }
}

/// The page.
pub(crate) fn render_products(page: &ProductsPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let may_write = page.shell.may("products:write");
    let to = |cursor| Route::List { filter: page.filter.clone(), cursor };
    let main = html! {
        div.row {
            @if may_write {
                a.button href=(Route::New) { (w.new_product) }
                a.button.quiet href=(ImportRoute::Begin) { (w.import) }
            }
            a.button.quiet href=(Route::Export) download { (w.export) }
        }
        (filters(page, w))
        @if let Some(problem) = page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @if page.items.is_empty() {
            div.empty {
                p { @if page.filter.is_empty() { (w.no_products) } @else { (w.nothing_found) } }
                @if !page.filter.is_empty() { p { a.button href=(Route::list()) { (w.all_products) } } }
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
    document(&page.shell, &Head { title: w.products, ..Head::default() }, &main)
}

fn filters(page: &ProductsPage, w: &Words) -> Markup {
    let locale = &page.shell.reader.locale;
    let statuses = [ProductStatus::OnSale, ProductStatus::Draft, ProductStatus::Off]
        .map(|s| (status_word(s), w.statuses.get(status_word(s)).unwrap_or_default()));
    let categories: Vec<(String, String)> = page
        .categories
        .iter()
        .map(|(c, depth)| {
            (c.id.to_string(), format!("{}{}", "— ".repeat(*depth), c.name.get(locale)))
        })
        .collect();
    let brands: Vec<(String, &str)> =
        page.brands.iter().map(|b| (b.id.to_string(), b.name.as_str())).collect();
    let any = || std::iter::once(("", w.any));
    let id = |id: Option<String>| id.unwrap_or_default();
    html! {
        form.filters method="get" action=(Route::list()) role="search" {
            (field(&Field { name: "q", label: w.search, value: &page.filter.text, length_max: length(search_api::TEXT_MAX), autocomplete: "off", ..Field::default() }))
            (choice("status", w.status, page.filter.status.map_or("", status_word), any().chain(statuses)))
            (choice("category", w.category, &id(page.filter.category.map(|c| c.to_string())),
                any().chain(categories.iter().map(|(id, name)| (id.as_str(), name.as_str())))))
            (choice("brand", w.brand, &id(page.filter.brand.map(|b| b.to_string())),
                any().chain(brands.iter().map(|(id, name)| (id.as_str(), *name)))))
            button type="submit" { (w.show) }
        }
    }
}

fn table(page: &ProductsPage, w: &Words) -> Markup {
    let knows_stock = page.shell.may("stock:read");
    let words = ui::Words::of(page.shell.reader.lang);
    html! {
        div.table tabindex="0" role="region" aria-label=(w.products) {
            table {
                thead { tr {
                    th scope="col" { span.vh { (w.pictures) } }
                    th scope="col" { (w.product) }
                    th scope="col" { (w.status) }
                    th.number scope="col" { (w.price) }
                    th.number scope="col" { (w.variants) }
                    @if knows_stock { th.number scope="col" { (w.stock) } }
                    th scope="col" { (w.changed) }
                } }
                tbody {
                    @for item in &page.items {
                        tr {
                            td.thumb { (ui::parts::picture(item.image.as_deref(), "", words, true)) }
                            td {
                                a href=(Route::product(item.id)) { (item.title) }
                                br; span.quiet.small { (item.slug) }
                            }
                            td { (status_tag(item.status, w)) }
                            td.number { (price(item, w)) }
                            td.number { (item.sku_count) }
                            @if knows_stock { td.number { (units(item.stock)) } }
                            td { @if let Some(at) = item.updated_at { (time(at, page.shell.reader.lang)) } }
                        }
                    }
                }
            }
        }
    }
}

fn price(item: &Item, w: &Words) -> String {
    match item.price_from.map(ui::format::money) {
        None => "–".to_owned(),
        Some(price) if item.price_varies => w.from_price(&price),
        Some(price) => price,
    }
}

fn units(stock: Option<i64>) -> Markup {
    html! {
        @match stock {
            None => "–",
            Some(0) => span.tag.bad { "0" },
            Some(n) => (n),
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for ProductsPage {
    fn samples() -> Vec<Self> {
        use crate::samples::{shell, shell_as};

        let item = |n: i64, status, stock| Item {
            id: SpuId::from_i64(n).unwrap(),
            slug: format!("rose-{n}").parse().unwrap(),
            title: "Rose <Sons>".into(),
            image: (n > 1).then(|| "/media/5".to_owned()),
            status,
            price_from: (n > 1).then(|| Money::new(129_900, "CNY".parse().unwrap()).unwrap()),
            price_varies: n > 2,
            sku_count: 3,
            stock,
            updated_at: Some(Timestamp::from_millis(1_763_690_000_000)),
        };
        let category = Category {
            id: types::CategoryId::from_i64(3).unwrap(),
            parent_id: None,
            slug: "c".parse().unwrap(),
            name: types::Texts::one("en".parse().unwrap(), "<Lee>"),
            position: 0,
        };
        let full = Self {
            shell: shell("en"),
            filter: Filter {
                text: "<no>".into(),
                status: Some(ProductStatus::Draft),
                ..Filter::default()
            },
            brands: vec![Brand { id: types::BrandId::from_i64(2).unwrap(), name: "<Sons>".into() }],
            categories: vec![(category, 1)],
            items: vec![
                item(1, ProductStatus::Draft, Some(0)),
                item(2, ProductStatus::OnSale, Some(12)),
                item(3, ProductStatus::Off, None),
            ],
            is_later: true,
            next: Some("abc".to_owned().into()),
            problem: None,
        };
        let empty = Self {
            shell: shell("zh-CN"),
            filter: Filter::default(),
            items: Vec::new(),
            is_later: false,
            next: None,
            ..full.clone()
        };
        let problem = Some(Words::of(ui::Lang::ZhCn).nothing_found);
        let nothing = Self { shell: shell("zh-CN"), items: Vec::new(), problem, ..full.clone() };
        let reader = Self { shell: shell_as("zh-CN", staff_api::Role::ReadOnly), ..full.clone() };
        vec![full, empty, nothing, reader]
    }
}
