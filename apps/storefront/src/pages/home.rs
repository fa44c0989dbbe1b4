//! The first page: what the shop wants seen first, its categories, what is on flash sale, its newest products.

use kit::{Money, Timestamp};
use maud::{Markup, html};
use product_api::{Category, ProductSummary};
use tenant_api::Banner;
use ui::{Head, Local, Route, Shell, document, format, parts};

use super::card::{product_grid, promises};
use super::schema;

/// The first page.
pub(crate) struct HomePage {
    pub(crate) shell: Shell,
    /// The first is shown large.
    pub(crate) banners: Vec<Banner>,
    /// What is on flash sale now.
    pub(crate) flash: Option<FlashStrip>,
    /// Categories without a parent.
    pub(crate) categories: Vec<Category>,
    /// The newest first.
    pub(crate) products: Vec<ProductSummary>,
    /// What shipping an order costs.
    pub(crate) shipping: Money,
}

/// Products that cost less for a while.
pub(crate) struct FlashStrip {
    pub(crate) ends_at: Timestamp,
    pub(crate) products: Vec<ProductSummary>,
}

pub(crate) fn render_home(page: &HomePage) -> Markup {
    let HomePage { shell, banners, categories, products, .. } = page;
    let w = shell.words();
    let all = Route::products();
    let main = html! {
        @match banners.split_first() {
            Some((first, others)) => {
                h1.vh { (shell.shop) }
                (large(first, shell))
                (small(others, shell))
            }
            None => { (name(shell)) }
        }
        (promises(page.shipping, w))
        (tiles(categories, shell))
        @if let Some(flash) = page.flash.as_ref() { (strip(flash, shell)) }
        section aria-labelledby="new" {
            div.heading {
                h2 #new { (w.new_arrivals) }
                a href=(all) { (w.see_all) }
            }
            @if products.is_empty() {
                (parts::empty(w.no_products, None))
            } @else {
                (product_grid(products, &shell.reader, w))
            }
        }
    };
    let text = w.all_of_shop(&shell.shop);
    let description = if shell.tagline.is_empty() { &text } else { &shell.tagline };
    let head = Head {
        description,
        canonical: Some(Route::Home),
        json_ld: vec![schema::site(shell)],
        ..Head::default()
    };
    document(shell, &head, &main)
}

/// The shop's own name, where it has nothing to show first.
fn name(shell: &Shell) -> Markup {
    html! {
        section.hero.plain {
            div.say {
                h1 { (shell.shop) }
                @if !shell.tagline.is_empty() { p { (shell.tagline) } }
                a.button href=(Route::products()) { (shell.words().all_products) }
            }
        }
    }
}

fn large(banner: &Banner, shell: &Shell) -> Markup {
    let locale = &shell.reader.locale;
    let image = banner.image.as_deref().filter(|i| parts::is_shown(i));
    let text = banner.text.get(locale);
    html! {
        section.hero .pictured[image.is_some()] .plain[image.is_none()] {
            @if let Some(image) = image {
                div.frame { (parts::first_picture(Some(image), "", shell.words())) }
            }
            div.say {
                h2 { (banner.title.get(locale)) }
                @if !text.is_empty() { p { (text) } }
                a.button href=(link(banner)) {
                    (shell.words().go_shopping)
                    span.vh { ": " (banner.title.get(locale)) }
                }
            }
        }
    }
}

fn small(banners: &[Banner], shell: &Shell) -> Markup {
    let locale = &shell.reader.locale;
    html! {
        @if !banners.is_empty() {
            ul.banners {
                @for banner in banners {
                    li {
                        a href=(link(banner)) {
                            @if let Some(image) = banner.image.as_deref().filter(|i| parts::is_shown(i)) {
                                span.frame {
                                    (parts::picture(Some(image), "", shell.words(), true))
                                }
                            }
                            span.what {
                                span.title { (banner.title.get(locale)) }
                                (banner.text.get(locale))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where a banner leads: a page of this shop, whatever was saved.
fn link(banner: &Banner) -> Local {
    Local::parse(&banner.link).unwrap_or_else(|| Local::from(&Route::Home))
}

fn tiles(categories: &[Category], shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        @if !categories.is_empty() {
            section aria-labelledby="categories" {
                h2 #categories { (w.categories) }
                ul.tiles {
                    @for category in categories {
                        @let to = Route::category(&category.slug);
                        li { a href=(to) { (category.name.get(&shell.reader.locale)) } }
                    }
                }
            }
        }
    }
}

fn strip(flash: &FlashStrip, shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        section.flash aria-labelledby="flash" {
            div.heading {
                h2 #flash { (w.flash_sale) }
                p.quiet { (w.ends_at(&format::date_time(flash.ends_at, w.lang))) }
            }
            (product_grid(&flash.products, &shell.reader, w))
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for HomePage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let products = sample::products();
        let flash = FlashStrip { ends_at: sample::AT, products: products.clone() };
        let full = Self {
            shell: sample::shell("en"),
            banners: sample::banners(),
            flash: Some(flash),
            categories: sample::categories(),
            products,
            shipping: sample::cny(1_200),
        };
        let plain = Self {
            banners: vec![],
            flash: None,
            categories: sample::categories(),
            products: sample::products(),
            shipping: sample::cny(0),
            shell: sample::shell("zh-CN"),
        };
        let mut one = sample::banners();
        one.truncate(1);
        one[0].image = None;
        let bare = Self {
            shell: sample::shell("en"),
            banners: one,
            flash: None,
            categories: vec![],
            products: vec![],
            shipping: sample::cny(0),
        };
        vec![full, plain, bare]
    }
}
