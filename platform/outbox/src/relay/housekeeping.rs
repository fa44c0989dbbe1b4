//! Keeps the tables small and the gauges true. Deletes only what its options call old.

use kit::Timestamp;
use rpc::Fault;
use shard::Route;

use crate::relay::{Options, Shared};
use crate::store::{self, Counts, Purged};

/// Batches of one table of one file in one round; the rest comes in the next.
const BATCHES_MAX: usize = 200;

pub(super) async fn run(shared: &Shared) -> Result<(), Fault> {
    loop {
        tokio::time::sleep(shared.options.housekeeping).await;
        let mut all = Counts::default();
        for db in shared.outbox.database().databases() {
            match tend(shared, db).await {
                Ok(counts) => all = all.plus(counts),
                Err(fault) => tracing::warn!(
                    database = shared.outbox.database().name(), db, error = ?fault,
                    "housekeeping of the outbox failed; it is tried again next time"
                ),
            }
        }
        publish(shared, all);
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        let next_due = match (self.next_due, other.next_due) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { pending: self.pending + other.pending, dead: self.dead + other.dead, next_due }
    }
}

async fn tend(shared: &Shared, db: u8) -> Result<Counts, Fault> {
    let database = shared.outbox.database();
    let batch = shared.options.purge_batch;
    for what in Purged::ALL {
        let old = cutoff(what, &shared.options, shared.clock().now());
        // Mostly there is nothing, and a look costs less than a transaction.
        let look = move |tx| async move { store::is_any_old(&tx, what, old).await };
        if !database.read_one(&shared.ctx(), Route::Db(db), look).await? {
            continue;
        }
        for _ in 0..BATCHES_MAX {
            let cutoff = cutoff(what, &shared.options, shared.clock().now());
            let body = move |tx| async move { store::purge(&tx, what, cutoff, batch).await };
            let more = database.tx(&shared.ctx(), Route::Db(db), body).await?;
            if !more {
                break;
            }
        }
    }
    let body = |tx| async move { store::counts(&tx).await };
    database.read(&shared.ctx(), Route::Db(db), body).await
}

fn cutoff(what: Purged, options: &Options, now: Timestamp) -> Timestamp {
    match what {
        Purged::DoneMessages => now.minus(options.keep_done),
        Purged::InboxRows => now.minus(options.keep_inbox),
        // The row says itself when it expires.
        Purged::IdempotencyKeys => now,
    }
}

fn publish(shared: &Shared, counts: Counts) {
    let database = shared.outbox.database().name();
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    metrics::gauge!("outbox_pending", "database" => database).set(number(counts.pending));
    metrics::gauge!("outbox_dead", "database" => database).set(number(counts.dead));
    let now = shared.clock().now();
    let overdue = counts.next_due.map_or(std::time::Duration::ZERO, |due| now.since(due));
    metrics::gauge!("outbox_overdue_seconds", "database" => database).set(overdue);
}
