//! What is behind the thing in a picture: one style per shop, varied by dice.

use std::fmt::Write as _;

use serde::Deserialize;

use super::{Dice, colour};

/// A style of backgrounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scene {
    /// Soft colours, hills and twigs.
    Garden,
    /// Cool colours, rings and dots.
    Studio,
    /// Two loud fields and an arch.
    Blocks,
}

/// Ground and figure of a background.
type Pair = (&'static str, &'static str);

const GARDEN: [Pair; 8] = [
    ("#f7f1e3", "#ecdfc4"),
    ("#e9f1e4", "#d3e3cb"),
    ("#fbeae6", "#f3d4cd"),
    ("#e8f0f2", "#cfe0e4"),
    ("#f6efdf", "#f1d9a8"),
    ("#efe9f3", "#dccfe6"),
    ("#f4f3ea", "#dfe3c8"),
    ("#fdf3e7", "#f7ddc0"),
];
const STUDIO: [Pair; 8] = [
    ("#eef2f7", "#d8e2ee"),
    ("#e6f3f1", "#c9e5e0"),
    ("#f3eff9", "#dfd5f0"),
    ("#fdf1e8", "#f8dcc5"),
    ("#e9eef9", "#c9d6f2"),
    ("#f1f3f5", "#dde2e7"),
    ("#fbf4dd", "#f3e3ab"),
    ("#fcebee", "#f5cfd6"),
];
const BLOCKS: [Pair; 8] = [
    ("#f6e3c5", "#e9b872"),
    ("#dfe9e6", "#9cc3b8"),
    ("#f7d9cf", "#e58f73"),
    ("#d9e4ef", "#8fb2d6"),
    ("#efe3ef", "#c49bc4"),
    ("#f3eed9", "#c9bd78"),
    ("#e8e4dc", "#b9ac97"),
    ("#fbe4e1", "#e9a6a1"),
];

/// The nearest a background may come to the thing's colour before another one is taken.
const APART_MIN: i64 = 110;

/// Draws the background for a thing of this colour.
pub fn background(scene: Scene, thing: &str, dice: &mut Dice) -> String {
    let pairs = match scene {
        Scene::Garden => &GARDEN,
        Scene::Studio => &STUDIO,
        Scene::Blocks => &BLOCKS,
    };
    let first = usize::try_from(dice.between(0, 7)).unwrap_or(0);
    let turned = || pairs.iter().cycle().skip(first).take(pairs.len());
    let apart = |p: &&Pair| {
        colour::distance(thing, p.0) >= APART_MIN && colour::distance(thing, p.1) >= APART_MIN
    };
    let (ground, figure) = turned().find(apart).or_else(|| turned().next()).unwrap_or(&GARDEN[0]);
    let mut out = format!(r#"<rect width="800" height="800" fill="{ground}"/>"#);
    match scene {
        Scene::Garden => garden(&mut out, figure, dice),
        Scene::Studio => studio(&mut out, figure, dice),
        Scene::Blocks => blocks(&mut out, figure, dice),
    }
    out
}

// Writing to a string cannot fail, so the results of `write!` are dropped below.

fn garden(out: &mut String, figure: &str, dice: &mut Dice) {
    let (x, y, r) = (dice.between(330, 470), dice.between(320, 400), dice.between(260, 310));
    let _ = write!(out, r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{figure}"/>"#);
    let (left, right) = (dice.between(610, 690), dice.between(610, 690));
    let hill = colour::darker(figure, 6);
    let _ = write!(
        out,
        r#"<path d="M0 {left}Q{} {} 800 {right}V800H0z" fill="{hill}"/>"#,
        dice.between(260, 540),
        dice.between(560, 640)
    );
    let leaf = colour::darker(figure, 14);
    let _ = write!(
        out,
        r#"<defs><g id="tw" fill="{leaf}"><path d="M0 0q30-90 10-190" fill="none" stroke="{leaf}" stroke-width="7"/><path d="M12-60q50-10 60-56-52 4-60 56zM8-50q-52-4-66-48 54-4 66 48zM16-116q44-14 50-58-46 8-50 58zM14-110q-48-6-58-48 50 0 58 48zM10-180q-16-40 4-70 22 34-4 70z"/></g></defs>"#
    );
    for side in [false, true] {
        let (x, turn) = (dice.between(50, 110), dice.between(-16, 24));
        let (y, size) = (dice.between(720, 800), super::hundredths(dice.between(80, 125)));
        let place = if side {
            format!("translate({} {y}) scale(-{size} {size}) rotate({turn})", 800 - x)
        } else {
            format!("translate({x} {y}) scale({size}) rotate({turn})")
        };
        let _ = write!(out, r##"<use href="#tw" transform="{place}"/>"##);
    }
}

fn studio(out: &mut String, figure: &str, dice: &mut Dice) {
    let turn = dice.between(-24, 24);
    let shape = if dice.coin() {
        let (r, y) = (dice.between(270, 310), dice.between(390, 420));
        format!(r#"<circle cx="400" cy="{y}" r="{r}" fill="{figure}"/>"#)
    } else {
        let corner = dice.between(60, 140);
        format!(
            r#"<rect x="140" y="140" width="520" height="520" rx="{corner}" fill="{figure}" transform="rotate({turn} 400 400)"/>"#
        )
    };
    let line = colour::darker(figure, 12);
    let (x, y, r) = (dice.between(60, 740), dice.between(60, 200), dice.between(70, 130));
    let _ = write!(
        out,
        r#"{shape}<circle cx="{x}" cy="{y}" r="{r}" fill="none" stroke="{line}" stroke-width="6"/>"#
    );
    let (x, y) = (dice.between(40, 620), if dice.coin() { 50 } else { 690 });
    let _ = write!(
        out,
        r#"<g stroke="{line}" stroke-width="10" stroke-linecap="round" stroke-dasharray="0 28"><path d="M{x} {y}h140M{x} {}h140M{x} {}h140"/></g>"#,
        y + 28,
        y + 56
    );
    let (x, y) = (dice.between(80, 700), dice.between(600, 720));
    let _ = write!(
        out,
        r#"<path d="M{x} {y}h36m-18-18v36" stroke="{line}" stroke-width="8" stroke-linecap="round"/>"#
    );
}

fn blocks(out: &mut String, figure: &str, dice: &mut Dice) {
    let pale = colour::lighter(figure, 45);
    let (left, right) = (dice.between(480, 640), dice.between(480, 640));
    let _ = write!(out, r#"<path d="M0 {left}L800 {right}V800H0z" fill="{figure}"/>"#);
    if dice.coin() {
        let (x, w) = (dice.between(150, 190), dice.between(220, 245));
        let (r, end) = (w, x + 2 * w);
        let _ = write!(
            out,
            r#"<path d="M{x} 760V{}a{r} {r} 0 0 1 {} 0V760z" fill="{pale}"/>"#,
            120 + r,
            end - x
        );
    } else {
        let (x, y, r) = (dice.between(370, 430), dice.between(370, 420), dice.between(265, 300));
        let _ = write!(out, r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{pale}"/>"#);
    }
    let (x, y) = (dice.between(40, 120), dice.between(60, 160));
    let x = if dice.coin() { x } else { 700 - x };
    let _ = write!(
        out,
        r##"<g fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round"><path d="M{x} {y}q14-20 28 0t28 0 28 0 28 0M{x} {}q14-20 28 0t28 0 28 0 28 0"/></g>"##,
        y + 30
    );
    let (x, y) = (dice.between(60, 740), dice.between(680, 750));
    let _ = write!(out, r##"<circle cx="{x}" cy="{y}" r="16" fill="#fff" opacity=".7"/>"##);
}
