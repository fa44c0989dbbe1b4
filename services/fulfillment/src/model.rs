//! The rules of shipping: what is to be shipped of an order, what a parcel takes of it and from which
//! warehouse. Pure: no async, no IO.

use std::collections::BTreeMap;

use fulfillment_api::{Error, ToShip, Units};
use kit::ErrorCode;
use order_api::OrderParcel;
use rpc::Fault;
use types::{SkuId, WarehouseId};

/// Lines that one request may name at most.
pub const LINES_MAX: usize = 100;

/// What a parcel takes from one warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The sku.
    pub sku_id: SkuId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// How many.
    pub quantity: u32,
}

/// What an order's parcels make to ship: one line per sku and warehouse, in that order.
#[must_use]
pub fn to_ship(parcels: &[OrderParcel]) -> Vec<ToShip> {
    let mut ordered: BTreeMap<(SkuId, WarehouseId), u32> = BTreeMap::new();
    for parcel in parcels {
        for line in &parcel.lines {
            let n = ordered.entry((line.sku_id, parcel.warehouse_id)).or_default();
            *n = n.saturating_add(line.quantity.get());
        }
    }
    ordered
        .into_iter()
        .map(|((sku_id, warehouse_id), ordered)| ToShip {
            sku_id,
            warehouse_id,
            ordered,
            shipped: 0,
        })
        .collect()
}

/// Units that have not left.
#[must_use]
pub const fn left(line: &ToShip) -> u32 {
    line.ordered.saturating_sub(line.shipped)
}

/// What a parcel takes: all that is left, or what is wanted, from one warehouse or from the first that
/// have it. Sorted by sku and warehouse, the order in which rows are changed.
///
/// # Errors
/// `TooMany` with the first sku of which less is left; a conflict when nothing is left at all; bad input
/// when what is wanted is no list of lines.
pub fn pick(
    lines: &[ToShip],
    wanted: Option<&[Units]>,
    from: Option<WarehouseId>,
) -> Result<Vec<Part>, Error> {
    let mut open: Vec<&ToShip> = lines
        .iter()
        .filter(|l| left(l) > 0 && from.is_none_or(|warehouse| l.warehouse_id == warehouse))
        .collect();
    open.sort_by_key(|l| (l.sku_id, l.warehouse_id));
    let Some(wanted) = wanted else {
        if open.is_empty() {
            let text = "nothing is left to ship";
            return Err(Fault::new(ErrorCode::Conflict, text).with_slug("nothing_left").into());
        }
        return Ok(open.into_iter().map(|l| part(l, left(l))).collect());
    };
    let mut parts = Vec::new();
    for (sku_id, quantity) in summed(wanted)? {
        let mut missing = quantity;
        for line in open.iter().filter(|l| l.sku_id == sku_id) {
            let taken = missing.min(left(line));
            if taken > 0 {
                parts.push(part(line, taken));
            }
            missing -= taken;
        }
        if missing > 0 {
            return Err(Error::TooMany { sku_id, left: quantity - missing });
        }
    }
    Ok(parts)
}

const fn part(line: &ToShip, quantity: u32) -> Part {
    Part { sku_id: line.sku_id, warehouse_id: line.warehouse_id, quantity }
}

fn summed(wanted: &[Units]) -> Result<BTreeMap<SkuId, u32>, Fault> {
    if wanted.is_empty() || wanted.len() > LINES_MAX {
        return Err(Fault::invalid("/lines", format!("1 to {LINES_MAX} lines")));
    }
    let mut sums: BTreeMap<SkuId, u32> = BTreeMap::new();
    for line in wanted {
        let n = sums.entry(line.sku_id).or_default();
        *n = n.saturating_add(line.quantity.get());
    }
    Ok(sums)
}

/// Checks a text that people write; without the blanks around it.
///
/// # Errors
/// When it is shorter or longer, or has control characters.
pub fn checked_text(pointer: &str, text: &str, min: usize, max: usize) -> Result<String, Fault> {
    let text = text.trim();
    let length = text.chars().count();
    if length < min || length > max || text.chars().any(char::is_control) {
        let detail = format!("{min} to {max} characters, without control characters");
        return Err(Fault::invalid(pointer, detail));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::Quantity;

    use super::*;

    fn sku(n: i64) -> SkuId {
        SkuId::from_i64(n).unwrap()
    }

    fn house(n: i64) -> WarehouseId {
        WarehouseId::from_i64(n).unwrap()
    }

    fn line(s: i64, w: i64, ordered: u32, shipped: u32) -> ToShip {
        ToShip { sku_id: sku(s), warehouse_id: house(w), ordered, shipped }
    }

    fn units(s: i64, n: u32) -> Units {
        Units { sku_id: sku(s), quantity: Quantity::new(n).unwrap() }
    }

    fn taken(parts: &[Part]) -> Vec<(i64, i64, u32)> {
        parts.iter().map(|p| (p.sku_id.get(), p.warehouse_id.get(), p.quantity)).collect()
    }

    #[test]
    fn a_parcel_takes_what_is_left_warehouse_by_warehouse() {
        let lines = [line(2, 1, 5, 5), line(1, 2, 4, 1), line(1, 1, 2, 0)];
        let all = pick(&lines, None, None).unwrap();
        assert_eq!(taken(&all), [(1, 1, 2), (1, 2, 3)]);
        let some = pick(&lines, Some(&[units(1, 1), units(1, 2)]), None).unwrap();
        assert_eq!(taken(&some), [(1, 1, 2), (1, 2, 1)]);
        let second = pick(&lines, Some(&[units(1, 3)]), Some(house(2))).unwrap();
        assert_eq!(taken(&second), [(1, 2, 3)]);
    }

    #[test]
    fn more_than_is_left_is_refused_by_sku() {
        let lines = [line(1, 1, 2, 1), line(2, 1, 1, 1)];
        let too_many = |s, left| Err(Error::TooMany { sku_id: sku(s), left });
        assert_eq!(pick(&lines, Some(&[units(1, 1), units(1, 1)]), None), too_many(1, 1));
        assert_eq!(pick(&lines, Some(&[units(2, 1)]), None), too_many(2, 0));
        assert_eq!(pick(&lines, Some(&[units(9, 1)]), None), too_many(9, 0));
        assert_eq!(pick(&lines, Some(&[units(1, 1)]), Some(house(2))), too_many(1, 0));
        assert!(pick(&lines, Some(&[]), None).is_err());
        assert!(pick(&lines, Some(&vec![units(1, 1); LINES_MAX + 1]), None).is_err());
        assert!(pick(&[line(1, 1, 1, 1)], None, None).is_err());
    }

    proptest! {
        #[test]
        fn a_parcel_is_exactly_what_was_wanted_and_never_more_than_is_left(
            lines in prop::collection::btree_map((1i64..4, 1i64..4), (1u32..9, 0u32..9), 1..8),
            wanted in prop::collection::vec((1i64..5, 1u32..12), 1..5),
        ) {
            let lines: Vec<ToShip> = lines
                .into_iter()
                .map(|((s, w), (ordered, shipped))| line(s, w, ordered, shipped.min(ordered)))
                .collect();
            let wanted: Vec<Units> = wanted.into_iter().map(|(s, n)| units(s, n)).collect();
            let ask = |s: SkuId| -> u32 {
                wanted.iter().filter(|u| u.sku_id == s).map(|u| u.quantity.get()).sum()
            };
            let has = |s: SkuId| -> u32 { lines.iter().filter(|l| l.sku_id == s).map(left).sum() };
            match pick(&lines, Some(&wanted), None) {
                Ok(parts) => {
                    for s in (1..5).map(sku) {
                        let got: u32 =
                            parts.iter().filter(|p| p.sku_id == s).map(|p| p.quantity).sum();
                        prop_assert_eq!(got, ask(s));
                    }
                    for p in &parts {
                        let of = |l: &&ToShip| (l.sku_id, l.warehouse_id) == (p.sku_id, p.warehouse_id);
                        prop_assert!(p.quantity >= 1);
                        prop_assert!(p.quantity <= lines.iter().find(of).map_or(0, left));
                    }
                    let keys: Vec<_> = parts.iter().map(|p| (p.sku_id, p.warehouse_id)).collect();
                    prop_assert!(keys.is_sorted() && keys.windows(2).all(|w| w[0] != w[1]));
                }
                Err(Error::TooMany { sku_id, left }) => {
                    prop_assert!(ask(sku_id) > has(sku_id));
                    prop_assert_eq!(left, has(sku_id));
                }
                Err(e) => prop_assert!(false, "{:?}", e),
            }
        }
    }
}
