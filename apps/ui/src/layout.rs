//! The frame of every page: head, header, main, footer. What stands in `main` is the page's business.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use types::Locale;

use crate::lang::Reader;
use crate::parts::{is_shown, symbol};
use crate::routes::{LANGUAGE_PARAM, Local, Route};
use crate::text::Words;

/// What the frame shows of a shop, its reader and their session.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The shop's name in the reader's language.
    pub shop: String,
    /// A line under the name; may be empty.
    pub tagline: String,
    /// A picture that stands for the name.
    pub logo: Option<String>,
    /// Counts the tenant's changes: names the version of its look.
    pub version: i64,
    /// The shop's languages.
    pub locales: Vec<Locale>,
    /// Who reads.
    pub reader: Reader,
    /// Whether somebody signed in.
    pub signed_in: bool,
    /// Units in the cart, when they are known.
    pub cart_units: Option<u32>,
    /// Parts of the shop, for the menu.
    pub sections: Vec<(String, Route)>,
    /// What stands in the search box.
    pub search_text: String,
    /// The token that every form sends back.
    pub csrf: String,
    /// Scheme and host as the browser knows them, such as `https://flora.test`.
    pub origin: String,
    /// This page's own address, to come back to.
    pub here: Local,
}

impl Shell {
    /// The words in the reader's language.
    #[must_use]
    pub fn words(&self) -> &'static Words {
        Words::of(self.reader.lang)
    }

    /// A whole address of something on this host; what is a whole address already stays as it is.
    #[must_use]
    pub fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') { [&self.origin, address].concat() } else { address.to_owned() }
    }
}

/// What a page says in its head.
#[derive(Debug, Clone, Default)]
pub struct Head<'a> {
    /// The page's title; the shop's name is added.
    pub title: &'a str,
    /// What the page is about, for lists of search results.
    pub description: &'a str,
    /// The page's own address among all that lead to it. A page without one is not for search engines.
    pub canonical: Option<Route>,
    /// A picture of what the page is about.
    pub image: Option<&'a str>,
    /// What programs may read about the page, in the words of schema.org.
    pub json_ld: Vec<Value>,
    /// Where the browser goes by itself, and after how many seconds.
    pub refresh: Option<(u32, Route)>,
    /// The stream that tells when elements with `data-live-part` have changed. See `assets/site.js`.
    pub live: Option<String>,
}

/// A whole page of a shop.
#[must_use]
pub fn document(shell: &Shell, head: &Head<'_>, main: &Markup) -> Markup {
    let w = shell.words();
    let title = match head.title {
        "" => shell.shop.clone(),
        title => [title, " · ", &shell.shop].concat(),
    };
    let version = shell.version;
    frame(&Frame {
        lang: shell.reader.locale.as_str(),
        title: &title,
        stylesheet: Route::SiteCss { version: Some(version) }.to_string(),
        icon: Some(Route::Icon { version }.to_string()),
        head: about(shell, head),
        live: head.live.as_deref().map(|events| Live { events, here: &shell.here }),
        body: html! {
            a.skip href="#main" { (w.skip_to_content) }
            (header(shell))
            main #main tabindex="-1" { (main) }
            (footer(shell))
        },
    })
}

/// What any application's page is made of, whatever stands around its content.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The page's language.
    pub lang: &'a str,
    /// The whole title.
    pub title: &'a str,
    /// The address of the one stylesheet.
    pub stylesheet: String,
    /// The address of the sign in the browser's tab.
    pub icon: Option<String>,
    /// More for the head.
    pub head: Markup,
    /// Where live parts come from.
    pub live: Option<Live<'a>>,
    /// The body's content.
    pub body: Markup,
}

/// How a page stays as things are. See `assets/site.js`.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// The stream that tells when elements with `data-live-part` have changed.
    pub events: &'a str,
    /// Where they are asked for: the page's own address, also where it answers a form.
    pub here: &'a Local,
}

/// A whole page of any application.
#[must_use]
pub fn frame(frame: &Frame<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(frame.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (frame.title) }
                link rel="stylesheet" href=(frame.stylesheet);
                script src=(Route::SiteJs) defer {}
                @if let Some(icon) = &frame.icon {
                    link rel="icon" type="image/svg+xml" href=(icon);
                }
                (frame.head)
            }
            body data-live=[frame.live.map(|l| l.events)] data-here=[frame.live.map(|l| l.here)] {
                (frame.body)
            }
        }
    }
}

/// What search engines and those who share a link are told.
fn about(shell: &Shell, head: &Head<'_>) -> Markup {
    html! {
        @if let Some((seconds, to)) = &head.refresh {
            // where a script runs, live parts do better
            @if head.live.is_some() {
                noscript { meta http-equiv="refresh" content={ (seconds) ";url=" (to) }; }
            } @else {
                meta http-equiv="refresh" content={ (seconds) ";url=" (to) };
            }
        }
        @if !head.description.is_empty() { meta name="description" content=(head.description); }
        @match &head.canonical {
            Some(route) => { (addresses(shell, head, &Local::from(route))) }
            None => { meta name="robots" content="noindex"; }
        }
        @for value in &head.json_ld { (json_ld(value)) }
    }
}

fn addresses(shell: &Shell, head: &Head<'_>, page: &Local) -> Markup {
    let locale = &shell.reader.locale;
    // an address that names a language is a page of its own
    let is_named = shell.here.param(LANGUAGE_PARAM) == Some(locale.as_str());
    let own = if is_named { page.in_language(locale) } else { page.clone() };
    let url = shell.absolute(&own.to_string());
    let title = if head.title.is_empty() { &shell.shop } else { head.title };
    let kind = if head.image.is_some() { "product" } else { "website" };
    html! {
        link rel="canonical" href=(url);
        @if shell.locales.len() > 1 {
            @for other in &shell.locales {
                link rel="alternate" hreflang=(other)
                    href=(shell.absolute(&page.in_language(other).to_string()));
            }
            link rel="alternate" hreflang="x-default" href=(shell.absolute(&page.to_string()));
        }
        meta property="og:type" content=(kind);
        meta property="og:site_name" content=(shell.shop);
        meta property="og:title" content=(title);
        meta property="og:url" content=(url);
        meta property="og:locale" content=(locale.as_str().replace('-', "_"));
        @if !head.description.is_empty() {
            meta property="og:description" content=(head.description);
        }
        @if let Some(image) = head.image.filter(|i| is_shown(i)) {
            meta property="og:image" content=(shell.absolute(image));
        }
    }
}

/// Data for programs. Whatever stands in it, it cannot end its element: the characters that could are
/// written as escapes of JSON.
fn json_ld(value: &Value) -> Markup {
    let mut text = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    html! { script type="application/ld+json" { (PreEscaped(text)) } }
}

fn header(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        header.site {
            div.wrap {
                a.shop href=(Route::Home) {
                    @match shell.logo.as_deref().filter(|l| is_shown(l)) {
                        Some(logo) => { img src=(logo) alt=(shell.shop) width="160" height="40"; }
                        None => { (shell.shop) }
                    }
                }
                form.search role="search" action=(Route::products()) {
                    label.vh for="f-search" { (w.search_products) }
                    input #f-search type="search" name="q" value=(shell.search_text) maxlength="100"
                        placeholder=(w.search_products) autocomplete="off" enterkeyhint="search";
                    button type="submit" { (symbol("search")) span.vh { (w.search) } }
                }
                nav.tools aria-label=(w.your_things) {
                    (account(shell))
                    // an order that was just placed leaves the cart a moment later
                    a.tool.to-cart #to-cart data-live-part href=(Route::Cart) {
                        (symbol("cart"))
                        span.label { (w.cart) }
                        @if let Some(units) = shell.cart_units.filter(|n| *n > 0) {
                            " " span.badge { (units) }
                        }
                    }
                }
                nav.sections aria-label=(w.main_menu) {
                    (section(shell, w.all_products, &Route::products()))
                    @for (name, to) in &shell.sections { (section(shell, name, to)) }
                }
            }
        }
    }
}

fn section(shell: &Shell, name: &str, to: &Route) -> Markup {
    let to = to.to_string();
    let here = shell.here.to_string();
    let is_here = here.split('?').next() == Some(to.as_str());
    html! { a href=(to) aria-current=[is_here.then_some("page")] { (name) } }
}

fn account(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        @if shell.signed_in {
            details.menu {
                summary.tool { (symbol("person")) span.label { (w.account) } }
                ul {
                    li { a href=(Route::Orders { cursor: None }) { (w.my_orders) } }
                    li { a href=(Route::Account { done: None }) { (w.my_account) } }
                    li { a href=(Route::Addresses { done: None }) { (w.addresses) } }
                    li {
                        form method="post" action=(Route::SignOut) {
                            (csrf_field(shell))
                            button.link type="submit" { (w.sign_out) }
                        }
                    }
                }
            }
        } @else {
            a.tool href=(Route::SignIn { next: None }) {
                (symbol("person")) span.label { (w.sign_in) }
            }
        }
    }
}

fn footer(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        footer.site {
            div.wrap {
                div {
                    p.shop { (shell.shop) }
                    @if !shell.tagline.is_empty() { p { (shell.tagline) } }
                }
                nav aria-label=(w.help_and_account) {
                    ul {
                        li { a href=(Route::products()) { (w.all_products) } }
                        li { a href=(Route::Cart) { (w.cart) } }
                        li { a href=(Route::Orders { cursor: None }) { (w.my_orders) } }
                    }
                }
                (languages(shell))
                p.small { (w.powered_by) }
            }
        }
    }
}

fn languages(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        @if shell.locales.len() > 1 {
            nav aria-label=(w.language) {
                ul {
                    @for locale in &shell.locales {
                        @let next = shell.here.clone();
                        @let to = Route::Language { locale: locale.clone(), next };
                        li {
                            @if *locale == shell.reader.locale {
                                span aria-current="true" lang=(locale) { (name_of(locale)) }
                            } @else {
                                a href=(to) lang=(locale) hreflang=(locale) rel="nofollow" {
                                    (name_of(locale))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A language's name in itself; its tag when it is not one of the usual.
#[must_use]
pub fn name_of(locale: &Locale) -> &str {
    match locale.as_str() {
        "en" => "English",
        "zh-CN" | "zh" => "简体中文",
        "zh-TW" | "zh-HK" => "繁體中文",
        "de" => "Deutsch",
        "es" => "Español",
        "fr" => "Français",
        "ja" => "日本語",
        "ko" => "한국어",
        other => other,
    }
}

/// The name of the field that carries the token.
pub const CSRF_FIELD: &str = "csrf";

/// The hidden field that every form begins with.
#[must_use]
pub fn csrf_field(shell: &Shell) -> Markup {
    token_field(&shell.csrf)
}

/// The same for an application with a frame of its own.
#[must_use]
pub fn token_field(token: &str) -> Markup {
    html! { input type="hidden" name=(CSRF_FIELD) value=(token); }
}

/// The hidden field with the key that makes a form take effect once, however often it is sent. Every look at
/// the page makes another, which is no change of the page.
#[must_use]
pub fn once_field(name: &str, key: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(key) data-once; }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shell(here: &str) -> Shell {
        let locales: Vec<Locale> = ["en", "zh-CN"].iter().map(|l| l.parse().unwrap()).collect();
        Shell {
            shop: "Flora".into(),
            tagline: String::new(),
            logo: None,
            version: 1,
            reader: Reader::of(locales[1].clone()),
            locales,
            signed_in: false,
            cart_units: None,
            sections: vec![],
            search_text: "\"><b>".into(),
            csrf: String::new(),
            origin: "https://flora.test".into(),
            here: Local::parse(here).unwrap(),
        }
    }

    fn page(here: &str, head: &Head<'_>) -> String {
        document(&shell(here), head, &html! {}).into_string()
    }

    #[test]
    fn a_page_has_one_address_and_one_per_language() {
        let head = Head { canonical: Some(Route::Cart), ..Head::default() };
        let html = page("/cart?x=1", &head);
        for link in [
            "rel=\"canonical\" href=\"https://flora.test/cart\"",
            "hreflang=\"en\" href=\"https://flora.test/cart?lang=en\"",
            "hreflang=\"zh-CN\" href=\"https://flora.test/cart?lang=zh-CN\"",
            "hreflang=\"x-default\" href=\"https://flora.test/cart\"",
            "property=\"og:locale\" content=\"zh_CN\"",
        ] {
            assert!(html.contains(link), "{link}: {html}");
        }
        let named = page("/cart?lang=zh-CN", &head);
        assert!(named.contains("rel=\"canonical\" href=\"https://flora.test/cart?lang=zh-CN\""));
        assert!(!html.contains("noindex") && page("/", &Head::default()).contains("noindex"));
    }

    #[test]
    fn a_live_page_names_where_its_parts_are_asked_for() {
        let head = Head { live: Some("/orders/5/events".into()), ..Head::default() };
        let live = page("/orders/5?x=1&y=2", &head);
        assert!(
            live.contains("data-live=\"/orders/5/events\" data-here=\"/orders/5?x=1&amp;y=2\"")
        );
        assert!(!page("/", &Head::default()).contains("data-here"));
    }

    #[test]
    fn data_for_programs_cannot_end_its_element() {
        let value = json!({ "name": "</script><script>alert(1)</script>&\u{2028}" });
        let html = json_ld(&value).into_string();
        assert_eq!(html.matches('<').count(), 2, "{html}");
        let (_, rest) = html.split_once('>').unwrap();
        let text = rest.strip_suffix("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
    }

    #[test]
    fn what_was_searched_for_is_escaped_and_a_logo_is_ours_or_over_https() {
        let html = page("/", &Head::default());
        assert!(html.contains("value=\"&quot;&gt;&lt;b&gt;\""), "{html}");
        for (logo, shown) in [("/media/5", true), ("javascript:alert(1)", false)] {
            let shell = Shell { logo: Some(logo.into()), ..shell("/") };
            let html = document(&shell, &Head::default(), &html! {}).into_string();
            assert_eq!(html.contains(&format!("src=\"{logo}\"")), shown, "{logo}");
        }
    }
}
