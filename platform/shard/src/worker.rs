//! Worker numbers: leased in the platform's own database with a high-water mark, so that no two
//! processes and no two lives of one process mint the same id. A start takes the next number whose mark
//! has passed and so never waits; a lease that was lost is noticed by its fence.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::id::{MintError, WORKERS_MAX};
use kit::{ErrorCode, Id, IdGenerator, Place, SharedClock, Timestamp};
use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, Query, SelectStatement};

use crate::database::{Database, Route};
use crate::schema::{Migration, MigrationSet};
use crate::tx::Tx;

/// The table of leases, for the platform's own database.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "worker",
    common: &[Migration {
        version: 1,
        name: "workers",
        sql: "CREATE TABLE workers (
            number BIGINT NOT NULL PRIMARY KEY,
            high_water BIGINT NOT NULL,
            fence BIGINT NOT NULL,
            leased_at BIGINT NOT NULL)",
    }],
    cells: &[],
};

/// The least by which two leases differ in time.
const STEP: Duration = Duration::from_micros(1);

/// One worker number as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerRow {
    /// 0 to 63.
    pub number: u8,
    /// No id of this number is at or past this instant.
    pub high_water: Timestamp,
    /// Counts the leases of this number.
    pub fence: i64,
    /// When it was last leased.
    pub leased_at: Timestamp,
}

impl WorkerRow {
    /// A number that has no row yet; whoever has one has been leased at least once.
    const fn never_leased(number: u8) -> Self {
        let never = Timestamp::from_micros(0);
        Self { number, high_water: never, fence: 0, leased_at: never }
    }
}

/// Which number to lease next: the first free one after the one leased last, so that a number rests as
/// long as possible. `None` when all 64 are leased past `now`.
#[must_use]
pub fn choose(rows: &[WorkerRow], now: Timestamp) -> Option<WorkerRow> {
    let latest =
        rows.iter().max_by_key(|r| (r.leased_at, r.fence)).map_or(WORKERS_MAX - 1, |r| r.number);
    (1..=WORKERS_MAX).map(|step| (latest + step) % WORKERS_MAX).find_map(|number| {
        let known = rows.iter().find(|r| r.number == number).copied();
        let row = known.unwrap_or(WorkerRow::never_leased(number));
        (row.high_water <= now).then_some(row)
    })
}

/// Mints ids under a leased worker number. Cheap to clone.
#[derive(Clone)]
pub struct Ids(Arc<Inner>);

struct Inner {
    generator: Mutex<IdGenerator>,
    clock: SharedClock,
    db: Database,
    lease: Duration,
    number: u8,
    fence: i64,
}

impl Ids {
    /// Leases a number in the database that holds [`MIGRATIONS`].
    ///
    /// # Errors
    /// When the database fails or no number is free.
    pub async fn lease(ctx: &Ctx, db: Database, lease: Duration) -> Result<Self, Fault> {
        let (from, row) = loop {
            // Of those who choose the same number at the same time one gets it, the others choose again.
            // Each try is a transaction of its own, which sees what the one before it has lost against.
            if let Some(taken) = db.tx(ctx, Route::Whole, move |tx| take(tx, lease)).await? {
                break taken;
            }
        };
        let generator = IdGenerator::new(row.number, from, row.high_water)
            .ok_or_else(|| Fault::bug("a worker number past 63"))?;
        let clock = Arc::clone(db.clock());
        let generator = Mutex::new(generator);
        let (number, fence) = (row.number, row.fence);
        Ok(Self(Arc::new(Inner { generator, clock, db, lease, number, fence })))
    }

    /// The leased number.
    #[must_use]
    pub fn worker(&self) -> u8 {
        self.0.number
    }

    /// Mints an id at a place; waits out a full millisecond or a small step back of the clock.
    ///
    /// # Errors
    /// `Unavailable` when the clock stepped back too far or the lease cannot be renewed; out of time.
    pub async fn mint(&self, ctx: &Ctx, place: Place) -> Result<Id, Fault> {
        let mut renewed = false;
        loop {
            ctx.check_deadline()?;
            match self.try_mint(place) {
                Ok(id) => return Ok(id),
                Err(MintError::Wait(ms)) => {
                    tokio::time::sleep(Duration::from_millis(ms.into()).min(ctx.remaining())).await;
                }
                Err(MintError::LeaseOver { .. }) if !renewed => {
                    renewed = true;
                    self.renew(ctx).await?;
                }
                Err(e) => {
                    let text = "no ids can be made right now; try again";
                    return Err(Fault::new(ErrorCode::Unavailable, text).because(e));
                }
            }
        }
    }

    fn try_mint(&self, place: Place) -> Result<Id, MintError> {
        let mut generator = self.0.generator.lock().unwrap_or_else(PoisonError::into_inner);
        generator.mint(self.0.clock.now(), place)
    }

    /// Renews the lease; call it every third of its length.
    ///
    /// # Errors
    /// When the database fails, or another process has the number by now.
    pub async fn renew(&self, ctx: &Ctx) -> Result<(), Fault> {
        let (number, fence, lease) = (self.0.number, self.0.fence, self.0.lease);
        let until = self
            .0
            .db
            .tx(ctx, Route::Whole, move |tx| async move {
                let lost = || Fault::new(ErrorCode::Unavailable, "the worker number was lost");
                // Locked: two renewals of one process must not take turns in shrinking the mark.
                let mut own = select();
                own.and_where(Expr::col("number").eq(i64::from(number))).lock_exclusive();
                let mine = load(&tx, &own).await?.pop();
                let row = mine.filter(|r| r.fence == fence).ok_or_else(lost)?;
                // A clock that stepped back must not shrink the lease.
                let until = row.high_water.max(tx.now().plus(lease));
                let renewed = WorkerRow { high_water: until, ..row };
                if replace(&tx, row, renewed).await? { Ok(until) } else { Err(lost()) }
            })
            .await?;
        self.0.generator.lock().unwrap_or_else(PoisonError::into_inner).extend(until);
        Ok(())
    }
}

/// Makes sure that a database which was brought back from a backup never mints an id that was minted after
/// the backup: no number mints for an instant that has passed. It goes on half a round away from the number
/// that was leased last, so that the system the backup is of, should it still run, does not mint the same
/// ids either. Nobody may run on the database.
///
/// # Errors
/// When the database fails, or somebody leases numbers meanwhile.
pub async fn raise(ctx: &Ctx, db: &Database) -> Result<(), Fault> {
    db.tx(ctx, Route::Whole, move |tx| async move {
        let (now, rows) = (tx.now(), load(&tx, &select()).await?);
        let last = rows.iter().max_by_key(|r| (r.leased_at, r.fence)).map_or(0, |r| r.number);
        let newest = rows.iter().map(|r| r.leased_at).max().unwrap_or_default().max(now);
        for number in 0..WORKERS_MAX {
            let known = rows.iter().find(|r| r.number == number).copied();
            let row = known.unwrap_or(WorkerRow::never_leased(number));
            let is_next = number == (last + WORKERS_MAX / 2) % WORKERS_MAX;
            let raised = WorkerRow {
                high_water: row.high_water.max(now),
                fence: row.fence + 1,
                leased_at: if is_next { newest.plus(STEP) } else { row.leased_at },
                ..row
            };
            if !replace(&tx, row, raised).await? {
                let text = "a platform runs on this database; stop it first";
                return Err(Fault::new(ErrorCode::Conflict, text));
            }
        }
        Ok(())
    })
    .await
}

/// Takes the number that is next, for as long as a lease is: from when on it mints, and its row. `None` when
/// another has taken it in the same moment.
async fn take(tx: Tx, lease: Duration) -> Result<Option<(Timestamp, WorkerRow)>, Fault> {
    let now = tx.now();
    let rows = load(&tx, &select()).await?;
    let Some(free) = choose(&rows, now) else {
        let text = "all 64 worker numbers are leased; wait for one to run out";
        return Err(Fault::new(ErrorCode::Unavailable, text));
    };
    let taken =
        WorkerRow { high_water: now.plus(lease), fence: free.fence + 1, leased_at: now, ..free };
    Ok(replace(&tx, free, taken).await?.then_some((free.high_water, taken)))
}

fn select() -> SelectStatement {
    Query::select()
        .columns(["number", "high_water", "fence", "leased_at"])
        .from("workers")
        .to_owned()
}

async fn load(tx: &Tx, select: &SelectStatement) -> Result<Vec<WorkerRow>, Fault> {
    tx.all(select)
        .await?
        .iter()
        .map(|r| {
            Ok(WorkerRow {
                number: r.get("number")?,
                high_water: r.get("high_water")?,
                fence: r.get("fence")?,
                leased_at: r.get("leased_at")?,
            })
        })
        .collect()
}

/// Puts a row in the place of one that was read, unless somebody has changed it since: leased it, which
/// shows in the fence, or renewed his lease, which shows in the mark.
async fn replace(tx: &Tx, read: WorkerRow, row: WorkerRow) -> Result<bool, Fault> {
    if read.fence == 0 {
        let insert = Query::insert()
            .into_table("workers")
            .columns(["number", "high_water", "fence", "leased_at"])
            .values_panic([
                i64::from(row.number).into(),
                row.high_water.micros().into(),
                row.fence.into(),
                row.leased_at.micros().into(),
            ])
            .to_owned();
        return tx.insert_unique(&insert).await;
    }
    let update = Query::update()
        .table("workers")
        .value("high_water", row.high_water.micros())
        .value("fence", row.fence)
        .value("leased_at", row.leased_at.micros())
        .and_where(Expr::col("number").eq(i64::from(read.number)))
        .and_where(Expr::col("fence").eq(read.fence))
        .and_where(Expr::col("high_water").eq(read.high_water.micros()))
        .to_owned();
    Ok(tx.exec(&update).await? > 0)
}
