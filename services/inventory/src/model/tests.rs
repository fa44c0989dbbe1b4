//! The rules against examples and against random sequences of verbs. No IO.

use std::collections::BTreeMap;

use inventory_api::{Error, ReservationState, Wanted};
use proptest::prelude::*;
use types::{Quantity, SkuId, WarehouseId};

use super::{
    BUCKET, Level, Pick, Slot, Step, Verb, check_levels, choose, crossings, decide, is_for,
    leaves_some, movement, parcels, sum,
};

fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

fn warehouse(n: i64) -> WarehouseId {
    WarehouseId::from_i64(n).unwrap()
}

fn slot(s: i64, w: i64) -> Slot {
    Slot { sku_id: sku(s), warehouse_id: warehouse(w), bucket: BUCKET }
}

fn wanted(lines: &[(i64, u32)]) -> Vec<Wanted> {
    lines
        .iter()
        .map(|(s, n)| Wanted { sku_id: sku(*s), quantity: Quantity::new(*n).unwrap() })
        .collect()
}

fn picked(lines: &[(i64, u32)], rows: &[(i64, i64, i64)]) -> Vec<(i64, i64, i64)> {
    let rows = rows.iter().map(|(s, w, n)| (slot(*s, *w), *n)).collect();
    let picks = choose(&sum(&wanted(lines)).unwrap(), &[warehouse(1), warehouse(2)], &rows);
    picks
        .unwrap()
        .iter()
        .map(|p| (p.slot.sku_id.get(), p.slot.warehouse_id.get(), p.quantity))
        .collect()
}

#[test]
fn one_warehouse_ships_it_when_it_holds_the_whole_order() {
    let rows = [(7, 1, 5), (8, 1, 0), (7, 2, 3), (8, 2, 3)];
    assert_eq!(
        picked(&[(7, 3), (8, 1)], &rows),
        [(7, 2, 3), (8, 2, 1)],
        "not the first by priority"
    );
    assert_eq!(picked(&[(7, 3)], &rows), [(7, 1, 3)]);
}

#[test]
fn an_order_that_no_warehouse_holds_is_split_by_priority() {
    let rows = [(7, 1, 5), (7, 2, 3), (8, 2, 3)];
    assert_eq!(picked(&[(7, 6), (8, 1)], &rows), [(7, 1, 5), (7, 2, 1), (8, 2, 1)]);
    let picks = [
        Pick { slot: slot(7, 2), quantity: 1 },
        Pick { slot: slot(7, 1), quantity: 5 },
        Pick { slot: slot(8, 2), quantity: 1 },
    ];
    let parcels = parcels(&picks, &[warehouse(2), warehouse(1)]).unwrap();
    let shape: Vec<_> = parcels.iter().map(|p| (p.warehouse_id.get(), p.lines.len())).collect();
    assert_eq!(shape, [(2, 2), (1, 1)]);
}

#[test]
fn every_short_sku_is_named_with_its_sum() {
    let rows = BTreeMap::from([(slot(7, 1), 3), (slot(7, 2), 1), (slot(9, 1), 10)]);
    let lines = sum(&wanted(&[(7, 3), (8, 1), (7, 2), (9, 10)])).unwrap();
    let short = choose(&lines, &[warehouse(1), warehouse(2)], &rows).unwrap_err();
    let short: Vec<_> = short.iter().map(|s| (s.sku_id.get(), s.wanted, s.available)).collect();
    assert_eq!(short, [(7, 5, 4), (8, 1, 0)]);
}

#[test]
fn a_sum_past_the_largest_quantity_is_refused() {
    let e = sum(&wanted(&[(7, 10_000), (7, 1)])).unwrap_err();
    assert_eq!(e.fields[0].pointer, "/lines/1/quantity");
    assert!(sum(&[]).is_err());
    assert!(sum(&wanted(&vec![(7, 1); 201])).is_err());
}

#[test]
fn levels_are_checked_before_anything_is_set() {
    let set = |levels: Vec<(SkuId, i64)>| inventory_api::SetAvailable {
        warehouse_id: None,
        levels,
        reason: "import".to_owned(),
    };
    assert!(check_levels(&set(vec![(sku(1), 0), (sku(2), 5)])).is_ok());
    for bad in [vec![], vec![(sku(1), -1)], vec![(sku(1), 1), (sku(1), 1)]] {
        assert!(check_levels(&set(bad)).is_err());
    }
}

#[test]
fn every_verb_repeated_changes_nothing() {
    for verb in
        [Verb::Reserve, Verb::Bind, Verb::Sell, Verb::SellOrdered, Verb::Release, Verb::Expire]
    {
        for state in all_states() {
            if let Ok(Step::Become(next)) = decide(state, verb) {
                assert_eq!(decide(Some(next), verb), Ok(Step::Same), "{verb:?} from {state:?}");
            }
        }
    }
}

#[test]
fn what_is_over_stays_over() {
    use ReservationState::{Released, Reserved, Sold};
    for verb in [Verb::Reserve, Verb::Bind] {
        assert_eq!(decide(Some(Released), verb), Err(Error::ReservationOver));
    }
    assert_eq!(decide(None, Verb::Bind), Err(Error::ReservationOver));
    assert_eq!(decide(Some(Sold), Verb::Release), Err(Error::WrongState(Sold)));
    assert_eq!(decide(Some(Released), Verb::Sell), Err(Error::WrongState(Released)));
    assert_eq!(decide(Some(Reserved), Verb::Sell), Err(Error::WrongState(Reserved)));
    assert_eq!(decide(Some(Reserved), Verb::SellOrdered), Ok(Step::Become(Sold)));
    assert_eq!(decide(None, Verb::Release), Ok(Step::Become(Released)));
    assert_eq!(decide(Some(ReservationState::Bound), Verb::Expire), Ok(Step::Same));
}

fn all_states() -> [Option<ReservationState>; 5] {
    use ReservationState::{Bound, Released, Reserved, Sold};
    [None, Some(Reserved), Some(Bound), Some(Sold), Some(Released)]
}

/// Stock and reservations in memory, moved by the rules alone.
struct Shelf {
    stock: BTreeMap<Slot, Level>,
    orders: BTreeMap<u8, (ReservationState, Vec<Pick>)>,
}

impl Shelf {
    fn totals(&self) -> BTreeMap<SkuId, i64> {
        let mut totals = BTreeMap::new();
        for (slot, level) in &self.stock {
            *totals.entry(slot.sku_id).or_default() +=
                level.available + level.reserved + level.sold;
        }
        totals
    }

    fn run(&mut self, order: u8, verb: Verb, lines: &[Wanted]) {
        let state = self.orders.get(&order).map(|(state, _)| *state);
        let Ok(Step::Become(next)) = decide(state, verb) else { return };
        let picks = match self.orders.get(&order) {
            Some((_, picks)) => picks.clone(),
            None if verb == Verb::Reserve => {
                let rows = self.stock.iter().map(|(s, l)| (*s, l.available)).collect();
                let lines = sum(lines).unwrap();
                match choose(&lines, &[warehouse(1), warehouse(2), warehouse(3)], &rows) {
                    Ok(picks) => {
                        assert!(is_for(&picks, &lines));
                        picks
                    }
                    Err(short) => {
                        assert!(!short.is_empty() && short.iter().all(|s| s.available < s.wanted));
                        return;
                    }
                }
            }
            None => Vec::new(),
        };
        for pick in &picks {
            let change = movement(next, pick.quantity);
            let level = self.stock.get_mut(&pick.slot).unwrap();
            level.available += change.available;
            level.reserved += change.reserved;
            level.sold += change.sold;
        }
        self.orders.insert(order, (next, picks));
    }
}

#[test]
fn what_leaves_some_of_every_row_takes_the_last_of_none() {
    let rows = BTreeMap::from([(slot(7, 1), 3), (slot(8, 1), 2)]);
    let picks =
        |n, m| [Pick { slot: slot(7, 1), quantity: n }, Pick { slot: slot(8, 1), quantity: m }];
    assert!(leaves_some(&picks(2, 1), &rows));
    assert!(!leaves_some(&picks(3, 1), &rows) && !leaves_some(&picks(2, 2), &rows));
    assert!(!leaves_some(&[Pick { slot: slot(9, 1), quantity: 1 }], &rows), "there is no such row");
}

/// The short way of a reserve: chooses by what was seen, and takes where more than that is there now; nothing
/// where it is not.
fn take_short(
    seen: &BTreeMap<Slot, i64>,
    now: &mut BTreeMap<Slot, i64>,
    lines: &BTreeMap<SkuId, i64>,
) -> Option<Vec<Pick>> {
    let picks = choose(lines, &[warehouse(1), warehouse(2)], seen).ok()?;
    if !leaves_some(&picks, seen) || !leaves_some(&picks, now) {
        return None;
    }
    for pick in &picks {
        *now.get_mut(&pick.slot).unwrap() -= pick.quantity;
    }
    Some(picks)
}

fn any_verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        4 => Just(Verb::Reserve),
        2 => Just(Verb::Bind),
        2 => Just(Verb::Sell),
        1 => Just(Verb::SellOrdered),
        1 => Just(Verb::Release),
        1 => Just(Verb::Expire),
    ]
}

proptest! {
    #[test]
    fn the_short_way_never_oversells_and_never_ends_what_is_available_however_old_its_view(
        stock in prop::collection::vec(((1_i64..4, 1_i64..3), 0_i64..12), 1..7),
        steps in prop::collection::vec(
            (prop::collection::vec((1_i64..4, 1_u32..6), 1..4), 0_usize..6, any::<bool>()), 1..40),
    ) {
        let first: BTreeMap<Slot, i64> = stock.into_iter().map(|((s, w), n)| (slot(s, w), n)).collect();
        let mut past = vec![first.clone()];
        let (mut now, mut taken) = (first.clone(), Vec::<Pick>::new());
        for (lines, age, comes_back) in steps {
            let seen = past[past.len().saturating_sub(1 + age)].clone();
            let before: BTreeMap<Slot, Level> =
                now.iter().map(|(s, n)| (*s, Level { available: *n, ..Level::default() })).collect();
            if let Some(picks) = take_short(&seen, &mut now, &sum(&wanted(&lines)).unwrap()) {
                prop_assert!(is_for(&picks, &sum(&wanted(&lines)).unwrap()));
                let moves: Vec<(Slot, Level)> = picks
                    .iter()
                    .map(|p| (p.slot, movement(ReservationState::Reserved, p.quantity)))
                    .collect();
                prop_assert_eq!(crossings(&before, &moves), Vec::<(SkuId, bool)>::new());
                taken.extend(picks);
            } else if comes_back && let Some(pick) = taken.pop() {
                *now.get_mut(&pick.slot).unwrap() += pick.quantity;
            }
            prop_assert!(now.values().all(|n| *n >= 0));
            let held: i64 = taken.iter().map(|p| p.quantity).sum();
            prop_assert_eq!(now.values().sum::<i64>() + held, first.values().sum::<i64>());
            past.push(now.clone());
        }
    }

    #[test]
    fn stock_is_neither_made_nor_lost_nor_negative_whatever_the_verbs(
        stock in prop::collection::vec(((1_i64..5, 1_i64..4), 0_i64..20), 0..12),
        verbs in prop::collection::vec(
            (0_u8..12, any_verb(), prop::collection::vec((1_i64..5, 1_u32..9), 1..5)), 1..60),
    ) {
        let stock = stock
            .into_iter()
            .map(|((s, w), n)| (slot(s, w), Level { available: n, ..Level::default() }))
            .collect();
        let mut shelf = Shelf { stock, orders: BTreeMap::new() };
        let initial = shelf.totals();
        for (order, verb, lines) in verbs {
            shelf.run(order, verb, &wanted(&lines));
            for level in shelf.stock.values() {
                prop_assert!(level.available >= 0 && level.reserved >= 0 && level.sold >= 0);
            }
            prop_assert_eq!(shelf.totals(), initial.clone());
            // What is reserved is what living reservations hold.
            let held: i64 = shelf.orders.values()
                .filter(|(s, _)| matches!(s, ReservationState::Reserved | ReservationState::Bound))
                .flat_map(|(_, picks)| picks.iter().map(|p| p.quantity))
                .sum();
            prop_assert_eq!(shelf.stock.values().map(|l| l.reserved).sum::<i64>(), held);
        }
    }
}
