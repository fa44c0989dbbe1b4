//! Small pieces of markup that many pages share: pictures, notices, prices, paging. Those of forms stand in
//! [`crate::forms`].

use std::fmt::Display;

use kit::{Money, Timestamp};
use maud::{Markup, html};

pub use crate::forms::{Field, field};

use crate::format;
use crate::lang::Lang;
use crate::routes::Route;
use crate::text::Words;

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something is wrong.
    Bad,
    /// Worth knowing.
    Info,
}

/// A message above a page's content.
#[must_use]
pub fn notice(tone: Tone, content: &Markup) -> Markup {
    let (class, role) = match tone {
        Tone::Bad => ("notice bad", "alert"),
        Tone::Info => ("notice info", "status"),
    };
    html! { div class=(class) role=(role) { (content) } }
}

/// An amount.
#[must_use]
pub fn price(amount: Money) -> Markup {
    html! { span.price { (format::money(amount)) } }
}

/// A time, readable for programs too.
#[must_use]
pub fn time(at: Timestamp, lang: Lang) -> Markup {
    html! { time datetime=(at) { (format::date_time(at, lang)) } }
}

/// Whether a picture's address is of this host or over https.
#[must_use]
pub fn is_shown(url: &str) -> bool {
    url.starts_with("https://") || (url.starts_with('/') && !url.starts_with("//"))
}

/// A picture, or a quiet place where one would be. Only pictures of this host and over https are shown.
#[must_use]
pub fn picture(url: Option<&str>, alt: &str, words: &Words, lazy: bool) -> Markup {
    image(url, alt, words, lazy.then_some("lazy"), None)
}

/// The picture that a page is about: the browser asks for it before the others.
#[must_use]
pub fn first_picture(url: Option<&str>, alt: &str, words: &Words) -> Markup {
    image(url, alt, words, None, Some("high"))
}

fn image(
    url: Option<&str>,
    alt: &str,
    words: &Words,
    loading: Option<&str>,
    priority: Option<&str>,
) -> Markup {
    html! {
        @if let Some(url) = url.filter(|u| is_shown(u)) {
            // pictures are shown in square frames; the numbers keep their place until they are there
            img src=(url) alt=(alt) width="600" height="600" loading=[loading]
                fetchpriority=[priority] decoding="async";
        } @else {
            span.no-picture role="img" aria-label=(words.no_picture) {}
        }
    }
}

/// A sign of the frame: `search`, `cart`, `person`. It says nothing to those who do not see it.
#[must_use]
pub fn symbol(name: &str) -> Markup {
    let path = match name {
        "search" => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm5 11.5L20 20",
        "cart" => "M3 4h2.2l2.3 11h10.3l2-8H6.3M9 19.5h.01M17 19.5h.01",
        "person" => {
            "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8c.8-3.6 3.8-5.5 7.5-5.5s6.7 1.9 7.5 5.5"
        }
        "truck" => "M2.5 6h11v10h-11Zm11 4h4l4 3.500v2.500h-8M7 18.500h.01M17.5 18.500h.01",
        "return" => "M8 5 4 9l4 4M4.5 9H15a5 5 0 0 1 0 10h-4",
        "shield" => "M12 3.5 5 6v5.500c0 4.3 2.9 7.5 7 9 4.1-1.5 7-4.7 7-9V6Zm-3 8.3 2.2 2.2 4-4.3",
        _ => "",
    };
    html! {
        svg.symbol viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor"
            stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            path d=(path) {}
        }
    }
}

/// The way on through a list: keyset cursors go forwards only, so there is a way to the begin.
#[must_use]
pub fn pager(words: &Words, first: Option<impl Display>, next: Option<impl Display>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.pager aria-label=(words.pages) {
                @if let Some(first) = first {
                    a.button.quiet href=(first.to_string()) { (words.first_page) }
                }
                @if let Some(next) = next {
                    a.button.quiet href=(next.to_string()) rel="next" { (words.next_page) }
                }
            }
        }
    }
}

/// Where a page stands: what is above it, and itself.
#[must_use]
pub fn crumbs(label: &str, above: &[(String, Route)], here: &str) -> Markup {
    html! {
        nav.crumbs aria-label=(label) {
            ol {
                @for (name, to) in above { li { a href=(to) { (name) } } }
                li { span aria-current="page" { (here) } }
            }
        }
    }
}

/// A page or list with nothing in it, and where to go instead.
#[must_use]
pub fn empty(text: &str, link: Option<(&str, Route)>) -> Markup {
    html! {
        div.empty {
            p { (text) }
            @if let Some((label, to)) = link { p { a.button href=(to) { (label) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_ours_or_over_https() {
        let of = |url| picture(Some(url), "\"x\"", Words::of(Lang::En), true).into_string();
        for good in ["/media/5", "https://cdn.test/a.png"] {
            assert!(of(good).contains("<img"), "{good}");
            assert!(of(good).contains("&quot;x&quot;"));
        }
        for bad in ["http://a.test/x", "//a.test/x", "javascript:alert(1)", "data:image/png;,"] {
            assert!(!of(bad).contains("<img"), "{bad}");
        }
    }
}
