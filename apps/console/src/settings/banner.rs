//! A banner to add or to change.

use maud::{Markup, html};
use ui::Errors;
use ui::parts::{Field, field, picture};

use super::Words;
use super::forms::BannerForm;
use super::page::{Problem, begin, file_field, text_fields, trouble};
use super::routes::Route;
use crate::layout::{Head, Shell, document};

/// A banner.
#[derive(Debug, Clone)]
pub(crate) struct BannerPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Its place, from 1; none for a new one.
    pub(crate) at: Option<usize>,
    /// The version of the settings that the form is based on.
    pub(crate) version: i64,
    /// What stands in the form.
    pub(crate) form: BannerForm,
    /// What is wrong with it.
    pub(crate) errors: Errors,
    /// Why it was not saved.
    pub(crate) problem: Option<Problem>,
    /// What is at its place now, when the settings were changed meanwhile.
    pub(crate) now: Option<String>,
}

/// The page.
pub(crate) fn render_banner(page: &BannerPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let to = page.at.map_or(Route::NewBanner, |at| Route::Banner { at });
    let (form, errors) = (&page.form, &page.errors);
    let words = ui::Words::of(page.shell.reader.lang);
    let main = html! {
        p { a href=(Route::Settings { done: None }) { "← " (w.settings) } }
        (trouble(page.problem.as_ref(), w))
        @if let Some(title) = &page.now { p { (w.banner_now(title)) } }
        section.panel aria-label=(w.edit_banner) {
            form.act method="post" action=(to) enctype="multipart/form-data" {
                (begin(&page.shell, page.version))
                (text_fields("title", w.banner_title, &form.title, 100, errors))
                (text_fields("text", w.banner_text, &form.text, 300, errors))
                (field(&Field {
                    name: "link", label: w.banner_link, value: &form.link, hint: w.banner_link_hint,
                    required: true, error: errors.of("link"), length_max: 500, ..Field::default()
                }))
                fieldset.choices {
                    legend { (w.banner_picture) }
                    @if !form.image.is_empty() {
                        div.banner-picture { (picture(Some(&form.image), "", words, false)) }
                    }
                    (file_field(&page.shell, errors, w))
                    (field(&Field {
                        name: "image", label: w.banner_image, value: &form.image,
                        hint: w.picture_address_hint, error: errors.of("image"), length_max: 500,
                        ..Field::default()
                    }))
                }
                button type="submit" { (w.save) }
            }
        }
    };
    let title = if page.at.is_some() { w.edit_banner } else { w.new_banner };
    document(&page.shell, &Head { title, ..Head::default() }, &main)
}

#[cfg(test)]
impl crate::samples::Samples for BannerPage {
    fn samples() -> Vec<Self> {
        use super::page::sample;
        let locales = sample::tenant(vec![]).locales;
        let of = |locale: &str, at, form| Self {
            shell: Shell {
                section: Some(crate::nav::Section::Settings),
                ..crate::samples::shell(locale)
            },
            at,
            version: 3,
            form,
            errors: Errors::default(),
            problem: None,
            now: None,
        };
        let spring = || BannerForm::of(Some(&sample::banner("Spring <wrong>")), &locales);
        let w = Words::of(ui::Lang::En);
        let refused = Self {
            errors: Errors::one("link", w.bad_link),
            problem: Some(Problem::Told(w.look_below.to_owned())),
            ..of("en", None, BannerForm { link: "//<no>".to_owned(), ..spring() })
        };
        let stale = Self {
            problem: Some(Problem::Stale),
            now: Some("Another <no>".to_owned()),
            ..of("zh-CN", Some(2), spring())
        };
        vec![
            of("en", Some(1), spring()),
            of("zh-CN", None, BannerForm::of(None, &locales)),
            refused,
            stale,
        ]
    }
}
