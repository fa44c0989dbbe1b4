//! The demo's pictures: flat illustrations, drawn out of a motif, two colours and a scene. The same look
//! always gives the same bytes. Plain drawing only: nothing that runs, nothing that loads.
//!
//! A motif is a `<symbol>` of `stoa/demo/motifs/*.svg`, drawn on 800 × 800, with colours left open:
//! `{a}` and `{b}`, lighter `{al}` and `{bl}`, darker `{ad}` and `{bd}`.

mod colour;
mod scene;

use std::fmt::Write as _;

use kit::id::mix64;

pub use scene::Scene;

const MOTIFS: [&str; 3] = [
    include_str!("../../../demo/motifs/flora.svg"),
    include_str!("../../../demo/motifs/gadget.svg"),
    include_str!("../../../demo/motifs/outlet.svg"),
];

/// How a picture looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What is behind.
    pub scene: Scene,
    /// What it shows.
    pub motif: String,
    /// The motif's two colours, `#rrggbb`.
    pub colours: [String; 2],
    /// Tells pictures apart: another seed, another scene.
    pub seed: String,
    /// Nearer, and cut off by the frame.
    pub close: bool,
}

/// Draws a picture. Nothing when there is no such motif.
pub fn draw(look: &Look, title: &str) -> Option<String> {
    let body = motif(&look.motif)?;
    let [a, b] = &look.colours;
    let mut dice = Dice::of(&look.seed);
    let background = scene::background(look.scene, a, &mut dice);
    let mut svg = String::with_capacity(4_096);
    svg.push_str(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800" role="img">"#);
    // Writing to a string cannot fail.
    let _ = write!(svg, "<title>{}</title>{background}", escaped(title));
    svg.push_str(&placed(look.close, &mut dice));
    svg.push_str(&coloured(body, a, b)?);
    svg.push_str("</g></svg>");
    Some(svg)
}

/// What a shop's logo shows.
pub struct Logo<'a> {
    /// The motif of the mark.
    pub motif: &'a str,
    /// The motif's two colours, `#rrggbb`.
    pub colours: &'a [String; 2],
    /// The colour behind it.
    pub ground: &'a str,
    /// The colour of the name.
    pub ink: &'a str,
    /// The name in the first language, and in the second if there is one.
    pub names: Vec<&'a str>,
}

/// Draws a shop's logo, four times as wide as high: a motif on a rounded field, and the name beside it.
/// Nothing when there is no such motif.
pub fn logo(logo: &Logo<'_>) -> Option<String> {
    let [a, b] = logo.colours;
    let body = coloured(motif(logo.motif)?, a, b)?;
    let mut svg = String::from(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1600 400" role="img">"#,
    );
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        r#"<title>{}</title><rect width="400" height="400" rx="95" fill="{}"/><g transform="translate(200 200) scale(0.40) translate(-400 -410)">{body}</g><g fill="{}" font-family="system-ui, PingFang SC, Noto Sans CJK SC, sans-serif" font-weight="700">"#,
        escaped(&logo.names.join(" · ")),
        logo.ground,
        logo.ink
    );
    let lines: &[(i64, i64)] =
        if logo.names.len() > 1 { &[(190, 205), (115, 350)] } else { &[(200, 270)] };
    for (name, (size, y)) in logo.names.iter().zip(lines) {
        let size = fitting(name, *size);
        let _ = write!(svg, r#"<text x="460" y="{y}" font-size="{size}">{}</text>"#, escaped(name));
    }
    svg.push_str("</g></svg>");
    Some(svg)
}

/// The size, at most `max`, at which a name fits beside the mark, in whatever font there is: wide letters
/// count as a whole, others as three quarters.
fn fitting(name: &str, max: i64) -> i64 {
    let quarters: i64 = name.chars().map(|c| if c.is_ascii() { 3 } else { 4 }).sum();
    max.min(1_130 * 4 / quarters.max(1))
}

/// A motif with its colours filled in.
fn coloured(body: &str, a: &str, b: &str) -> Option<String> {
    let mut drawn = String::with_capacity(body.len());
    for (at, part) in body.split('{').enumerate() {
        if at == 0 {
            drawn.push_str(part);
            continue;
        }
        let (name, rest) = part.split_once('}')?;
        drawn.push_str(&tint(name, a, b)?);
        drawn.push_str(rest);
    }
    Some(drawn)
}

/// The body of a motif.
fn motif(name: &str) -> Option<&'static str> {
    let opening = format!("<symbol id=\"{name}\">");
    MOTIFS.iter().find_map(|file| {
        let (_, rest) = file.split_once(&opening)?;
        rest.split_once("</symbol>").map(|(body, _)| body.trim())
    })
}

/// A colour of a motif by its name there.
fn tint(name: &str, a: &str, b: &str) -> Option<String> {
    Some(match name {
        "a" => a.to_owned(),
        "al" => colour::lighter(a, 32),
        "ad" => colour::darker(a, 24),
        "b" => b.to_owned(),
        "bl" => colour::lighter(b, 32),
        "bd" => colour::darker(b, 24),
        _ => return None,
    })
}

/// The group the motif stands in: a little smaller and turned a little, or close and off the middle.
fn placed(close: bool, dice: &mut Dice) -> String {
    let (scale, x, y) = if close {
        (dice.between(128, 142), dice.between(370, 430), dice.between(430, 480))
    } else {
        (dice.between(88, 94), 400, 410)
    };
    let turn = dice.between(-3, 3);
    format!(
        r#"<g transform="translate({x} {y}) rotate({turn}) scale({}) translate(-400 -410)">"#,
        hundredths(scale)
    )
}

/// A number of hundredths as SVG writes it.
fn hundredths(n: i64) -> String {
    format!("{}.{:02}", n / 100, n % 100)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Numbers that look random and are always the same for a seed.
struct Dice(u64);

impl Dice {
    fn of(seed: &str) -> Self {
        let fold = |state: u64, byte: u8| mix64(state ^ u64::from(byte).wrapping_add(1));
        Self(seed.bytes().fold(0x5eed, fold))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix64(self.0)
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.next() % span)
    }

    fn coin(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::demo::catalogue::shops;

    fn all() -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for shop in shops(true).unwrap() {
            for product in &shop.products {
                for look in product.looks(shop.scene) {
                    let svg = draw(&look, product.title.get(&shop.locales[0])).unwrap();
                    all.push((shop.code.to_string(), look.seed, svg));
                }
            }
            for banner in &shop.banners {
                let look = banner.look(shop.scene);
                let svg = draw(&look, banner.title.get(&shop.locales[0])).unwrap();
                all.push((shop.code.to_string(), look.seed, svg));
            }
            if let Some(look) = shop.logo() {
                let svg = logo(&look).unwrap();
                all.push((shop.code.to_string(), format!("{}/logo", shop.code), svg));
            }
        }
        all
    }

    /// Whether tags nest and close, attributes are quoted, and the one root is `svg`.
    fn well_formed(text: &str) -> Result<(), String> {
        let mut open: Vec<&str> = Vec::new();
        let mut roots = 0;
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            if before.contains('>') || (open.is_empty() && !before.is_empty()) {
                return Err(format!("stray text {before:?}"));
            }
            let (tag, after) = after.split_once('>').ok_or("a tag does not end")?;
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name) {
                    return Err(format!("</{name}> closes nothing"));
                }
                continue;
            }
            let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
            let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
            let quotes: Vec<&str> = attributes.split('"').collect();
            let named = |s: &&str| s.trim().strip_suffix('=').is_some_and(|n| !n.contains(' '));
            let bare = quotes.len() - 1;
            let tail = quotes.last().is_some_and(|t| t.trim().is_empty());
            if !bare.is_multiple_of(2) || !tail || !quotes.iter().take(bare).step_by(2).all(named) {
                return Err(format!("<{tag}> has a bad attribute"));
            }
            roots += usize::from(open.is_empty());
            if !closed {
                open.push(name);
            }
        }
        if !open.is_empty() || roots != 1 || !text.starts_with("<svg ") {
            return Err(format!("{open:?} are open, {roots} roots"));
        }
        Ok(())
    }

    #[test]
    fn every_picture_is_well_formed_and_small_and_has_a_title() {
        assert!(well_formed("<svg a=\"b\"><g></svg></g>").is_err());
        assert!(well_formed("<svg a=b></svg>").is_err());
        for (_, seed, svg) in all() {
            // For whoever wants to look at them all.
            if let Some(folder) = std::env::var_os("DEMO_PICTURES") {
                let file = format!("{}.svg", seed.replace('/', "_"));
                std::fs::write(std::path::Path::new(&folder).join(file), &svg).unwrap();
            }
            well_formed(&svg).unwrap_or_else(|e| panic!("{seed}: {e}"));
            assert!(svg.len() <= 6 * 1_024, "{seed} has {} bytes", svg.len());
            let title = svg.split_once("<title>").and_then(|(_, t)| t.split_once("</title>"));
            assert!(title.is_some_and(|(t, _)| !t.trim().is_empty()), "{seed}");
            let is_logo = seed.ends_with("/logo");
            let frame = if is_logo { "0 0 1600 400" } else { "0 0 800 800" };
            assert!(svg.contains(&format!("viewBox=\"{frame}\"")), "{seed}");
            assert!(!svg.contains(['{', '}']), "{seed}");
        }
    }

    #[test]
    fn no_picture_runs_or_loads_anything() {
        for (_, seed, svg) in all() {
            let svg = svg.replace(r#"xmlns="http://www.w3.org/2000/svg""#, "").to_lowercase();
            for bad in ["<script", "http", "//", "data:", "javascript", "<image", "<foreign"] {
                assert!(!svg.contains(bad), "{seed} has {bad}");
            }
            let outward = svg.split("href=\"").skip(1).any(|h| !h.starts_with('#'));
            assert!(!outward, "{seed}");
        }
    }

    #[test]
    fn the_same_look_is_drawn_the_same_and_no_two_pictures_of_a_shop_are_alike() {
        let (once, again) = (all(), all());
        assert_eq!(once, again);
        let mut seen: HashMap<String, HashSet<String>> = HashMap::new();
        for (shop, seed, svg) in once {
            // The title alone would always tell them apart.
            let drawing = svg.split_once("</title>").unwrap().1.to_owned();
            assert!(seen.entry(shop).or_default().insert(drawing), "{seed} is drawn already");
        }
    }

    #[test]
    fn there_are_many_motifs_and_every_one_is_used() {
        let used: HashSet<String> = shops(false)
            .unwrap()
            .into_iter()
            .flat_map(|s| s.products.into_iter().map(|p| p.motif))
            .collect();
        let drawn: usize = MOTIFS.iter().map(|file| file.matches("<symbol id=").count()).sum();
        assert!(used.len() >= 12);
        assert_eq!(used.len(), drawn);
        assert!(
            draw(
                &Look {
                    scene: Scene::Garden,
                    motif: "nothing".into(),
                    colours: ["#000000".into(), "#ffffff".into()],
                    seed: String::new(),
                    close: false
                },
                "x"
            )
            .is_none()
        );
    }
}
