//! Many stored orders, written into a store whose server has stopped: copies of a real one, completed, spread over
//! the cells by the tenant's placement and over most of a year. One thread per logical database.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use kit::id::mix64;
use kit::{Id, Place, Placement, Timestamp};

use crate::databases::Databases;
use crate::progress::{Progress, Step};
use crate::rows::{Copier, Fill, Subject};
use crate::sample::{FURTHER, OrderSample, order_database};
use crate::seed::{Cart, home};
use crate::shop::Pair;

const WORKER: u8 = 63;
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// The stored orders are this old at most, and at least.
const OLDEST_DAYS: i64 = 300;
const NEWEST_DAYS: i64 = 2;
/// Buyers of stored orders who do not buy now.
const OTHER_MEMBERS: u64 = 200_000;
/// One stored order of so many is of a member who buys now.
const OF_BUYERS: u64 = 4;

/// What is stored.
pub struct Stored<'a> {
    /// What every order is a copy of.
    pub sample: &'a OrderSample,
    /// Where the tenant's orders lie.
    pub placement: Placement,
    /// Members who buy now.
    pub buyers: &'a [Cart],
    /// What is bought.
    pub pairs: &'a [Pair],
    /// The time of the run.
    pub now: Timestamp,
    /// How many.
    pub count: u64,
}

/// One stored order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct One {
    order_id: i64,
    member_id: i64,
    at: Timestamp,
    place: Place,
    pair: usize,
}

impl Stored<'_> {
    /// The `i`th by time.
    fn one(&self, i: u64) -> Option<One> {
        let span = (OLDEST_DAYS - NEWEST_DAYS) * DAY_MS;
        let after = i128::from(span) * i128::from(i) / i128::from(self.count.max(1));
        let ms = self.now.millis() - OLDEST_DAYS * DAY_MS + i64::try_from(after).ok()?;
        let random = mix64(i);
        let buyer = usize::try_from(random / OF_BUYERS).ok()?.checked_rem(self.buyers.len());
        let member_id = match buyer {
            Some(buyer) if random.is_multiple_of(OF_BUYERS) => self.buyers[buyer].member_id,
            _ => {
                let other = i64::try_from(mix64(random) % OTHER_MEMBERS).ok()?;
                let born = self.now.millis() - 2 * OLDEST_DAYS * DAY_MS + other;
                Id::compose(born, Place::ZERO, WORKER, 0)?.get()
            }
        };
        let place = home(self.placement, member_id);
        let order_id = Id::compose(ms, place, WORKER, 0)?.get();
        let pair = usize::try_from(random >> 40).ok()? % self.pairs.len();
        Some(One { order_id, member_id, at: Timestamp::from_millis(ms), place, pair })
    }

    fn subjects(&self, one: &One) -> Option<Vec<Subject>> {
        let [a, b] = self.pairs[one.pair].skus;
        let ids = [one.order_id, one.member_id, a, b];
        let mut subjects: Vec<Subject> = ids.into_iter().map(Subject::Number).collect();
        // One more for the sale. Those of other orders are of another millisecond.
        for n in 0..=self.sample.further {
            let sequence = u8::try_from(n).ok()?;
            let id = Id::compose(one.at.millis(), Place::ZERO, WORKER, sequence)?;
            subjects.push(Subject::Number(id.get()));
        }
        debug_assert_eq!(subjects.len(), FURTHER + self.sample.further + 1);
        Some(subjects)
    }
}

/// Writes them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(databases: &Databases, stored: &Stored<'_>, progress: &Progress) -> Result<()> {
    let step = progress.step(format!("storing {} orders", stored.count), 2 * stored.count);
    let done = AtomicU64::new(0);
    let order = Copier::new(stored.sample.completed_order()?);
    let stock = Copier::new(stored.sample.completed_stock()?);
    let mut dbs: Vec<u8> = stored.placement.cells().map(|c| c.db).collect();
    dbs.dedup();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for db in dbs {
            let (order, step, done) = (&order, &step, &done);
            let name = order_database(Place { db, table: 0 });
            let is_here = move |one: &One| one.place.db == db;
            threads.push(
                scope.spawn(move || {
                    database((databases, &name), stored, order, is_here, step, done)
                }),
            );
        }
        let (stock, step, done) = (&stock, &step, &done);
        threads.push(scope.spawn(move || {
            database((databases, "inventory"), stored, stock, |_| true, step, done)
        }));
        let end = |t: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            t.join().unwrap_or_else(|_| Err(anyhow!("a writer panicked")))
        };
        threads.into_iter().try_for_each(end)
    })
}

fn database(
    (databases, name): (&Databases, &str),
    stored: &Stored<'_>,
    copier: &Copier,
    is_here: impl Fn(&One) -> bool,
    step: &Step<'_>,
    done: &AtomicU64,
) -> Result<()> {
    let mut writer = databases.writer(name)?;
    for i in 0..stored.count {
        let one = stored.one(i).ok_or_else(|| anyhow!("no id for the {i}th order"))?;
        if !is_here(&one) {
            continue;
        }
        let subjects = stored.subjects(&one).ok_or_else(|| anyhow!("no ids for a stored order"))?;
        writer.write(copier, &Fill { subjects: &subjects, at: one.at, place: one.place })?;
        step.at(done.fetch_add(1, Ordering::Relaxed));
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn stored_orders_have_ids_of_their_own_in_all_cells_and_go_back_most_of_a_year() {
        let sample = OrderSample { order: Vec::new(), stock: Vec::new(), further: 1 };
        let pair = Pair { skus: [1, 2], total: serde_json::Value::Null };
        let now = Timestamp::from_millis(1_795_000_000_000);
        let placement = Placement::new(4, 8, 4, 0).unwrap();
        let (pairs, count) = (vec![pair], 20_000);
        let stored = Stored { sample: &sample, placement, buyers: &[], pairs: &pairs, now, count };
        let mut cells = BTreeMap::<Place, u32>::new();
        let (mut ids, mut changes) = (BTreeSet::new(), BTreeSet::new());
        for i in 0..count {
            let one = stored.one(i).unwrap();
            assert!(ids.insert(one.order_id), "the {i}th has the id of another");
            assert_eq!(Id::from_i64(one.order_id).unwrap().place(), one.place);
            *cells.entry(one.place).or_default() += 1;
            for subject in &stored.subjects(&one).unwrap()[FURTHER..] {
                let Subject::Number(n) = subject else { panic!() };
                assert!(changes.insert(*n), "a change id twice");
            }
        }
        assert_eq!(cells.len(), 32);
        assert!(cells.values().all(|n| (400..900).contains(n)), "{cells:?}");
        let age = now.since(stored.one(0).unwrap().at).as_secs() / 86_400;
        assert_eq!(age, 300);
    }
}
