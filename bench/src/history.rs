//! The orders of many members over most of a year, written in bulk: every member has as many as any other,
//! however many there are, so that reading one's own orders means the same work in a small store and in a
//! large one. Rows of a table are written in the sequence of their ids, and indices that are ordered
//! otherwise are made when the rows are there.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow};
use kit::{Id, Place, Placement, Timestamp};

use crate::databases::Databases;
use crate::progress::{Progress, Step};
use crate::rows::{Copier, Fill, Subject};
use crate::sample::{OrderSample, order_database};
use crate::seed::{Cart, home};
use crate::shop::Pair;

/// Orders of one member.
pub const EACH: u64 = 25;
const WORKER: u8 = 62;
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// The orders are this old at most, and at least.
const OLDEST_DAYS: i64 = 300;
const NEWEST_DAYS: i64 = 2;
/// Members were born before the oldest order.
const BORN_DAYS: i64 = 600;

/// Whose orders, and how many.
pub struct History<'a> {
    /// What every order is a copy of.
    pub sample: &'a OrderSample,
    /// Where the tenant's orders lie.
    pub placement: Placement,
    /// Members who read theirs; there are others besides.
    pub readers: &'a [Cart],
    /// What was bought.
    pub pairs: &'a [Pair],
    /// The time of the run.
    pub now: Timestamp,
    /// Orders in all.
    pub count: u64,
}

impl History<'_> {
    /// How many members there are.
    #[must_use]
    pub fn members(&self) -> u64 {
        (self.count / EACH).max(self.readers.len() as u64)
    }

    /// One reader in so many members.
    fn every(&self) -> u64 {
        (self.members() / (self.readers.len() as u64).max(1)).max(1)
    }

    /// The member's id.
    fn member(&self, m: u64) -> Option<i64> {
        let every = self.every();
        if m.is_multiple_of(every) {
            let reader = self.readers.get(usize::try_from(m / every).ok()?);
            if let Some(reader) = reader {
                return Some(reader.member_id);
            }
        }
        let born = self.now.millis() - BORN_DAYS * DAY_MS + i64::try_from(m).ok()?;
        Some(Id::compose(born, Place::ZERO, WORKER, 0)?.get())
    }

    /// The id of a reader's `k`th order, from the oldest.
    #[must_use]
    pub fn order_of_reader(&self, reader: usize, k: u64) -> Option<i64> {
        let m = self.every() * reader as u64;
        let place = home(self.placement, self.member(m)?);
        Some(self.order(m, k, place)?.0)
    }

    /// A member's `k`th order: its id and its time.
    fn order(&self, m: u64, k: u64, place: Place) -> Option<(i64, Timestamp)> {
        let members = self.members();
        let span = i128::from((OLDEST_DAYS - NEWEST_DAYS) * DAY_MS);
        let after = span * i128::from(k * members + m) / i128::from(EACH * members);
        let ms = self.now.millis() - OLDEST_DAYS * DAY_MS + i64::try_from(after).ok()?;
        // Ids of one millisecond differ by the member's place or sequence.
        let sequence = u8::try_from(m % 64).ok()?;
        let id = Id::compose(ms, place, WORKER, sequence)?;
        Some((id.get(), Timestamp::from_millis(ms)))
    }
}

/// A cell and the members who live there: number and id.
type Home = (Place, Vec<(u64, i64)>);

/// Writes them.
///
/// # Errors
/// When a database cannot be written.
pub fn write(databases: &Databases, history: &History<'_>, progress: &Progress) -> Result<()> {
    let orders = history.members() * EACH;
    let step = progress.step(format!("writing {orders} orders"), orders);
    let copier = Copier::new(history.sample.old_order()?);
    let homes = homes(history)?;
    let mut dbs: Vec<u8> = history.placement.cells().map(|c| c.db).collect();
    dbs.dedup();
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(db) = dbs.get(next.fetch_add(1, Ordering::Relaxed)) {
                database(databases, history, *db, (&copier, &homes), (&step, &done))?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..crate::load::threads()).map(|_| scope.spawn(work)).collect();
        let end = |t: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            t.join().unwrap_or_else(|_| Err(anyhow!("a writer panicked")))
        };
        threads.into_iter().try_for_each(end)
    })
}

/// The members of every cell, by their number, with their ids.
fn homes(history: &History<'_>) -> Result<Vec<Home>> {
    let mut homes: Vec<Home> = history.placement.cells().map(|cell| (cell, Vec::new())).collect();
    for m in 0..history.members() {
        let id = history.member(m).context("no id for a member")?;
        let place = home(history.placement, id);
        let cell = homes.iter_mut().find(|(cell, _)| *cell == place);
        cell.context("a member without a home")?.1.push((m, id));
    }
    Ok(homes)
}

fn database(
    databases: &Databases,
    history: &History<'_>,
    db: u8,
    (copier, homes): (&Copier, &[Home]),
    (step, done): (&Step<'_>, &AtomicU64),
) -> Result<()> {
    let mut writer = databases.writer(&order_database(Place { db, table: 0 }))?;
    for (place, members) in homes.iter().filter(|(place, _)| place.db == db) {
        let indices = writer.without_indices(&format!("orders_{:02}", place.table))?;
        for k in 0..EACH {
            for (m, member_id) in members {
                let (id, at) = history.order(*m, k, *place).context("no id for an order")?;
                let subjects = subjects(history, (id, *member_id, at), m + k)?;
                writer.write(copier, &Fill { subjects: &subjects, at, place: *place })?;
            }
            step.at(done.fetch_add(members.len() as u64, Ordering::Relaxed));
        }
        writer.with_indices(indices)?;
    }
    writer.finish()
}

fn subjects(
    history: &History<'_>,
    (id, member_id, at): (i64, i64, Timestamp),
    choice: u64,
) -> Result<Vec<Subject>> {
    let pair = &history.pairs[usize::try_from(choice)? % history.pairs.len()];
    let mut subjects: Vec<Subject> =
        [id, member_id, pair.skus[0], pair.skus[1]].into_iter().map(Subject::Number).collect();
    for n in 0..history.sample.further {
        let further = Id::compose(at.millis(), Place::ZERO, WORKER, u8::try_from(n)?);
        subjects.push(Subject::Number(further.context("no id for a change")?.get()));
    }
    Ok(subjects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn cart(member_id: i64) -> Cart {
        let bearer = http::HeaderValue::from_static("Bearer x");
        Cart { bearer, member_id, address_id: 1, pair: 0, checkout_id: 1 }
    }

    #[test]
    fn every_member_has_as_many_orders_in_a_store_of_any_size_and_no_id_comes_twice() {
        let sample = OrderSample { order: Vec::new(), stock: Vec::new(), further: 0 };
        let placement = Placement::new(4, 8, 4, 0).unwrap();
        let pairs = [Pair { skus: [1, 2], total: serde_json::Value::Null }];
        let now = Timestamp::from_millis(1_795_000_000_000);
        let readers: Vec<Cart> = (0..10)
            .map(|i| cart(Id::compose(1_794_000_000_000 + i, Place::ZERO, 63, 0).unwrap().get()))
            .collect();
        for count in [250, 25_000] {
            let history = History {
                sample: &sample,
                placement,
                readers: &readers,
                pairs: &pairs,
                now,
                count,
            };
            assert_eq!(history.members(), count / EACH);
            let homes = homes(&history).unwrap();
            let (mut ids, mut of_readers) = (BTreeSet::new(), 0);
            for (place, members) in &homes {
                let mut before = 0;
                for k in 0..EACH {
                    for (m, member_id) in members {
                        let (id, _) = history.order(*m, k, *place).unwrap();
                        assert!(ids.insert(id), "an id twice");
                        assert!(id > before, "rows of a table come in the sequence of their ids");
                        before = id;
                        if let Some(r) = readers.iter().position(|r| r.member_id == *member_id) {
                            assert_eq!(history.order_of_reader(r, k), Some(id));
                            of_readers += 1;
                        }
                    }
                }
            }
            assert_eq!((ids.len() as u64, of_readers), (count, 10 * EACH));
        }
    }
}
