//! The rules of stock: where a reservation's units come from, which verb fits which state, and what a
//! verb does to a stock row. Pure: no async, no IO.

use std::collections::{BTreeMap, BTreeSet};

use inventory_api::{
    Adjust, Error, NewWarehouse, Parcel, ReservationState, SetAvailable, Shortage, Wanted,
};
use rpc::Fault;
use types::{Quantity, SkuId, WarehouseId};

/// The most lines of a reservation, and the most skus of a question or of a level list.
pub const LINES_MAX: usize = 200;
/// The most warehouses of a tenant. Times [`LINES_MAX`] it stays within what one query may return.
pub const WAREHOUSES_MAX: usize = 50;
/// The most units that one adjustment moves, and the most that can be set.
pub const UNITS_MAX: i64 = 1_000_000_000;
/// The most units that a stock row may hold, so that no sum ever overflows.
pub const LEVEL_MAX: i64 = 1_000_000_000_000;
/// The bucket that everything is in, as long as there is one.
pub const BUCKET: i64 = 0;

/// The key of a stock row within its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub sku_id: SkuId,
    pub warehouse_id: WarehouseId,
    pub bucket: i64,
}

/// A stock row, or the difference between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    pub available: i64,
    pub reserved: i64,
    pub sold: i64,
}

/// Units of one stock row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    pub slot: Slot,
    pub quantity: i64,
}

/// What can be asked of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Takes stock for a while.
    Reserve,
    /// The order exists.
    Bind,
    /// It is paid.
    Sell,
    /// The order itself says that it is paid, so it exists, even where binding was missed.
    SellOrdered,
    /// It is closed or cancelled, or was never made.
    Release,
    /// Its time is over and there is no order.
    Expire,
}

/// What a verb does in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it was done before.
    Same,
    /// The reservation stands there now; see [`movement`] for its units.
    Become(ReservationState),
}

/// What a verb does to a reservation that stands in `state`, or that there is none of.
///
/// # Errors
/// When the verb does not fit.
pub fn decide(state: Option<ReservationState>, verb: Verb) -> Result<Step, Error> {
    use ReservationState::{Bound, Released, Reserved, Sold};
    Ok(match (verb, state) {
        (Verb::Reserve, None) => Step::Become(Reserved),
        (Verb::Bind, Some(Reserved)) => Step::Become(Bound),
        (Verb::Sell, Some(Bound)) | (Verb::SellOrdered, Some(Reserved | Bound)) => {
            Step::Become(Sold)
        }
        // A release that comes before its reserve leaves a mark, so that the late reserve is refused.
        (Verb::Release, None | Some(Reserved | Bound)) | (Verb::Expire, Some(Reserved)) => {
            Step::Become(Released)
        }
        (Verb::Reserve, Some(Reserved | Bound | Sold))
        | (Verb::Bind, Some(Bound | Sold))
        | (Verb::Sell | Verb::SellOrdered, Some(Sold))
        | (Verb::Release, Some(Released))
        | (Verb::Expire, None | Some(Bound | Sold | Released)) => Step::Same,
        (Verb::Reserve | Verb::Bind, Some(Released)) | (Verb::Bind, None) => {
            return Err(Error::ReservationOver);
        }
        (Verb::Sell | Verb::SellOrdered, None) => {
            return Err(Fault::not_found("this reservation").into());
        }
        (Verb::Sell, Some(state @ (Reserved | Released)))
        | (Verb::SellOrdered, Some(state @ Released))
        | (Verb::Release, Some(state @ Sold)) => return Err(Error::WrongState(state)),
    })
}

/// How a stock row changes when `n` of its units go to a state. Going to `Released` is for units that
/// are reserved or bound.
#[must_use]
pub const fn movement(to: ReservationState, n: i64) -> Level {
    match to {
        ReservationState::Reserved => Level { available: -n, reserved: n, sold: 0 },
        ReservationState::Bound => Level { available: 0, reserved: 0, sold: 0 },
        ReservationState::Sold => Level { available: 0, reserved: -n, sold: n },
        ReservationState::Released => Level { available: n, reserved: -n, sold: 0 },
    }
}

/// The ledger's word for a movement.
#[must_use]
pub const fn kind(to: ReservationState) -> &'static str {
    match to {
        ReservationState::Reserved => "reserve",
        ReservationState::Bound => "bind",
        ReservationState::Sold => "sell",
        ReservationState::Released => "release",
    }
}

/// Units by sku; lines of one sku are summed.
///
/// # Errors
/// When there is no line, there are too many, or a sum is past the largest quantity.
pub fn sum(lines: &[Wanted]) -> Result<BTreeMap<SkuId, i64>, Fault> {
    check_count("/lines", lines.len())?;
    let mut units = BTreeMap::<SkuId, i64>::new();
    for (i, line) in lines.iter().enumerate() {
        let n = units.entry(line.sku_id).or_default();
        *n += i64::from(line.quantity.get());
        if *n > i64::from(Quantity::MAX) {
            let text = format!("at most {} of one sku", Quantity::MAX);
            return Err(Fault::invalid(format!("/lines/{i}/quantity"), text));
        }
    }
    Ok(units)
}

/// Where the units come from: the first warehouse by priority that holds all of them, else split by
/// priority. `warehouses` are by priority; `rows` say what is available in stock rows.
///
/// # Errors
/// Every sku of which there is not enough, over all warehouses.
pub fn choose(
    wanted: &BTreeMap<SkuId, i64>,
    warehouses: &[WarehouseId],
    rows: &BTreeMap<Slot, i64>,
) -> Result<Vec<Pick>, Vec<Shortage>> {
    let available = |sku: SkuId| warehouses.iter().flat_map(move |w| row_of(rows, sku, *w));
    let short: Vec<Shortage> = wanted
        .iter()
        .map(|(sku, n)| Shortage {
            sku_id: *sku,
            wanted: *n,
            available: available(*sku).map(|(_, n)| n).sum(),
        })
        .filter(|s| s.available < s.wanted)
        .collect();
    if !short.is_empty() {
        return Err(short);
    }
    let holds_all = |warehouse: &&WarehouseId| {
        let one = std::slice::from_ref::<WarehouseId>(warehouse);
        wanted.iter().all(|(sku, n)| taken(*sku, *n, one, rows).1 == 0)
    };
    let from = match warehouses.iter().find(holds_all) {
        Some(warehouse) => std::slice::from_ref(warehouse),
        None => warehouses,
    };
    let mut picks: Vec<Pick> =
        wanted.iter().flat_map(|(sku, n)| taken(*sku, *n, from, rows).0).collect();
    // Rows are locked in the order they are changed in.
    picks.sort_by_key(|p| p.slot);
    Ok(picks)
}

/// Whether each row keeps some of what `rows` say it has. Taking that little makes no sku unavailable.
#[must_use]
pub fn leaves_some(picks: &[Pick], rows: &BTreeMap<Slot, i64>) -> bool {
    picks.iter().all(|pick| rows.get(&pick.slot).is_some_and(|n| pick.quantity < *n))
}

/// Takes `n` of a sku from warehouses in their order; also how many are missing.
fn taken(
    sku: SkuId,
    n: i64,
    warehouses: &[WarehouseId],
    rows: &BTreeMap<Slot, i64>,
) -> (Vec<Pick>, i64) {
    let mut missing = n;
    let mut picks = Vec::new();
    for warehouse in warehouses {
        for (slot, available) in row_of(rows, sku, *warehouse) {
            let quantity = missing.min(available);
            if quantity > 0 {
                picks.push(Pick { slot, quantity });
                missing -= quantity;
            }
        }
    }
    (picks, missing)
}

/// The buckets of a sku in a warehouse, with what is available in them.
fn row_of(
    rows: &BTreeMap<Slot, i64>,
    sku_id: SkuId,
    warehouse_id: WarehouseId,
) -> impl Iterator<Item = (Slot, i64)> {
    let slot = |bucket| Slot { sku_id, warehouse_id, bucket };
    rows.range(slot(i64::MIN)..=slot(i64::MAX)).map(|(slot, n)| (*slot, *n))
}

/// One parcel per warehouse, in the warehouses' order; buckets of one sku are summed.
///
/// # Errors
/// When a row holds more than a line may: then it was not written by this program.
pub fn parcels(picks: &[Pick], warehouses: &[WarehouseId]) -> Result<Vec<Parcel>, Fault> {
    let mut parcels = Vec::new();
    for warehouse_id in warehouses {
        let mut units = BTreeMap::<SkuId, i64>::new();
        for pick in picks.iter().filter(|p| p.slot.warehouse_id == *warehouse_id) {
            *units.entry(pick.slot.sku_id).or_default() += pick.quantity;
        }
        if units.is_empty() {
            continue;
        }
        let line = |(sku_id, n)| Ok(Wanted { sku_id, quantity: Quantity::try_from(n)? });
        let lines: Result<Vec<Wanted>, types::quantity::InvalidQuantity> =
            units.into_iter().map(line).collect();
        parcels
            .push(Parcel { warehouse_id: *warehouse_id, lines: lines.map_err(Fault::internal)? });
    }
    Ok(parcels)
}

/// Whether a reservation's units are these.
#[must_use]
pub fn is_for(picks: &[Pick], wanted: &BTreeMap<SkuId, i64>) -> bool {
    let mut units = BTreeMap::<SkuId, i64>::new();
    for pick in picks {
        *units.entry(pick.slot.sku_id).or_default() += pick.quantity;
    }
    units == *wanted
}

/// Which skus begin or cease to be available, over all their rows, when rows change so. `before` has all
/// rows of these skus as they were.
#[must_use]
pub fn crossings(before: &BTreeMap<Slot, Level>, moves: &[(Slot, Level)]) -> Vec<(SkuId, bool)> {
    let mut net = BTreeMap::<SkuId, i64>::new();
    for (slot, level) in moves.iter().filter(|(_, level)| level.available != 0) {
        *net.entry(slot.sku_id).or_default() += level.available;
    }
    let mut was = BTreeMap::<SkuId, i64>::new();
    for (slot, level) in before {
        *was.entry(slot.sku_id).or_default() += level.available;
    }
    let of = |sku: SkuId| was.get(&sku).copied().unwrap_or_default();
    net.into_iter()
        .filter(|(sku, delta)| (of(*sku) > 0) != (of(*sku) + delta > 0))
        .map(|(sku, delta)| (sku, delta > 0))
        .collect()
}

/// # Errors
/// When a threshold is none.
pub fn check_below(below: Option<i64>) -> Result<(), Fault> {
    match below {
        Some(n) if !(1..=UNITS_MAX).contains(&n) => {
            Err(Fault::invalid("below", format!("1 to {UNITS_MAX} units")))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// What is wrong with a warehouse to add.
pub fn check_warehouse(new: &NewWarehouse) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=32).contains(&new.code.len()) || !new.code.chars().all(allowed) {
        let text = "1 to 32 of letters, digits, dash, underscore";
        return Err(Fault::invalid("/code", text));
    }
    check_text("/name", &new.name, 100)
}

/// # Errors
/// What is wrong with an adjustment.
pub fn check_adjust(adjust: &Adjust) -> Result<(), Fault> {
    if adjust.delta == 0 || !(-UNITS_MAX..=UNITS_MAX).contains(&adjust.delta) {
        let text = format!("a number of units other than 0, at most {UNITS_MAX} either way");
        return Err(Fault::invalid("/delta", text));
    }
    check_text("/reason", &adjust.reason, 200)
}

/// # Errors
/// What is wrong with levels to set.
pub fn check_levels(set: &SetAvailable) -> Result<(), Fault> {
    check_count("/levels", set.levels.len())?;
    let mut seen = BTreeSet::new();
    for (i, (sku, units)) in set.levels.iter().enumerate() {
        if !(0..=UNITS_MAX).contains(units) {
            let text = format!("0 to {UNITS_MAX} units");
            return Err(Fault::invalid(format!("/levels/{i}/1"), text));
        }
        if !seen.insert(*sku) {
            return Err(Fault::invalid(format!("/levels/{i}/0"), "each sku once"));
        }
    }
    check_text("/reason", &set.reason, 200)
}

/// # Errors
/// When there are none or too many.
pub fn check_count(pointer: &str, n: usize) -> Result<(), Fault> {
    if (1..=LINES_MAX).contains(&n) {
        return Ok(());
    }
    Err(Fault::invalid(pointer, format!("1 to {LINES_MAX} of them")))
}

fn check_text(pointer: &str, text: &str, max: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length > max || text.trim().is_empty() || text.chars().any(char::is_control) {
        let text = format!("1 to {max} characters, without control characters");
        return Err(Fault::invalid(pointer, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
