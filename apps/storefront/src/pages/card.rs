//! Pieces that several pages of the shop share: product cards, categories, the sum of an order.

use std::collections::BTreeMap;

use kit::Money;
use maud::{Markup, html};
use order_api::{Adjustment, OrderLine};
use product_api::{Category, ProductSummary};
use types::Slug;
use ui::{Reader, Route, Words, parts};

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

/// A grid of products.
pub(crate) fn product_grid(products: &[ProductSummary], reader: &Reader, w: &Words) -> Markup {
    html! {
        ul.grid {
            @for product in products {
                li.card {
                    a href=(to_product(&product.slug)) {
                        @let title = product.title.get(&reader.locale);
                        @let image = product.image.as_ref();
                        span.frame {
                            (parts::picture(image.map(|i| i.url.as_str()), "", w, true))
                        }
                        span.title { (title) }
                        @if let Some(price) = product.price_from {
                            span.cost {
                                @if product.price_varies { span.quiet { (w.from_price) } " " }
                                (parts::price(price))
                            }
                        } @else {
                            span.cost.quiet { (w.not_for_sale) }
                        }
                    }
                }
            }
        }
    }
}

/// Categories as a row of links.
pub(crate) fn category_links(categories: &[Category], reader: &Reader, label: &str) -> Markup {
    html! {
        @if !categories.is_empty() {
            nav.chips aria-label=(label) {
                @for category in categories {
                    @let to = Route::Category { slug: category.slug.clone(), cursor: None };
                    a href=(to) { (category.name.get(&reader.locale)) }
                }
            }
        }
    }
}

pub(crate) fn to_product(slug: &Slug) -> Route {
    Route::Product { slug: slug.clone(), sku: None, image: None }
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
