//! Works out a plan from the two placements and the counts of orders. Pure; asks nobody.

use std::collections::BTreeSet;

use kit::growth::Growth as Step;
use kit::{Place, Placement, Share};

use super::Load;

/// The load per logical database of both placements and of wherever orders lie.
pub fn loads(from: Placement, to: Placement, step: &Step, orders: &[(Place, u64)]) -> Vec<Load> {
    let moved = step.spread(orders);
    let mut numbers: BTreeSet<u8> = from.databases().chain(to.databases()).collect();
    numbers.extend(orders.iter().filter(|(_, n)| *n > 0).map(|(cell, _)| cell.db));
    numbers
        .into_iter()
        .map(|database| Load {
            database,
            cells: (cells_in(from, database), cells_in(to, database)),
            orders: orders.iter().filter(|(c, _)| c.db == database).map(|(_, n)| n).sum(),
            new_orders: (share_of(from, database), share_of(to, database)),
            orders_by_new_cell: moved
                .iter()
                .filter(|(c, _)| c.db == database)
                .map(|(_, n)| n)
                .sum(),
        })
        .collect()
}

fn cells_in(placement: Placement, database: u8) -> usize {
    placement.cells().filter(|c| c.db == database).count()
}

fn share_of(placement: Placement, database: u8) -> Share {
    let is_in = placement.databases().any(|db| db == database);
    Share::new(u64::from(is_in), u64::from(placement.db_count()))
}

/// Orders that are not where their member's new cell is, about: the counts say no more.
pub fn elsewhere(from: Placement, step: &Step, orders: &[(Place, u64)]) -> u64 {
    let all: u64 = orders.iter().filter(|(c, _)| from.contains(*c)).map(|(_, n)| n).sum();
    all.saturating_sub(step.stays().times(all))
}

/// What speaks against a plan, and what would be better.
pub fn warnings(from: Placement, to: Placement, step: &Step) -> Vec<String> {
    let mut warnings = Vec::new();
    let better = Step::doubled(from).map(|twice| {
        let stays = Step::between(from, twice).stays();
        format!("; doubling the databases to {twice} keeps {stays}")
    });
    let better = better.unwrap_or_default();
    if step.shuffles() {
        warnings.push(format!(
            "tableCount grows from {} to {} with several databases: the table's digit decides the \
             database too, so only {} of the members keep their cell{better}",
            from.table_count(),
            to.table_count(),
            step.stays()
        ));
    } else if step.stays().of == 0 {
        warnings.push(format!(
            "no member keeps their cell: every list looks into two cells from now on{better}"
        ));
    }
    if from.len() == to.len() {
        warnings
            .push(format!("{to} has as many cells as {from}: the load moves, it does not shrink"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Placement {
        text.parse().unwrap()
    }

    #[test]
    fn doubling_the_databases_halves_the_load_of_each_and_warns_of_nothing() {
        let (from, to) = (at("4,8,4,0"), at("8,8,4,0"));
        let step = Step::between(from, to);
        let orders: Vec<(Place, u64)> = from.cells().map(|c| (c, 100)).collect();
        let loads = loads(from, to, &step, &orders);
        assert_eq!(loads.len(), 8);
        for load in &loads {
            let is_new = load.database >= 8;
            let now = Share::new(u64::from(!is_new), 4);
            assert_eq!(load.new_orders, (now, Share::new(1, 8)));
            assert_eq!((load.orders, load.orders_by_new_cell), (if is_new { 0 } else { 800 }, 400));
            assert_eq!(load.cells, (if is_new { 0 } else { 8 }, 8));
        }
        assert_eq!(elsewhere(from, &step, &orders), 1_600);
        assert!(warnings(from, to, &step).is_empty());
    }

    #[test]
    fn growing_tables_with_several_databases_is_warned_of_with_the_better_way() {
        let (from, to) = (at("4,8,4,0"), at("4,16,4,0"));
        let told = warnings(from, to, &Step::between(from, to));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("only 12.5 %") && told[0].contains("(8,8,4,0) keeps 50.0 %"));
        let (from, to) = (at("4,8,28,0"), at("4,16,28,0"));
        let told = warnings(from, to, &Step::between(from, to));
        assert!(!told[0].contains("doubling"), "there is no room for it: {told:?}");
        let (from, to) = (at("1,8,0,0"), at("1,8,5,0"));
        assert_eq!(warnings(from, to, &Step::between(from, to)).len(), 2);
    }

    #[test]
    fn orders_of_older_versions_stay_in_sight() {
        let (from, to) = (at("1,1,0,0"), at("2,1,0,0"));
        let far = Place { db: 9, table: 3 };
        let loads = loads(from, to, &Step::between(from, to), &[(Place::ZERO, 10), (far, 7)]);
        let last = loads.last().unwrap();
        assert_eq!((last.database, last.orders, last.orders_by_new_cell), (9, 7, 7));
    }
}
