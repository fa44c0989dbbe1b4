//! The page of all settings, with a form for each part for those who may change them.

use maud::{Markup, html};
use tenant_api::TenantInfo;
use ui::Errors;
use ui::layout::name_of;
use ui::parts::{Field, Tone, field, notice, price};

use super::Words;
use super::banner_list::banner_list;
use super::contrast::warnings;
use super::facts;
use super::forms::{Colour, SettingsForm, TextRows, field_of};
use super::routes::{Done, Route};
use crate::layout::{Head, Shell, csrf_field, document};

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is based on settings that are not the current ones.
    Stale,
    /// What was typed has mistakes, or a limit is reached.
    Told(String),
}

/// All settings.
#[derive(Debug, Clone)]
pub(crate) struct SettingsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The shop as it is.
    pub(crate) tenant: TenantInfo,
    /// What was just done.
    pub(crate) done: Option<Done>,
    /// Why what was wanted was not done.
    pub(crate) problem: Option<Problem>,
    /// What stands in the forms.
    pub(crate) form: SettingsForm,
    /// What is wrong with it.
    pub(crate) errors: Errors,
}

/// The page.
pub(crate) fn render_settings(page: &SettingsPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let sections = if page.shell.may("tenant:write") { forms(page, w) } else { values(page, w) };
    let main = html! {
        @if let Some(done) = page.done { (notice(Tone::Info, &html! { p { (done.text(w)) } })) }
        (trouble(page.problem.as_ref(), w))
        (sections)
        (banner_list(page, w))
        (facts::hosts(&page.tenant, w))
        (facts::placements(&page.tenant, page.shell.reader.lang, w))
    };
    document(&page.shell, &Head { title: w.settings, ..Head::default() }, &main)
}

/// Why a change was not made.
pub(super) fn trouble(problem: Option<&Problem>, w: &Words) -> Markup {
    html! {
        @match problem {
            None => {}
            Some(Problem::Told(text)) => (notice(Tone::Bad, &html! { p { (text) } })),
            Some(Problem::Stale) => (notice(Tone::Bad, &html! {
                p { (w.stale) }
                p { a href=(Route::Settings { done: None }) target="_blank" { (w.see_current) } }
            })),
        }
    }
}

/// What every form begins with: its token, and the version that it is based on.
pub(super) fn begin(shell: &Shell, version: i64) -> Markup {
    html! {
        (csrf_field(shell))
        input type="hidden" name="version" value=(version);
    }
}

/// The settings to read.
fn values(page: &SettingsPage, w: &Words) -> Markup {
    let theme = &page.tenant.theme;
    let font = |f: &Option<String>| f.clone().unwrap_or_else(|| w.no_fonts.to_owned());
    html! {
        section.panel {
            h2 { (w.name) }
            dl.terms {
                @for (locale, text) in page.tenant.name.all() {
                    dt { (name_of(locale)) } dd lang=(locale) { (text) }
                }
            }
        }
        section.panel {
            h2 { (w.look) }
            dl.terms {
                dt { (w.primary) } dd { (swatch(&theme.primary)) }
                dt { (w.accent) } dd { (swatch(&theme.accent)) }
                dt { (w.background) } dd { (swatch(&theme.background)) }
                dt { (w.tagline) } dd { (theme.tagline) }
                dt { (w.heading_font) } dd { (font(&theme.heading_font)) }
                dt { (w.body_font) } dd { (font(&theme.body_font)) }
            }
        }
        section.panel { h2 { (w.logo) } (logo(page, w)) }
        section.panel {
            h2 { (w.shipping) }
            dl.terms { dt { (w.shipping_fee) } dd { (price(page.tenant.shipping_fee)) } }
        }
    }
}

/// A colour as it looks, and as it is written.
fn swatch(colour: &str) -> Markup {
    html! {
        span.swatch {
            svg width="24" height="24" aria-hidden="true" {
                rect width="24" height="24" rx="5" fill=(colour) {}
            }
            code { (colour) }
        }
    }
}

fn logo(page: &SettingsPage, w: &Words) -> Markup {
    let shown = page.tenant.theme.logo.as_deref().filter(|l| ui::parts::is_shown(l));
    html! {
        @match shown {
            Some(logo) => p.logo-shown { img src=(logo) alt=(page.shell.shop) height="48"; },
            None => p.quiet { (w.no_logo) },
        }
    }
}

/// The settings to change.
fn forms(page: &SettingsPage, w: &Words) -> Markup {
    html! {
        (name_form(page, w))
        (look_form(page, w))
        (logo_form(page, w))
        (shipping_form(page, w))
    }
}

fn name_form(page: &SettingsPage, w: &Words) -> Markup {
    html! {
        section.panel {
            h2 { (w.name) }
            form.act method="post" action=(Route::Name) {
                (begin(&page.shell, page.tenant.version))
                (text_fields("name", w.name, &page.form.name, 100, &page.errors))
                button type="submit" { (w.save) }
            }
        }
    }
}

/// A field of a text for each language.
pub(super) fn text_fields(
    name: &str,
    label: &str,
    rows: &TextRows,
    length_max: u32,
    errors: &Errors,
) -> Markup {
    html! {
        div.fields {
            @for (locale, text) in &rows.0 {
                @let (name, label) = (field_of(name, locale), [label, " · ", name_of(locale)].concat());
                (field(&Field {
                    name: &name, label: &label, value: text, error: errors.of(&name), length_max,
                    ..Field::default()
                }))
            }
        }
    }
}

fn look_form(page: &SettingsPage, w: &Words) -> Markup {
    let (look, errors) = (&page.form.look, &page.errors);
    let font = |name, label, value| {
        let error = errors.of(name);
        field(&Field {
            name,
            label,
            value,
            error,
            hint: w.fonts_hint,
            length_max: 200,
            ..Field::default()
        })
    };
    let found = warnings(&look.primary.text, &look.accent.text, &look.background.text, w);
    html! {
        section.panel {
            h2 { (w.look) }
            @if !found.is_empty() {
                div.notice.warn { ul { @for warning in &found { li { (warning) } } } }
            }
            form.act method="post" action=(Route::Look) {
                (begin(&page.shell, page.tenant.version))
                div.fields {
                    (colour_field("primary", w.primary, w.primary_hint, &look.primary, errors, w))
                    (colour_field("accent", w.accent, w.accent_hint, &look.accent, errors, w))
                    (colour_field("background", w.background, w.background_hint, &look.background, errors, w))
                }
                p.hint { (w.colour_hint) }
                (field(&Field {
                    name: "tagline", label: w.tagline, value: &look.tagline, hint: w.tagline_hint,
                    error: errors.of("tagline"), length_max: 200, ..Field::default()
                }))
                div.fields {
                    (font("heading_font", w.heading_font, &look.heading_font))
                    (font("body_font", w.body_font, &look.body_font))
                }
                button type="submit" { (w.save) }
            }
        }
    }
}

fn colour_field(
    name: &str,
    label: &str,
    hint: &str,
    colour: &Colour,
    errors: &Errors,
    w: &Words,
) -> Markup {
    html! {
        div.colour {
            (field(&Field {
                name, label, hint, value: &colour.text, error: errors.of(name), required: true,
                length_max: 7, ..Field::default()
            }))
            input type="color" name={ (name) "_palette" } value=(colour.palette)
                aria-label={ (label) ": " (w.choose_colour) } title=(w.choose_colour);
            input type="hidden" name={ (name) "_before" } value=(colour.palette);
        }
    }
}

fn logo_form(page: &SettingsPage, w: &Words) -> Markup {
    html! {
        section.panel {
            h2 { (w.logo) }
            p.quiet { (w.logo_text) }
            (logo(page, w))
            form.act method="post" action=(Route::Logo) enctype="multipart/form-data" {
                (begin(&page.shell, page.tenant.version))
                (file_field(&page.shell, &page.errors, w))
                (field(&Field {
                    name: "logo", label: w.logo_address, value: &page.form.logo,
                    hint: w.picture_address_hint, error: page.errors.of("logo"), length_max: 500,
                    ..Field::default()
                }))
                button type="submit" { (w.save) }
            }
        }
    }
}

/// A picture to keep, for those who may keep pictures.
pub(super) fn file_field(shell: &Shell, errors: &Errors, w: &Words) -> Markup {
    let error = errors.of("picture");
    html! {
        @if shell.may("products:write") {
            div.field {
                label for="f-picture" { (w.picture_file) }
                input id="f-picture" type="file" name="picture"
                    accept="image/png,image/jpeg,image/webp,image/svg+xml"
                    aria-invalid=[error.map(|_| "true")] aria-describedby="f-picture-about";
                @match error {
                    Some(error) => p.error id="f-picture-about" { (error) },
                    None => p.hint id="f-picture-about" { (w.picture_hint) },
                }
            }
        }
    }
}

fn shipping_form(page: &SettingsPage, w: &Words) -> Markup {
    let label = w.fee_in(page.tenant.currency.code());
    html! {
        section.panel {
            h2 { (w.shipping) }
            form.act method="post" action=(Route::Shipping) {
                (begin(&page.shell, page.tenant.version))
                (field(&Field {
                    name: "shipping_fee", label: &label, value: &page.form.fee, required: true,
                    inputmode: "decimal", hint: w.shipping_hint,
                    error: page.errors.of("shipping_fee"), length_max: 20, ..Field::default()
                }))
                button type="submit" { (w.save) }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod sample {
    use kit::{Placement, Placements};
    use staff_api::Role;
    use tenant_api::{Banner, Theme};
    use types::Texts;

    use super::*;
    use crate::samples::Samples;

    fn texts(en: &str, zh: &str) -> Texts {
        let pairs = [("en", en), ("zh-CN", zh)].map(|(l, t)| (l.parse().unwrap(), t.to_owned()));
        Texts::new(pairs.into()).unwrap()
    }

    pub(crate) fn banner(title: &str) -> Banner {
        Banner {
            title: texts(title, "春季新品"),
            text: texts("Cut this <no> morning", ""),
            image: Some("/media/5".to_owned()),
            link: "/c/bouquets".to_owned(),
        }
    }

    pub(crate) fn tenant(banners: Vec<Banner>) -> TenantInfo {
        TenantInfo {
            code: "flora".parse().unwrap(),
            name: texts("Flowers & <Sons>", "花与子"),
            hosts: vec!["flora.localhost".to_owned(), "flora.example".to_owned()],
            currency: "CNY".parse().unwrap(),
            locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
            theme: Theme {
                tagline: "<wrong>".to_owned(),
                logo: Some("/media/5".to_owned()),
                heading_font: Some("Georgia, serif".to_owned()),
                ..Theme::default()
            },
            banners,
            shipping_fee: kit::Money::new(1_200, "CNY".parse().unwrap()).unwrap(),
            placements: Placements::initial(Placement::new(4, 8, 4, 0).unwrap()),
            version: 3,
        }
    }

    impl Samples for SettingsPage {
        fn samples() -> Vec<Self> {
            let of = |locale: &str, role: Role, tenant: TenantInfo| Self {
                shell: Shell {
                    section: Some(crate::nav::Section::Settings),
                    ..crate::samples::shell_as(locale, role)
                },
                form: SettingsForm::of(&tenant),
                tenant,
                done: None,
                problem: None,
                errors: Errors::default(),
            };
            let w = Words::of(ui::Lang::En);
            let two = || vec![banner("Spring <b>"), banner("Summer")];
            let mut refused = of("en", Role::Owner, tenant(two()));
            refused.form.look.primary.text = "<wrong>".to_owned();
            refused.errors = Errors::one("primary", w.bad_colour);
            refused.problem = Some(Problem::Told(w.look_below.to_owned()));
            let mut pale = tenant(vec![]);
            pale.theme.primary = "#ffe08a".to_owned();
            pale.theme.logo = None;
            let pale = Self { done: Some(Done::Saved), ..of("zh-CN", Role::Owner, pale) };
            let stale =
                Self { problem: Some(Problem::Stale), ..of("en", Role::Owner, tenant(two())) };
            let full = vec![banner("One of many"); tenant_api::BANNERS_MAX];
            vec![
                of("en", Role::Owner, tenant(two())),
                refused,
                pale,
                stale,
                of("zh-CN", Role::Owner, tenant(full)),
                of("en", Role::ReadOnly, tenant(two())),
                of("zh-CN", Role::ReadOnly, tenant(vec![])),
            ]
        }
    }
}
