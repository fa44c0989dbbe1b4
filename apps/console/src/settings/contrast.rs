//! What is hard to see in a shop's colours. Pages stay readable whatever they are (see `ui::colour`); this
//! tells what it costs.

use ui::colour::{Palette, Rgb};

use super::Words;

/// What parts of a page need to be told apart, in hundredths: WCAG 2, 1.4.11.
const PARTS_MIN: u128 = 300;

/// What is hard to see, a sentence each. Nothing for what is no colour: that is a mistake of its own.
pub(super) fn warnings(primary: &str, accent: &str, background: &str, w: &Words) -> Vec<String> {
    let are_colours = [primary, accent, background].iter().all(|c| Rgb::parse(c).is_some());
    if !are_colours {
        return Vec::new();
    }
    let palette = Palette::of(primary, accent, background);
    let property = |name: &str| palette.properties().into_iter().find(|(n, _)| *n == name);
    let surface = property("surface").map_or(Rgb::WHITE, |(_, c)| c);
    let link = property("link").map_or(palette.primary, |(_, c)| c);
    let on_page = palette.primary.contrast(palette.background);
    let mut found = Vec::new();
    if link != palette.primary {
        found.push(w.low_link(&ratio(on_page.min(palette.primary.contrast(surface)))));
    }
    if on_page < PARTS_MIN {
        found.push(w.low_button(&ratio(on_page)));
    }
    let mark = palette.accent.contrast(palette.background);
    if mark < PARTS_MIN {
        found.push(w.low_accent(&ratio(mark)));
    }
    found
}

/// `4.54` of 454 hundredths.
fn ratio(hundredths: u128) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    fn count(primary: &str, accent: &str, background: &str) -> usize {
        warnings(primary, accent, background, Words::of(Lang::En)).len()
    }

    #[test]
    fn colours_that_can_be_told_apart_need_no_warning() {
        assert_eq!(count("#1f6f43", "#c2410c", "#f7f5ef"), 0);
        assert_eq!(count("#8fd6a8", "#ffb4ab", "#101214"), 0, "a dark page, too");
    }

    #[test]
    fn each_that_cannot_is_told_with_its_contrast() {
        let found = warnings("#ffe08a", "#fff6d5", "#ffffff", Words::of(Lang::En));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("1.28 : 1"), "{found:?}");
        assert_eq!(count("#d97706", "#c2410c", "#ffffff"), 1, "good for buttons, not for links");
    }

    #[test]
    fn what_is_no_colour_is_not_compared() {
        assert_eq!(count("#12", "#ffffff", "#ffffff"), 0);
    }
}
