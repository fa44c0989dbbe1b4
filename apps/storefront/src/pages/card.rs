//! Pieces that several pages of the shop share: product cards, categories, the sum of an order.

use std::collections::BTreeMap;

use kit::Money;
use maud::{Markup, html};
use order_api::{Adjustment, OrderLine};
use product_api::ProductSummary;
use search_api::ProductHit;
use types::{Slug, Texts};
use ui::{Reader, Route, Words, format, parts};

/// What is wrong, by field name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Errors(pub(crate) BTreeMap<String, String>);

impl Errors {
    /// What is wrong with a field.
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn add(&mut self, name: &str, what: impl Into<String>) {
        self.0.entry(name.to_owned()).or_insert_with(|| what.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes what a service found wrong. A JSON Pointer's last part is the field's name.
    pub(crate) fn take(&mut self, fields: Vec<kit::FieldError>) {
        for field in fields {
            let name = field.pointer.rsplit('/').next().unwrap_or_default();
            self.add(name, field.detail);
        }
    }
}

/// What buyers can count on.
pub(crate) fn promises(shipping: Money, w: &Words) -> Markup {
    let delivery = match shipping.amount() {
        0 => w.promise_delivery_free.to_owned(),
        _ => w.promise_delivery(&format::money(shipping)),
    };
    html! {
        ul.promises aria-label=(w.our_promises) {
            li { (parts::symbol("truck")) (delivery) }
            li { (parts::symbol("shield")) (w.promise_payment) }
            li { (parts::symbol("return")) (w.promise_returns) }
        }
    }
}

/// Products in a grid's first row: their pictures are asked for at once.
const FIRST_ROW: usize = 4;

/// A product in a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) slug: Slug,
    pub(crate) title: Texts,
    pub(crate) image: Option<String>,
    /// The lowest price.
    pub(crate) price: Option<Money>,
    /// What it used to cost.
    pub(crate) was: Option<Money>,
    /// Whether variants cost differently.
    pub(crate) varies: bool,
    /// Whether it is known that none is left.
    pub(crate) sold_out: bool,
}

impl From<&ProductSummary> for Card {
    fn from(product: &ProductSummary) -> Self {
        Self {
            slug: product.slug.clone(),
            title: product.title.clone(),
            image: product.image.as_ref().map(|i| i.url.clone()),
            price: product.price_from,
            was: None,
            varies: product.price_varies,
            sold_out: false,
        }
    }
}

impl From<&ProductHit> for Card {
    fn from(hit: &ProductHit) -> Self {
        Self {
            slug: hit.slug.clone(),
            title: hit.title.clone(),
            image: hit.image.as_ref().map(|i| i.url.clone()),
            price: hit.price_from,
            was: hit.compare_at,
            varies: hit.price_varies,
            sold_out: !hit.in_stock,
        }
    }
}

/// A grid of products.
pub(crate) fn product_grid(products: &[ProductSummary], reader: &Reader, w: &Words) -> Markup {
    card_grid(&products.iter().map(Card::from).collect::<Vec<_>>(), reader, w)
}

/// A grid of cards.
pub(crate) fn card_grid(cards: &[Card], reader: &Reader, w: &Words) -> Markup {
    html! {
        ul.grid {
            @for (n, card) in cards.iter().enumerate() {
                li.card {
                    a href=(to_product(&card.slug)) {
                        span.frame {
                            (parts::picture(card.image.as_deref(), "", w, n >= FIRST_ROW))
                            @if card.sold_out { span.tag { (w.sold_out) } }
                        }
                        span.title { (card.title.get(&reader.locale)) }
                        (cost(card, w))
                    }
                }
            }
        }
    }
}

fn cost(card: &Card, w: &Words) -> Markup {
    html! {
        @if let Some(price) = card.price {
            span.cost {
                @if card.varies { span.quiet { (w.from_price) } " " }
                (parts::price(price))
                @if let Some(was) = card.was {
                    " " span.quiet { span.vh { (w.price_was) " " } s { (parts::price(was)) } }
                }
            }
        } @else {
            span.cost.quiet { (w.not_for_sale) }
        }
    }
}

pub(crate) fn to_product(slug: &Slug) -> Route {
    Route::Product { slug: slug.clone(), sku: None }
}

/// Lines of an order or a quote.
pub(crate) fn order_lines(lines: &[OrderLine], w: &Words) -> Markup {
    html! {
        ul.lines {
            @for line in lines {
                li {
                    span.thumb { (parts::picture(line.image_url.as_deref(), "", w, true)) }
                    span.what {
                        span.title { (line.title) }
                        @if !line.variant.is_empty() { span.quiet { (line.variant) } }
                        span.quiet { (line.quantity.get()) " × " (parts::price(line.price)) }
                    }
                    span.sum { (parts::price(line.total)) }
                }
            }
        }
    }
}

/// How a total comes about.
pub(crate) struct Breakdown<'a> {
    pub(crate) subtotal: Money,
    pub(crate) adjustments: &'a [Adjustment],
    pub(crate) shipping: Money,
    pub(crate) total: Money,
}

pub(crate) fn breakdown(sum: &Breakdown<'_>, w: &Words) -> Markup {
    html! {
        dl.breakdown {
            div { dt { (w.subtotal) } dd { (parts::price(sum.subtotal)) } }
            @for adjustment in sum.adjustments {
                div { dt { (adjustment.label) } dd { (parts::price(adjustment.amount)) } }
            }
            div {
                dt { (w.shipping) }
                dd {
                    @if sum.shipping.amount() == 0 { (w.shipping_free) }
                    @else { (parts::price(sum.shipping)) }
                }
            }
            div.total { dt { (w.total) } dd { (parts::price(sum.total)) } }
        }
        p.small.quiet { (w.tax_included) }
    }
}
