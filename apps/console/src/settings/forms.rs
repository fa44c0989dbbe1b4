//! The forms of settings as they were typed: read from what was sent, made of a tenant, turned into what
//! the service takes. What is wrong with them is the service's to say.

use kit::Money;
use tenant_api::{Banner, TenantInfo, Theme};
use types::{Locale, Texts};
use ui::colour::Rgb;

use crate::web::Fields;

/// A text in some languages, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextRows(pub(crate) Vec<(Locale, String)>);

impl TextRows {
    /// A row for each of the tenant's languages, then those that only the text has.
    pub(crate) fn of(texts: Option<&Texts>, locales: &[Locale]) -> Self {
        let there = texts.map(Texts::all);
        let of = |l: &Locale| there.and_then(|t| t.get(l)).cloned().unwrap_or_default();
        let mut rows: Vec<_> = locales.iter().map(|l| (l.clone(), of(l))).collect();
        let more = there.into_iter().flatten().filter(|(l, _)| !locales.contains(l));
        rows.extend(more.map(|(l, t)| (l.clone(), t.clone())));
        Self(rows)
    }

    /// The same rows with what was sent.
    pub(crate) fn typed(self, form: &Fields, name: &str) -> Self {
        let typed = |(l, _)| {
            let text = form.text(&field_of(name, &l)).to_owned();
            (l, text)
        };
        Self(self.0.into_iter().map(typed).collect())
    }

    /// The text; what is blank is left out. `None` when nothing was typed.
    pub(crate) fn texts(&self) -> Option<Texts> {
        let filled = self.0.iter().filter(|(_, t)| !t.is_empty()).cloned();
        Texts::new(filled.collect()).ok()
    }

    /// The field of the first language, for what is wrong with the whole.
    pub(crate) fn first_field(&self, name: &str) -> String {
        self.0.first().map_or_else(|| name.to_owned(), |(l, _)| field_of(name, l))
    }
}

/// The field of a text in a language: `name_zh-CN`.
pub(crate) fn field_of(name: &str, locale: &Locale) -> String {
    format!("{name}_{locale}")
}

/// A colour that can be typed, or chosen in a palette. Whichever was touched counts; the palette when
/// both were. No script is needed for that, only what the palette stood at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Colour {
    /// As it was typed.
    pub(crate) text: String,
    /// What the palette stands at: always a colour.
    pub(crate) palette: String,
}

impl Colour {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), palette: text.to_owned() }
    }

    fn read(form: &Fields, name: &str) -> Self {
        let picked = form.text(&[name, "_palette"].concat());
        let before = form.text(&[name, "_before"].concat());
        let is_picked = !picked.is_empty() && picked != before;
        let text = if is_picked { picked } else { form.text(name) }.to_ascii_lowercase();
        let palette = [text.as_str(), before].into_iter().find(|c| Rgb::parse(c).is_some());
        Self { palette: palette.unwrap_or("#000000").to_owned(), text }
    }
}

/// Colours, fonts and the line under the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LookForm {
    pub(crate) primary: Colour,
    pub(crate) accent: Colour,
    pub(crate) background: Colour,
    pub(crate) tagline: String,
    pub(crate) heading_font: String,
    pub(crate) body_font: String,
}

impl LookForm {
    pub(crate) fn of(theme: &Theme) -> Self {
        Self {
            primary: Colour::of(&theme.primary),
            accent: Colour::of(&theme.accent),
            background: Colour::of(&theme.background),
            tagline: theme.tagline.clone(),
            heading_font: theme.heading_font.clone().unwrap_or_default(),
            body_font: theme.body_font.clone().unwrap_or_default(),
        }
    }

    pub(crate) fn read(form: &Fields) -> Self {
        Self {
            primary: Colour::read(form, "primary"),
            accent: Colour::read(form, "accent"),
            background: Colour::read(form, "background"),
            tagline: form.text("tagline").to_owned(),
            heading_font: form.text("heading_font").to_owned(),
            body_font: form.text("body_font").to_owned(),
        }
    }

    /// A theme with this look; what the form does not have stays.
    pub(crate) fn theme(&self, before: &Theme) -> Theme {
        Theme {
            primary: self.primary.text.clone(),
            accent: self.accent.text.clone(),
            background: self.background.text.clone(),
            tagline: self.tagline.clone(),
            heading_font: filled(&self.heading_font),
            body_font: filled(&self.body_font),
            ..before.clone()
        }
    }
}

/// Everything that can be typed on the page of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingsForm {
    pub(crate) name: TextRows,
    pub(crate) look: LookForm,
    /// The logo's address.
    pub(crate) logo: String,
    /// The shipping fee in major units.
    pub(crate) fee: String,
}

impl SettingsForm {
    pub(crate) fn of(tenant: &TenantInfo) -> Self {
        Self {
            name: TextRows::of(Some(&tenant.name), &tenant.locales),
            look: LookForm::of(&tenant.theme),
            logo: tenant.theme.logo.clone().unwrap_or_default(),
            fee: Money::to_major(tenant.shipping_fee),
        }
    }
}

/// A banner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BannerForm {
    pub(crate) title: TextRows,
    pub(crate) text: TextRows,
    /// The picture's address.
    pub(crate) image: String,
    pub(crate) link: String,
}

impl BannerForm {
    /// A new one without a banner.
    pub(crate) fn of(banner: Option<&Banner>, locales: &[Locale]) -> Self {
        Self {
            title: TextRows::of(banner.map(|b| &b.title), locales),
            text: TextRows::of(banner.map(|b| &b.text), locales),
            image: banner.and_then(|b| b.image.clone()).unwrap_or_default(),
            link: banner.map(|b| b.link.clone()).unwrap_or_default(),
        }
    }

    /// The same with what was sent.
    pub(crate) fn typed(self, form: &Fields) -> Self {
        Self {
            title: self.title.typed(form, "title"),
            text: self.text.typed(form, "text"),
            image: form.text("image").to_owned(),
            link: form.text("link").to_owned(),
        }
    }

    /// The banner; `None` without a heading.
    pub(crate) fn banner(&self) -> Option<Banner> {
        let title = self.title.texts()?;
        // a text has a language, even when it says nothing
        let none = || title.all().keys().next().map(|l| Texts::one(l.clone(), ""));
        let text = self.text.texts().or_else(none)?;
        Some(Banner { title, text, image: filled(&self.image), link: self.link.clone() })
    }
}

/// A text that is not empty.
pub(crate) fn filled(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(sent: &str) -> (String, String) {
        let read = Colour::read(&Fields::parse(sent.as_bytes()), "primary");
        (read.text, read.palette)
    }

    #[test]
    fn of_a_text_and_a_palette_the_one_that_was_touched_counts() {
        let both = |text: &str, palette: &str| (text.to_owned(), palette.to_owned());
        for (text, palette, expected) in [
            ("%23111111", "%23111111", both("#111111", "#111111")),
            ("%23222222", "%23111111", both("#222222", "#222222")),
            ("%23111111", "%23333333", both("#333333", "#333333")),
            ("%2322", "%23333333", both("#333333", "#333333")),
            ("%23ABCDEF", "%23111111", both("#abcdef", "#abcdef")),
            ("red", "%23111111", both("red", "#111111")),
        ] {
            let sent = format!("primary={text}&primary_palette={palette}&primary_before=%23111111");
            assert_eq!(colour(&sent), expected, "{sent}");
        }
        assert_eq!(colour("primary=%23222222"), both("#222222", "#222222"));
        assert_eq!(colour("primary=x&primary_before=y"), both("x", "#000000"));
    }

    #[test]
    fn a_language_without_a_text_is_left_out_and_none_is_lost() {
        let locales: Vec<Locale> = ["en", "zh-CN"].map(|l| l.parse().unwrap()).to_vec();
        let german = Texts::one("de".parse().unwrap(), "Blumen");
        let rows = TextRows::of(Some(&german), &locales);
        assert_eq!(rows.first_field("name"), "name_en");
        let typed =
            rows.typed(&Fields::parse(b"name_en=+Flora+&name_zh-CN=++&name_de=Blumen"), "name");
        let texts = typed.texts().unwrap();
        let all: Vec<_> = texts.all().iter().map(|(l, t)| (l.as_str(), t.as_str())).collect();
        assert_eq!(all, [("de", "Blumen"), ("en", "Flora")]);
        assert_eq!(typed.typed(&Fields::parse(b""), "name").texts(), None);
    }

    #[test]
    fn a_banner_without_a_sentence_is_one_and_without_a_heading_is_none() {
        let locales: Vec<Locale> = vec!["en".parse().unwrap()];
        let form = BannerForm::of(None, &locales);
        assert_eq!(form.clone().typed(&Fields::parse(b"link=/c/x")).banner(), None);
        let banner = form.typed(&Fields::parse(b"title_en=Hi&link=/c/x")).banner().unwrap();
        assert_eq!((banner.text.get(&locales[0]), banner.image), ("", None));
    }
}
