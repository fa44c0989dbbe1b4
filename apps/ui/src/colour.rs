//! Colours of a tenant's theme, and whether text on them can be read. Whole numbers only.

use std::fmt;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb {
    red: u8,
    green: u8,
    blue: u8,
}

/// What a luminance of 1 is in whole numbers.
const ONE: u128 = 1_000_000;
/// Fixed point for powers; its square fits into 128 bits.
const FIXED: u128 = 1_000_000_000_000_000_000;

impl Rgb {
    /// Black.
    pub const BLACK: Self = Self { red: 0, green: 0, blue: 0 };
    /// White.
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255 };
    /// Nearly black: easier on the eye for text.
    pub const INK: Self = Self { red: 0x1d, green: 0x1f, blue: 0x21 };

    /// Reads `#rrggbb`. Anything else is `None`, so what is printed into a stylesheet is a colour.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let part = |i: usize| u8::from_str_radix(digits.get(i..i + 2)?, 16).ok();
        Some(Self { red: part(0)?, green: part(2)?, blue: part(4)? })
    }

    /// Relative luminance of WCAG 2, in millionths.
    #[must_use]
    pub fn luminance(self) -> u128 {
        let [r, g, b] = [self.red, self.green, self.blue].map(linear);
        (2_126 * r + 7_152 * g + 722 * b) / 10_000
    }

    /// The contrast of WCAG 2 between two colours, in hundredths: 100 to 2,100.
    #[must_use]
    pub fn contrast(self, other: Self) -> u128 {
        let (a, b) = (self.luminance() + ONE / 20, other.luminance() + ONE / 20);
        a.max(b) * 100 / a.min(b)
    }

    /// Whether normal text of one colour can be read on the other: at least 4.5 : 1.
    #[must_use]
    pub fn is_readable_on(self, other: Self) -> bool {
        self.contrast(other) >= 450
    }

    /// The colour of text on this one. One of black and white can always be read.
    #[must_use]
    pub fn ink(self) -> Self {
        [Self::INK, Self::WHITE, Self::BLACK]
            .into_iter()
            .find(|ink| ink.is_readable_on(self))
            .unwrap_or(Self::BLACK)
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// sRGB channel to linear light, in millionths: `((c/255 + 0.055) / 1.055) ^ 2.4`, as the fifth root of
/// the twelfth power.
fn linear(channel: u8) -> u128 {
    let c = u128::from(channel);
    if c <= 10 {
        return c * ONE * 100 / (255 * 1_292);
    }
    let base = (c * 200 + 2_805) * FIXED / 53_805;
    let power12 = (0..11).fold(base, |p, _| p * base / FIXED);
    let wanted = power12 * (ONE.pow(5) / FIXED);
    let (mut low, mut high) = (0, ONE);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if middle.pow(5) <= wanted {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// The three colours of a theme and what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Buttons and links.
    pub primary: Rgb,
    /// Second colour.
    pub accent: Rgb,
    /// The page.
    pub background: Rgb,
}

impl Palette {
    /// A palette of the theme's texts; a text that is no colour is replaced by a plain one.
    #[must_use]
    pub fn of(primary: &str, accent: &str, background: &str) -> Self {
        Self {
            primary: Rgb::parse(primary).unwrap_or(Rgb::INK),
            accent: Rgb::parse(accent).unwrap_or(Rgb::INK),
            background: Rgb::parse(background).unwrap_or(Rgb::WHITE),
        }
    }

    /// The colours that follow from these, by name. Whatever the three are, texts can be read.
    #[must_use]
    pub fn properties(&self) -> [(&'static str, Rgb); 13] {
        let Self { primary, accent, background } = *self;
        let ink = background.ink();
        // then this ink can be read on the surface too
        let dark = ink == Rgb::WHITE;
        let surface = if dark { Rgb::INK } else { Rgb::WHITE };
        let or_ink = |colour: Rgb| {
            let readable = colour.is_readable_on(background) && colour.is_readable_on(surface);
            if readable { colour } else { ink }
        };
        let grey = if dark { Rgb { red: 200, green: 200, blue: 200 } } else { GREY };
        [
            ("primary", primary),
            ("on-primary", primary.ink()),
            ("accent", accent),
            ("on-accent", accent.ink()),
            ("background", background),
            ("ink", ink),
            ("surface", surface),
            ("on-surface", surface.ink()),
            ("link", or_ink(primary)),
            ("muted", or_ink(grey)),
            ("bad", or_ink(if dark { BAD_ON_DARK } else { BAD })),
            ("good", or_ink(if dark { GOOD_ON_DARK } else { GOOD })),
            ("warn", or_ink(if dark { WARN_ON_DARK } else { WARN })),
        ]
    }
}

/// What is wrong, on a light page.
const BAD: Rgb = Rgb { red: 0xb3, green: 0x26, blue: 0x1e };
/// What is wrong, on a dark page.
const BAD_ON_DARK: Rgb = Rgb { red: 0xff, green: 0xb4, blue: 0xab };
/// What is well, on a light page.
const GOOD: Rgb = Rgb { red: 0x1b, green: 0x6e, blue: 0x3c };
/// What is well, on a dark page.
const GOOD_ON_DARK: Rgb = Rgb { red: 0x8f, green: 0xd6, blue: 0xa8 };
/// What needs a look, on a light page.
const WARN: Rgb = Rgb { red: 0x8a, green: 0x53, blue: 0x00 };
/// What needs a look, on a dark page.
const WARN_ON_DARK: Rgb = Rgb { red: 0xff, green: 0xcf, blue: 0x8a };
/// Quiet text on a light page.
const GREY: Rgb = Rgb { red: 0x59, green: 0x5e, blue: 0x63 };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rgb(text: &str) -> Rgb {
        Rgb::parse(text).unwrap()
    }

    #[test]
    fn only_a_colour_is_a_colour() {
        assert_eq!(rgb("#0a0B0c").to_string(), "#0a0b0c");
        for bad in ["", "#fff", "red", "#gggggg", "#0000000", "#000000}", "0000000", "#ééé"] {
            assert_eq!(Rgb::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert_eq!(Rgb::BLACK.contrast(Rgb::WHITE), 2_100);
        assert_eq!(rgb("#767676").contrast(Rgb::WHITE), 454);
        assert_eq!(rgb("#777777").contrast(Rgb::WHITE), 447);
        assert_eq!(rgb("#ff0000").contrast(Rgb::WHITE), 399);
        assert!(GREY.is_readable_on(Rgb::WHITE));
    }

    fn any_colour() -> impl Strategy<Value = Rgb> {
        any::<[u8; 3]>().prop_map(|[red, green, blue]| Rgb { red, green, blue })
    }

    proptest! {
        #[test]
        fn text_can_be_read_on_any_colour(colour in any_colour()) {
            prop_assert!(colour.ink().is_readable_on(colour));
        }

        #[test]
        fn whatever_the_theme_text_can_be_read(a in any_colour(), b in any_colour(), c in any_colour()) {
            let palette = Palette { primary: a, accent: b, background: c };
            let colours = palette.properties();
            let get = |name: &str| colours.iter().find(|(n, _)| *n == name).unwrap().1;
            for (text, ground) in [
                ("on-primary", "primary"), ("on-accent", "accent"), ("ink", "background"),
                ("on-surface", "surface"), ("link", "background"), ("link", "surface"),
                ("muted", "background"), ("muted", "surface"),
                ("bad", "background"), ("bad", "surface"), ("good", "background"),
                ("good", "surface"), ("warn", "background"), ("warn", "surface"),
            ] {
                prop_assert!(get(text).is_readable_on(get(ground)), "{text} on {ground}");
            }
        }
    }
}
