//! The frame of every page of the console: head, menu, main. What stands in `main` is the page's business.

pub(crate) mod again;
pub(crate) mod error;

use std::sync::LazyLock;

use kit::Currency;
use maud::{Markup, html};
use rpc::Actor;
use staff_api::Role;
use types::Locale;
use ui::assets::BASE_CSS;
use ui::layout::token_field;
use ui::{Frame, Live, Local, Reader};

use crate::nav::{Route, Section};
use crate::text::Words;

/// What the console adds to the stylesheet that all applications share.
const CONSOLE_CSS: &str = include_str!("../../assets/console.css");

/// The whole stylesheet, in one request.
pub(crate) static STYLE: LazyLock<String> = LazyLock::new(|| [BASE_CSS, CONSOLE_CSS].concat());

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| ui::assets::hash(&[&*STYLE]));

/// What the stylesheet's address carries.
pub(crate) fn style_hash() -> &'static str {
    &STYLE_HASH
}

/// What the frame shows of a tenant, its reader and their session.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// The shop's name in the reader's language.
    pub(crate) shop: String,
    /// Counts the tenant's changes: names the version of its sign.
    pub(crate) version: i64,
    /// What the shop sells in.
    pub(crate) currency: Currency,
    /// The languages to choose from.
    pub(crate) locales: Vec<Locale>,
    /// Who reads.
    pub(crate) reader: Reader,
    /// Who acts: decides which parts of the menu and which forms are shown.
    pub(crate) actor: Actor,
    /// Name and role of who signed in.
    pub(crate) staff: Option<(String, Role)>,
    /// The token that every form sends back.
    pub(crate) csrf: String,
    /// This page's own address, to come back to.
    pub(crate) here: Local,
    /// The part of the menu that this page is in.
    pub(crate) section: Option<Section>,
}

impl Shell {
    /// The words around the pages, in the reader's language.
    pub(crate) fn words(&self) -> &'static Words {
        Words::of(self.reader.lang)
    }

    /// Whether the reader may do what a permission names.
    pub(crate) fn may(&self, permission: &str) -> bool {
        self.actor.may(permission)
    }
}

/// What a page says in its head.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head<'a> {
    /// The page's title; the shop's name is added.
    pub(crate) title: &'a str,
    /// Where the browser goes by itself, and after how many seconds. For long work only.
    pub(crate) refresh: Option<(u32, String)>,
    /// The stream that says when the page's live parts are to be asked for again.
    pub(crate) live: Option<String>,
}

/// A whole page: its `h1` is the title.
pub(crate) fn document(shell: &Shell, head: &Head<'_>, main: &Markup) -> Markup {
    let w = shell.words();
    ui::layout::frame(&Frame {
        lang: shell.reader.locale.as_str(),
        title: &[head.title, &shell.shop, w.console].join(" · "),
        stylesheet: Route::Style.to_string(),
        icon: Some(ui::Route::Icon { version: shell.version }.to_string()),
        head: html! {
            meta name="robots" content="noindex";
            @if let Some((seconds, to)) = &head.refresh {
                meta http-equiv="refresh" content={ (seconds) ";url=" (to) };
            }
        },
        live: head.live.as_deref().map(|events| Live { events, here: &shell.here }),
        body: html! {
            div.desk {
                a.skip href="#main" { (w.skip_to_content) }
                (top(shell))
                @if shell.staff.is_some() { (menu(shell)) }
                main #main { h1 { (head.title) } (main) }
            }
        },
    })
}

fn top(shell: &Shell) -> Markup {
    let w = shell.words();
    html! {
        header.desk-top {
            p.shop { a href=(Route::Home) { (shell.shop) " · " (w.console) } }
            div.desk-who {
                @for locale in &shell.locales {
                    @let to = Route::Language { locale: locale.clone(), next: shell.here.clone() };
                    @if *locale == shell.reader.locale {
                        span aria-current="true" lang=(locale) { (ui::layout::name_of(locale)) }
                    } @else {
                        a href=(to) lang=(locale) hreflang=(locale) { (ui::layout::name_of(locale)) }
                    }
                }
                a href=(ui::Route::Home) { (w.to_shop) }
                @if let Some((name, role)) = &shell.staff {
                    a href=(crate::staff::routes::Route::Account { done: None }) {
                        (w.signed_in_as) " " strong { (name) } " (" (role_label(*role, w)) ")"
                    }
                    form method="post" action=(Route::SignOut) {
                        (csrf_field(shell))
                        button.link type="submit" { (w.sign_out) }
                    }
                }
            }
        }
    }
}

fn menu(shell: &Shell) -> Markup {
    let w = shell.words();
    let may = |s: &&Section| s.permission().is_none_or(|p| shell.may(p));
    html! {
        nav.desk-menu aria-label=(w.main_menu) {
            ul {
                @for section in Section::ALL.iter().filter(may) {
                    li {
                        a href=(section.to()) aria-current=[(shell.section == Some(*section)).then_some("page")] {
                            (section.label(w))
                        }
                    }
                }
            }
        }
    }
}

/// A role in words.
pub(crate) const fn role_label(role: Role, w: &Words) -> &'static str {
    match role {
        Role::Owner => w.role_owner,
        Role::Operations => w.role_operations,
        Role::Warehouse => w.role_warehouse,
        Role::CustomerService => w.role_customer_service,
        Role::ReadOnly => w.role_read_only,
    }
}

/// The hidden field that every form begins with.
pub(crate) fn csrf_field(shell: &Shell) -> Markup {
    token_field(&shell.csrf)
}
