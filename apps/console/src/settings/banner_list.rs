//! The banners on the page of settings: what the home page shows, in its order.

use maud::{Markup, html};
use tenant_api::{BANNERS_MAX, Banner};
use ui::parts::{self, picture};

use super::Words;
use super::page::{SettingsPage, begin};
use super::routes::Route;

/// The banners.
pub(super) fn banner_list(page: &SettingsPage, w: &Words) -> Markup {
    let banners = &page.tenant.banners;
    html! {
        section.panel {
            h2 { (w.banners) }
            p.quiet { (w.banners_text) }
            @if banners.is_empty() {
                (parts::empty(w.no_banners, None))
            } @else {
                ol.banners-edit {
                    @for (at, banner) in (1..).zip(banners) { (entry(page, at, banner, w)) }
                }
            }
            @if page.shell.may("tenant:write") {
                @if banners.len() < BANNERS_MAX {
                    p { a.button href=(Route::NewBanner) { (w.add_banner) } }
                } @else {
                    p.hint { (w.banners_full) }
                }
            }
        }
    }
}

fn entry(page: &SettingsPage, at: usize, banner: &Banner, w: &Words) -> Markup {
    let locale = &page.shell.reader.locale;
    let words = ui::Words::of(page.shell.reader.lang);
    html! {
        li {
            div.banner-picture { (picture(banner.image.as_deref(), "", words, true)) }
            div.banner-about {
                p { strong { (banner.title.get(locale)) } }
                p { (banner.text.get(locale)) }
                p.hint { code { (banner.link) } }
                @if page.shell.may("tenant:write") { (actions(page, at, banner, w)) }
            }
        }
    }
}

fn actions(page: &SettingsPage, at: usize, banner: &Banner, w: &Words) -> Markup {
    let title = banner.title.get(&page.shell.reader.locale);
    html! {
        div.row {
            a.button.quiet.small href=(Route::Banner { at }) { (w.edit) span.vh { " " (title) } }
            @if page.tenant.banners.len() > 1 {
                form.row method="post" action=(Route::MoveBanner { at }) {
                    (begin(&page.shell, page.tenant.version))
                    @if at > 1 {
                        button.quiet.small type="submit" name="to" value="earlier" {
                            (w.earlier) span.vh { " " (title) }
                        }
                    }
                    @if at < page.tenant.banners.len() {
                        button.quiet.small type="submit" name="to" value="later" {
                            (w.later) span.vh { " " (title) }
                        }
                    }
                }
            }
        }
        details.change {
            summary { (w.remove) "…" span.vh { " " (title) } }
            form method="post" action=(Route::RemoveBanner { at }) {
                (begin(&page.shell, page.tenant.version))
                p.hint { (w.remove_text) }
                button.danger.small type="submit" { (w.remove) }
            }
        }
    }
}
