//! A shop's look as custom properties: its colours and fonts. What a tenant wrote is read again here, so
//! that nothing but colours and names of fonts gets into a stylesheet.

use std::fmt::Write as _;

use crate::colour::Palette;

/// The most names of fonts in a stack.
const FAMILIES_MAX: usize = 20;
/// The longest name of a font, in characters.
const FAMILY_LENGTH_MAX: usize = 60;

/// Names that stand for a kind of font and are written without quotes.
const GENERIC: &[&str] = &[
    "serif",
    "sans-serif",
    "monospace",
    "cursive",
    "fantasy",
    "system-ui",
    "ui-serif",
    "ui-sans-serif",
    "ui-monospace",
    "ui-rounded",
];

/// Fonts in the sequence they are tried: the first that the reader's machine has is used. Nothing is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FontStack(Vec<String>);

impl FontStack {
    /// Reads names with commas between them, such as `Georgia, "Songti SC", serif`. `None` when there is none or
    /// when one of them is no name of a font.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<String> =
            text.split(',').map(|n| n.trim().trim_matches(['"', '\'']).to_owned()).collect();
        let is_name = |n: &String| {
            (1..=FAMILY_LENGTH_MAX).contains(&n.chars().count())
                && n.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'))
        };
        (names.len() <= FAMILIES_MAX && names.iter().all(is_name)).then_some(Self(names))
    }

    /// As a value of `font-family`. What no machine has falls back to the fonts of all pages.
    fn css(&self) -> String {
        let mut names: Vec<String> = self
            .0
            .iter()
            .map(|n| if GENERIC.contains(&n.as_str()) { n.clone() } else { format!("\"{n}\"") })
            .collect();
        if !self.0.iter().any(|n| GENERIC.contains(&n.as_str())) {
            names.push("var(--font-system)".to_owned());
        }
        names.join(", ")
    }
}

/// A shop's look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Its colours.
    pub palette: Palette,
    /// Fonts of headings; those of the text when there are none.
    pub heading_font: Option<FontStack>,
    /// Fonts of the text; those of all pages when there are none.
    pub body_font: Option<FontStack>,
}

impl Theme {
    /// Colours without fonts of their own.
    #[must_use]
    pub const fn plain(palette: Palette) -> Self {
        Self { palette, heading_font: None, body_font: None }
    }

    /// The look as custom properties.
    #[must_use]
    pub fn stylesheet(&self) -> String {
        let mut text = String::from(":root {\n");
        // writing into a string cannot fail
        for (name, colour) in self.palette.properties() {
            let _ = writeln!(text, "  --{name}: {colour};");
        }
        for (name, font) in [("body", &self.body_font), ("heading", &self.heading_font)] {
            if let Some(font) = font {
                let _ = writeln!(text, "  --font-{name}: {};", font.css());
            }
        }
        text.push_str("}\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn css(text: &str) -> Option<String> {
        FontStack::parse(text).map(|f| f.css())
    }

    #[test]
    fn names_of_fonts_are_quoted_and_kinds_are_not() {
        assert_eq!(
            css("Georgia, 'Songti SC', serif").unwrap(),
            "\"Georgia\", \"Songti SC\", serif"
        );
        assert_eq!(css("宋体").unwrap(), "\"宋体\", var(--font-system)");
    }

    #[test]
    fn only_a_font_is_a_font() {
        let long = "a".repeat(61);
        for bad in ["", "a,", "a;b", "x}", "url(x)", "a\"b\", c{", "\\66", "a\nb", &long] {
            assert_eq!(css(bad), None, "{bad}");
        }
        assert_eq!(css(&["a"; 21].join(",")), None);
    }

    #[test]
    fn a_look_is_printed_as_custom_properties() {
        let palette = Palette::of("#123456", "#000000", "#ffffff");
        let plain = Theme::plain(palette);
        assert!(plain.stylesheet().contains("  --primary: #123456;\n"));
        assert!(!plain.stylesheet().contains("font"));
        let theme = Theme { heading_font: FontStack::parse("Georgia, serif"), ..plain };
        assert!(theme.stylesheet().ends_with("  --font-heading: \"Georgia\", serif;\n}\n"));
    }
}
