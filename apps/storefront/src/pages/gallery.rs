//! The pictures of a product: a row that is swiped, and small ones that lead to each.

use maud::{Markup, html};
use product_api::{Image, ProductInfo, Sku};
use ui::{Words, parts};

/// The most pictures that are shown.
const IMAGES_MAX: usize = 12;

/// The chosen variant's own picture comes first.
pub(super) fn gallery(product: &ProductInfo, sku: Option<&Sku>, title: &str, w: &Words) -> Markup {
    let images = pictures(product, sku);
    html! {
        section.gallery aria-label=(w.pictures) {
            @if images.len() < 2 {
                span.frame.slides {
                    @let image = images.first();
                    @let alt = image.map_or(title, |i| alt(i, title));
                    (parts::first_picture(image.map(|i| i.url.as_str()), alt, w))
                }
            } @else {
                ul.slides tabindex="0" aria-label=(w.pictures) {
                    @for (n, image) in images.iter().enumerate() {
                        li.frame id=(anchor(n)) {
                            @if n == 0 {
                                (parts::first_picture(Some(&image.url), alt(image, title), w))
                            } @else {
                                (parts::picture(Some(&image.url), alt(image, title), w, true))
                            }
                        }
                    }
                }
                ul.thumbs {
                    @for (n, image) in images.iter().enumerate() {
                        li {
                            a href={ "#" (anchor(n)) } aria-label=(w.picture_no(n + 1)) {
                                (parts::picture(Some(&image.url), "", w, true))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Each picture once.
fn pictures<'a>(product: &'a ProductInfo, sku: Option<&'a Sku>) -> Vec<&'a Image> {
    let own = sku.and_then(|s| s.image.as_ref());
    let others = product.images.iter().filter(|i| own.is_none_or(|o| o.url != i.url));
    own.into_iter().chain(others).filter(|i| parts::is_shown(&i.url)).take(IMAGES_MAX).collect()
}

fn alt<'a>(image: &'a Image, title: &'a str) -> &'a str {
    if image.alt.is_empty() { title } else { &image.alt }
}

/// The name of a picture on the page.
fn anchor(n: usize) -> String {
    ["picture-", &(n + 1).to_string()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::sample;

    #[test]
    fn a_variants_own_picture_comes_first_and_once() {
        let mut product = sample::product();
        let urls = |product: &ProductInfo| {
            let images = pictures(product, product.skus.first());
            images.into_iter().map(|i| i.url.clone()).collect::<Vec<_>>()
        };
        assert_eq!(urls(&product), ["/media/1", "/media/2", "/media/3"]);
        product.skus[0].image = Some(product.images[1].clone());
        assert_eq!(urls(&product), ["/media/2", "/media/1", "/media/3"]);
        product.images[0].url = "javascript:alert(1)".into();
        assert_eq!(urls(&product), ["/media/2", "/media/3"]);
    }
}
