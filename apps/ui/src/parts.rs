//! Small pieces of markup that many pages share: pictures, fields, notices, prices, paging.

use kit::{Money, Timestamp};
use maud::{Markup, html};

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

/// A picture, or a quiet place where one would be. Only pictures of this host and over https are shown.
#[must_use]
pub fn picture(url: Option<&str>, alt: &str, words: &Words, lazy: bool) -> Markup {
    let url =
        url.filter(|u| u.starts_with("https://") || (u.starts_with('/') && !u.starts_with("//")));
    html! {
        @if let Some(url) = url {
            img src=(url) alt=(alt) loading=[lazy.then_some("lazy")] decoding="async";
        } @else {
            span.no-picture role="img" aria-label=(words.no_picture) {}
        }
    }
}

/// A line of text that a form asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Field<'a> {
    /// The name in the form; also makes the id.
    pub name: &'a str,
    /// What is asked for.
    pub label: &'a str,
    /// What was typed; never of a secret.
    pub value: &'a str,
    /// `text` without.
    pub kind: &'a str,
    /// For the browser's memory, such as `email`.
    pub autocomplete: &'a str,
    /// How it is typed on a telephone, such as `numeric`.
    pub inputmode: &'a str,
    /// A word under the field.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: Option<&'a str>,
    /// Whether the browser insists on it.
    pub required: bool,
    /// The longest text, in characters.
    pub length_max: u32,
}

/// A field with its label, hint and error.
#[must_use]
pub fn field(field: &Field<'_>) -> Markup {
    let id = ["f-", field.name].concat();
    let error_id = [&id, "-error"].concat();
    let hint_id = [&id, "-hint"].concat();
    let described = match (field.error, field.hint) {
        (Some(_), _) => Some(&error_id),
        (None, "") => None,
        (None, _) => Some(&hint_id),
    };
    let some = |text: &'static str, when: bool| when.then_some(text);
    let filled = |text| Some(text).filter(|t: &&str| !t.is_empty());
    html! {
        div.field {
            label for=(id) { (field.label) }
            input id=(id) name=(field.name) value=(field.value)
                type=(filled(field.kind).unwrap_or("text"))
                autocomplete=[filled(field.autocomplete)] inputmode=[filled(field.inputmode)]
                maxlength=[Some(field.length_max).filter(|n| *n > 0)] required[field.required]
                aria-invalid=[some("true", field.error.is_some())] aria-describedby=[described];
            @if let Some(error) = field.error {
                p.error id=(error_id) { (error) }
            } @else if !field.hint.is_empty() {
                p.hint id=(hint_id) { (field.hint) }
            }
        }
    }
}

/// The way on through a list: keyset cursors go forwards only, so there is a way to the begin.
#[must_use]
pub fn pager(words: &Words, first: Option<Route>, next: Option<Route>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.pager {
                @if let Some(first) = first { a.button.quiet href=(first) { (words.first_page) } }
                @if let Some(next) = next { a.button.quiet href=(next) rel="next" { (words.next_page) } }
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

    #[test]
    fn a_field_tells_its_error_and_keeps_what_was_typed() {
        let wrong = Field { name: "city", value: "<b>", error: Some("no"), ..Field::default() };
        let html = field(&wrong).into_string();
        assert!(html.contains("value=\"&lt;b&gt;\"") && html.contains("aria-invalid=\"true\""));
        assert!(html.contains("aria-describedby=\"f-city-error\""), "{html}");
    }
}
