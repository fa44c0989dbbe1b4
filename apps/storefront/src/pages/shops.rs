//! The list of shops on a host that belongs to none: for a demo.

use maud::{Markup, html};
use ui::{Lang, Words};

use super::plain::frame;

/// A shop in the list.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Its name.
    pub name: String,
    /// A line about it; may be empty.
    pub tagline: String,
    /// Where it is: a whole address, such as `http://flora.localhost:8080/`.
    pub url: String,
}

/// The list of shops.
pub(crate) struct ShopsPage {
    pub(crate) lang: Lang,
    pub(crate) shops: Vec<Shop>,
}

pub(crate) fn render_shops(page: &ShopsPage) -> Markup {
    let w = Words::of(page.lang);
    let main = html! {
        h1 { (w.shops) }
        @if page.shops.is_empty() {
            p { (w.no_shops) }
        } @else {
            p { (w.shops_text) }
            ul.shops {
                @for shop in &page.shops {
                    li.card {
                        a href=(shop.url) {
                            span.title { (shop.name) }
                            @if !shop.tagline.is_empty() { span.quiet { (shop.tagline) } }
                            span.small { (shop.url) }
                        }
                    }
                }
            }
        }
    };
    frame(w, w.shops, &main)
}

#[cfg(test)]
impl super::sample::Samples for ShopsPage {
    fn samples() -> Vec<Self> {
        let shop = |name: &str, tagline: &str| Shop {
            name: name.into(),
            tagline: tagline.into(),
            url: "http://flora.localhost:8080/".into(),
        };
        let shops = vec![shop("Flora & <Sons>", "Plants"), shop("Gadget", "")];
        vec![Self { lang: Lang::En, shops }, Self { lang: Lang::ZhCn, shops: vec![] }]
    }
}
