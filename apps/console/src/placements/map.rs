//! The 32 × 32 cells as a picture: a square by cell, the darker the more orders it has.

use maud::{Markup, html};

use super::figures::Cell;
use super::words::Words;

/// The side of a cell in pixels.
const SIDE: i32 = 16;
/// Room for the numbers at the edges.
const EDGE: i32 = 26;
const COUNT: i32 = kit::id::PLACES_MAX as i32;
/// Shades, from few orders to many.
pub(super) const SHADES: u8 = 5;

/// The picture. The table beside it says the same.
pub(super) fn map(cells: &[Cell], w: &Words) -> Markup {
    let most = cells.iter().map(|c| c.orders).max().unwrap_or(0);
    let size = EDGE + COUNT * SIDE + 2;
    html! {
        svg.cell-map xmlns="http://www.w3.org/2000/svg" role="img"
            aria-labelledby="map-title map-text" viewBox={ "0 0 " (size) " " (size) }
            width=(size) height=(size) {
            title #map-title { (w.map) }
            desc #map-text { (w.map_text) }
            path.grid d=(grid()) {}
            @for n in (0..COUNT).step_by(4) {
                text x=(EDGE + n * SIDE + SIDE / 2) y=(EDGE - 8) text-anchor="middle" font-size="12" { (n) }
                text x=(EDGE - 6) y=(EDGE + n * SIDE + 12) text-anchor="end" font-size="12" { (n) }
            }
            @for cell in cells { (square(cell, most, w)) }
        }
    }
}

/// All lines of the grid in one path.
fn grid() -> String {
    let end = EDGE + COUNT * SIDE;
    let lines = (0..=COUNT).map(|n| {
        let at = EDGE + n * SIDE;
        format!("M{EDGE} {at}H{end}M{at} {EDGE}V{end}")
    });
    lines.collect()
}

fn square(cell: &Cell, most: i64, w: &Words) -> Markup {
    let x = EDGE + i32::from(cell.place.table) * SIDE;
    let y = EDGE + i32::from(cell.place.db) * SIDE;
    let home = if cell.is_home { " home" } else { "" };
    html! {
        rect class={ "shade-" (shade(cell.orders, most)) (home) }
            x=(x + 1) y=(y + 1) width=(SIDE - 2) height=(SIDE - 2) {
            title { (w.cell) " " (cell.place) ": " (w.orders) " " (cell.orders) }
        }
    }
}

/// 0 for no orders, else 1 to [`SHADES`].
fn shade(orders: i64, most: i64) -> i64 {
    let shades = i64::from(SHADES);
    if orders <= 0 || most <= 0 { 0 } else { 1 + (orders - 1).saturating_mul(shades) / most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_go_from_none_to_the_fullest() {
        assert_eq!((shade(0, 100), shade(1, 100), shade(100, 100)), (0, 1, 5));
        assert_eq!((shade(1, 1), shade(0, 0)), (1, 0));
        assert!((0..=7).all(|n| (0..=5).contains(&shade(n, 7))));
    }
}
