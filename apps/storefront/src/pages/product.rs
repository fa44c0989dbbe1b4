//! A product: pictures, variants, price, what is in stock, the form that puts it into the cart.

use inventory_api::SHOWN_MAX;
use kit::{Money, Timestamp};
use maud::{Markup, PreEscaped, html};
use product_api::{ProductInfo, Sku};
use types::{Quantity, SkuId};
use ui::layout::csrf_field;
use ui::{Head, Route, Shell, Words, document, format, parts};

use super::card::{promises, to_product};
use super::gallery::gallery;
use super::schema;
use crate::picker::{self, Choice, Stock};

/// Fewer units than this are told.
const FEW: i64 = 10;
/// The longest description for lists of search results, in characters.
const DESCRIPTION_MAX: usize = 160;

/// A product.
pub(crate) struct ProductPage {
    pub(crate) shell: Shell,
    pub(crate) product: ProductInfo,
    /// The variant that was asked for.
    pub(crate) wanted: Option<SkuId>,
    pub(crate) stock: Stock,
    /// The categories that it stands in, the uppermost first.
    pub(crate) above: Vec<(String, Route)>,
    /// What shipping an order costs.
    pub(crate) shipping: Money,
    /// What buyers say.
    pub(crate) reviews: Vec<Review>,
}

/// What a buyer says.
pub(crate) struct Review {
    pub(crate) author: String,
    /// 1 to 5.
    pub(crate) stars: u8,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
}

pub(crate) fn render_product(page: &ProductPage) -> Markup {
    let ProductPage { shell, product, wanted, stock, .. } = page;
    let w = shell.words();
    let title = product.title.get(&shell.reader.locale);
    let sku = picker::shown(product, *wanted, stock);
    let mut above = vec![(w.home.to_owned(), Route::Home)];
    above.extend(page.above.iter().cloned());
    let main = html! {
        (parts::crumbs(w.you_are_here, &above, title))
        div.product {
            (gallery(product, sku, title, w))
            div.buy {
                @if let Some(brand) = &product.brand { p.by { (brand.name) } }
                h1 { (title) }
                @if let Some(sku) = sku {
                    (cost(sku, w))
                    (options(page, sku))
                    (buy(page, sku))
                } @else {
                    p { (w.not_sold_now) }
                }
                div.assure { (promises(page.shipping, w)) }
            }
        }
        (about(page, sku))
        (reviews(&page.reviews, w))
    };
    let own = to_product(&product.slug);
    let about = product.description.as_ref().map(|d| d.get(&shell.reader.locale));
    let about = about.map(|d| format::plain(d, DESCRIPTION_MAX)).filter(|d| !d.is_empty());
    let head = Head {
        title,
        description: about.as_deref().unwrap_or(title),
        canonical: Some(own.clone()),
        image: product.images.first().map(|i| i.url.as_str()),
        json_ld: vec![
            schema::product(shell, product, stock),
            schema::trail(shell, &above, (title, &own)),
        ],
        ..Head::default()
    };
    document(shell, &head, &main)
}

fn cost(sku: &Sku, w: &Words) -> Markup {
    let before = sku.price.and_then(|price| {
        let before = sku.compare_at.filter(|b| b.amount() > price.amount())?;
        // whole numbers; a price is far from the limit of 128 bits
        let saved =
            i128::from(before.amount() - price.amount()) * 100 / i128::from(before.amount());
        Some((before, i64::try_from(saved).unwrap_or(0)))
    });
    html! {
        @if let Some(price) = sku.price {
            p.cost.large {
                span { span.vh { (w.price) ": " } (parts::price(price)) }
                @if let Some((before, saved)) = before {
                    " " s.quiet { span.vh { (w.price_before) ": " } (parts::price(before)) }
                    @if saved > 0 { " " span.save { (w.save_percent(saved)) } }
                }
            }
        }
    }
}

/// A row of links per option: choosing a value shows the variant that has it.
fn options(page: &ProductPage, sku: &Sku) -> Markup {
    let product = &page.product;
    let choose = page.shell.words().choose_variant;
    html! {
        @for (index, option) in product.options.iter().enumerate() {
            @let chosen = sku.options.get(index).map_or("", String::as_str);
            nav.option aria-label={ (choose) ": " (option.name) } {
                p { span.label { (option.name) } " " span.quiet { (chosen) } }
                ul.choices {
                    @for choice in picker::choices(product, sku, index, &page.stock) {
                        li { (value(page, &choice)) }
                    }
                }
            }
        }
    }
}

/// One value of an option: what it leads to, or why it leads nowhere.
fn value(page: &ProductPage, choice: &Choice<'_>) -> Markup {
    let (w, slug) = (page.shell.words(), &page.product.slug);
    let Some(target) = choice.sku else {
        return html! {
            span.gone { span.value { (choice.value) } span.why { (w.not_offered) } }
        };
    };
    let gone = page.stock.is_sold_out(target.id);
    let to = Route::Product { slug: slug.clone(), sku: Some(target.id) };
    html! {
        a href=(to) .gone[gone || !choice.exact] aria-current=[choice.chosen.then_some("true")]
            rel="nofollow" {
            @if gone { span.value { (choice.value) } span.why { (w.sold_out) } }
            @else if choice.exact { (choice.value) }
            @else {
                (choice.value)
                span.why { span.vh { (w.leads_to) " " } (target.options.join(" / ")) }
            }
        }
    }
}

fn buy(page: &ProductPage, sku: &Sku) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    let available = page.stock.available(sku.id);
    // of plenty it is not known how much it is
    let few = available.filter(|n| *n < SHOWN_MAX);
    let max = few.unwrap_or(i64::MAX).min(i64::from(Quantity::MAX));
    html! {
        @if sku.price.is_none() {
            p { (w.not_sold_now) }
        } @else if page.stock.is_sold_out(sku.id) {
            p.stock.bad { (w.sold_out) }
        } @else {
            @match available {
                Some(n) if n < FEW => { p.stock.warn { (w.only_left(n)) } }
                Some(_) => { p.stock.good { (w.in_stock) } }
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

fn about(page: &ProductPage, sku: Option<&Sku>) -> Markup {
    let (w, product) = (page.shell.words(), &page.product);
    let description = product.description.as_ref().map(|d| d.get(&page.shell.reader.locale));
    html! {
        div.about {
            @if let Some(description) = description.filter(|d| !d.is_empty()) {
                section.description {
                    h2 { (w.description) }
                    // the product service keeps nothing but cleaned HTML
                    (PreEscaped(description))
                }
            }
            (details(product, sku, w))
        }
    }
}

fn details(product: &ProductInfo, sku: Option<&Sku>, w: &Words) -> Markup {
    let brand = product.brand.as_ref().map(|b| b.name.clone());
    let code = sku.map(|s| s.code.clone()).filter(|c| !c.is_empty());
    let weight = sku.map(|s| s.weight_grams).filter(|g| *g > 0).map(format::weight);
    let own = [(w.brand, brand), (w.weight, weight), (w.article_number, code)];
    let own: Vec<(&str, String)> = own.into_iter().filter_map(|(n, v)| Some((n, v?))).collect();
    html! {
        @if !product.attributes.is_empty() || !own.is_empty() {
            section.details {
                h2 { (w.details) }
                dl {
                    @for attribute in &product.attributes {
                        div { dt { (attribute.name) } dd { (attribute.value) } }
                    }
                    @for (name, value) in own { div { dt { (name) } dd { (value) } } }
                }
            }
        }
    }
}

fn reviews(reviews: &[Review], w: &Words) -> Markup {
    html! {
        @if !reviews.is_empty() {
            section.reviews aria-labelledby="reviews" {
                h2 #reviews { (w.reviews) }
                ul {
                    @for review in reviews {
                        li {
                            p.row {
                                span.stars aria-hidden="true" { (stars(review.stars)) }
                                span.vh { (w.stars(review.stars)) }
                                strong { (review.author) }
                                span.small.quiet { (parts::time(review.at, w.lang)) }
                            }
                            p.note { (review.text) }
                        }
                    }
                }
            }
        }
    }
}

/// `★★★★☆`.
fn stars(n: u8) -> String {
    let full = usize::from(n.min(5));
    ["★".repeat(full), "☆".repeat(5 - full)].concat()
}

#[cfg(test)]
impl super::sample::Samples for ProductPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, product: ProductInfo| Self {
            shell: sample::shell(locale),
            product,
            wanted: None,
            stock: sample::stock(),
            above: vec![("<Roses>".into(), Route::Home)],
            shipping: sample::cny(1_200),
            reviews: vec![],
        };
        let review = Review {
            author: "<Li>".into(),
            stars: 5,
            text: "<script>alert(1)</script>".into(),
            at: sample::AT,
        };
        let full = Self { reviews: vec![review], ..page("en", sample::product()) };
        let mut bare = sample::product();
        bare.images.clear();
        bare.description = None;
        bare.brand = None;
        bare.attributes.clear();
        bare.skus.truncate(3);
        let wanted = Some(bare.skus[2].id);
        let stock = Stock(Some(std::collections::BTreeMap::new()));
        let sold_out = Self { wanted, stock, ..page("zh-CN", bare.clone()) };
        let few = Self { wanted: Some(bare.skus[1].id), ..page("en", bare.clone()) };
        bare.skus.clear();
        let none = Self { stock: Stock(None), above: vec![], ..page("en", bare) };
        vec![full, sold_out, few, none]
    }
}
