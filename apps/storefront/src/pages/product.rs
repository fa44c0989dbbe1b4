//! A product: pictures, variants, price, what is in stock, the form that puts it into the cart.

use maud::{Markup, PreEscaped, html};
use product_api::{Image, ProductInfo, Sku};
use types::{Quantity, SkuId};
use ui::layout::csrf_field;
use ui::{Head, Route, Shell, Words, document, parts};

use crate::picker::{self, Stock};

/// Fewer units than this are told.
const FEW: i64 = 10;

/// A product.
pub(crate) struct ProductPage {
    pub(crate) shell: Shell,
    pub(crate) product: ProductInfo,
    /// The variant that was asked for.
    pub(crate) wanted: Option<SkuId>,
    /// Which picture is shown large.
    pub(crate) image: Option<usize>,
    pub(crate) stock: Stock,
}

pub(crate) fn render_product(page: &ProductPage) -> Markup {
    let ProductPage { shell, product, wanted, stock, .. } = page;
    let w = shell.words();
    let title = product.title.get(&shell.reader.locale);
    let sku = picker::shown(product, *wanted, stock);
    let main = html! {
        p.crumbs { a href=(Route::Products { cursor: None }) { (w.all_products) } }
        div.product {
            (gallery(page, sku, title))
            div.buy {
                @if let Some(brand) = &product.brand { p.quiet { (brand.name) } }
                h1 { (title) }
                @if let Some(sku) = sku {
                    (cost(sku, w))
                    (options(page, sku))
                    (buy(page, sku))
                } @else {
                    p { (w.not_sold_now) }
                }
                (details(product, sku, w))
            }
        }
        @if let Some(description) = &product.description {
            section.description {
                h2 { (w.description) }
                // the product service keeps nothing but cleaned HTML
                (PreEscaped(description.get(&shell.reader.locale)))
            }
        }
    };
    document(shell, &Head { title, refresh: None }, &main)
}

/// The large picture and the small ones, which are links.
fn gallery(page: &ProductPage, sku: Option<&Sku>, title: &str) -> Markup {
    let (w, product) = (page.shell.words(), &page.product);
    let own = sku.and_then(|s| s.image.as_ref()).filter(|_| page.image.is_none());
    let shown = page.image.unwrap_or(0).min(product.images.len().saturating_sub(1));
    let large = own.or_else(|| product.images.get(shown));
    let alt = |i: &Image| if i.alt.is_empty() { title.to_owned() } else { i.alt.clone() };
    let chosen = sku.map(|s| s.id);
    let to = |image| Route::Product { slug: product.slug.clone(), sku: chosen, image: Some(image) };
    html! {
        section.gallery aria-label=(w.pictures) {
            span.frame {
                @let text = large.map_or_else(|| title.to_owned(), alt);
                (parts::picture(large.map(|i| i.url.as_str()), &text, w, false))
            }
            @if product.images.len() > 1 {
                ul.thumbs {
                    @for (n, image) in product.images.iter().enumerate() {
                        li {
                            a href=(to(n)) aria-label=(w.picture_no(n + 1))
                                aria-current=[(own.is_none() && n == shown).then_some("true")] {
                                (parts::picture(Some(image.url.as_str()), "", w, true))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cost(sku: &Sku, w: &Words) -> Markup {
    html! {
        @if let Some(price) = sku.price {
            p.cost.large {
                span.vh { (w.price) ": " }
                (parts::price(price))
                @if let Some(before) = sku.compare_at.filter(|b| b.amount() > price.amount()) {
                    " " s.quiet { span.vh { (w.price_before) ": " } (parts::price(before)) }
                }
            }
        }
    }
}

/// A row of links per option: choosing a value shows the variant that has it.
fn options(page: &ProductPage, sku: &Sku) -> Markup {
    let (w, product) = (page.shell.words(), &page.product);
    let to = |s: &Sku| Route::Product { slug: product.slug.clone(), sku: Some(s.id), image: None };
    html! {
        @for (index, option) in product.options.iter().enumerate() {
            nav.option aria-label={ (w.choose_variant) ": " (option.name) } {
                p.label { (option.name) }
                ul.choices {
                    @for choice in picker::choices(product, sku, index) {
                        li {
                            @if let Some(target) = choice.sku {
                                @let gone = page.stock.is_sold_out(target.id);
                                a href=(to(target)) .gone[gone]
                                    aria-current=[choice.chosen.then_some("true")] {
                                    (choice.value)
                                    @if gone { span.vh { " (" (w.sold_out) ")" } }
                                }
                            } @else {
                                span.gone { (choice.value) span.vh { " (" (w.not_offered) ")" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn buy(page: &ProductPage, sku: &Sku) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    let available = page.stock.available(sku.id);
    let max = available.unwrap_or(i64::MAX).min(i64::from(Quantity::MAX));
    html! {
        @if sku.price.is_none() {
            p { (w.not_sold_now) }
        } @else if page.stock.is_sold_out(sku.id) {
            p.stock.bad { (w.sold_out) }
        } @else {
            @match available {
                Some(n) if n < FEW => { p.stock { (w.only_left(n)) } }
                Some(_) => { p.stock { (w.in_stock) } }
                None => {}
            }
            form.add method="post" action=(Route::CartLines) {
                (csrf_field(shell))
                input type="hidden" name="sku_id" value=(sku.id);
                input type="hidden" name="add" value="1";
                div.field {
                    label for="f-quantity" { (w.quantity) }
                    input #f-quantity type="number" name="quantity" value="1" min="1" max=(max)
                        inputmode="numeric" required;
                }
                button type="submit" { (w.add_to_cart) }
            }
        }
    }
}

fn details(product: &ProductInfo, sku: Option<&Sku>, w: &Words) -> Markup {
    let code = sku.map(|s| s.code.as_str()).filter(|c| !c.is_empty());
    html! {
        @if !product.attributes.is_empty() || code.is_some() {
            section.details {
                h2 { (w.details) }
                dl {
                    @for attribute in &product.attributes {
                        div { dt { (attribute.name) } dd { (attribute.value) } }
                    }
                    @if let Some(code) = code {
                        div { dt { (w.article_number) } dd { (code) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for ProductPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let full = Self {
            shell: sample::shell("en"),
            product: sample::product(),
            wanted: None,
            image: None,
            stock: sample::stock(),
        };
        let mut bare = sample::product();
        bare.images.clear();
        bare.description = None;
        bare.brand = None;
        bare.attributes.clear();
        bare.skus.truncate(3);
        let wanted = Some(bare.skus[2].id);
        let sold_out = Self {
            shell: sample::shell("zh-CN"),
            product: bare.clone(),
            wanted,
            image: Some(9),
            stock: Stock(Some(std::collections::BTreeMap::new())),
        };
        bare.skus.clear();
        let shell = sample::shell("en");
        let none = Self { shell, product: bare, wanted: None, image: None, stock: Stock(None) };
        vec![full, sold_out, none]
    }
}
