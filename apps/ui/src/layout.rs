//! The frame of every page: head, header, main, footer. What stands in `main` is the page's business.

use maud::{DOCTYPE, Markup, html};
use types::Locale;

use crate::lang::Reader;
use crate::routes::{Local, Route};
use crate::text::Words;

/// What the frame shows of a shop, its reader and their session.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The shop's name in the reader's language.
    pub shop: String,
    /// A line under the name; may be empty.
    pub tagline: String,
    /// Counts the tenant's changes: names the version of its colours.
    pub version: i64,
    /// The shop's languages.
    pub locales: Vec<Locale>,
    /// Who reads.
    pub reader: Reader,
    /// Whether somebody signed in.
    pub signed_in: bool,
    /// Units in the cart, when they are known.
    pub cart_units: Option<u32>,
    /// The token that every form sends back.
    pub csrf: String,
    /// This page's own address, to come back to.
    pub here: Local,
}

impl Shell {
    /// The words in the reader's language.
    #[must_use]
    pub fn words(&self) -> &'static Words {
        Words::of(self.reader.lang)
    }
}

/// What a page says in its head.
#[derive(Debug, Clone, Default)]
pub struct Head<'a> {
    /// The page's title; the shop's name is added.
    pub title: &'a str,
    /// Where the browser goes by itself, and after how many seconds.
    pub refresh: Option<(u32, Route)>,
}

/// A whole page.
#[must_use]
pub fn document(shell: &Shell, head: &Head<'_>, main: &Markup) -> Markup {
    let w = shell.words();
    html! {
        (DOCTYPE)
        html lang=(shell.reader.locale) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some((seconds, to)) = &head.refresh {
                    meta http-equiv="refresh" content={ (seconds) ";url=" (to) };
                }
                title { @if !head.title.is_empty() { (head.title) " · " } (shell.shop) }
                link rel="stylesheet" href=(Route::SiteCss);
                link rel="stylesheet" href=(Route::ThemeCss { version: shell.version });
                link rel="icon" type="image/svg+xml" href=(Route::Icon { version: shell.version });
            }
            body {
                a.skip href="#main" { (w.skip_to_content) }
                (header(shell))
                main #main { (main) }
                (footer(shell))
            }
        }
    }
}

fn header(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        header.site {
            div.wrap {
                p.shop { a href=(Route::Home) { (shell.shop) } }
                nav aria-label=(w.main_menu) {
                    a href=(Route::Products { cursor: None }) { (w.all_products) }
                    @if shell.signed_in {
                        a href=(Route::Orders { cursor: None }) { (w.my_orders) }
                        form method="post" action=(Route::SignOut) {
                            (csrf_field(shell))
                            button.link type="submit" { (w.sign_out) }
                        }
                    } @else {
                        a href=(Route::SignIn { next: None }) { (w.sign_in) }
                    }
                    a.cart href=(Route::Cart) {
                        (w.cart)
                        @if let Some(units) = shell.cart_units.filter(|n| *n > 0) {
                            " " span.badge { (units) }
                        }
                    }
                }
            }
        }
    }
}

fn footer(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        footer.site {
            div.wrap {
                p { (shell.shop) @if !shell.tagline.is_empty() { " — " (shell.tagline) } }
                @if shell.locales.len() > 1 {
                    nav aria-label=(w.language) {
                        @for locale in &shell.locales {
                            @let to = Route::Language { locale: locale.clone(), next: shell.here.clone() };
                            @if *locale == shell.reader.locale {
                                span aria-current="true" lang=(locale) { (name_of(locale)) }
                            } @else {
                                a href=(to) lang=(locale) hreflang=(locale) { (name_of(locale)) }
                            }
                        }
                    }
                }
                p.small { (w.powered_by) }
            }
        }
    }
}

/// A language's name in itself; its tag when it is not one of the usual.
fn name_of(locale: &Locale) -> &str {
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
    html! { input type="hidden" name=(CSRF_FIELD) value=(shell.csrf); }
}
