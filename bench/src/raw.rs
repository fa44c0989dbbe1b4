//! The raw limit of the embedded engine: rusqlite alone writes the rows that an order leaves behind, with the program's own schema
//! and pragmas: four files, a thread each, 64 orders in one durable commit, no savepoints, no reads.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use kit::{Clock as _, Id, Place, Placement, SystemClock, Timestamp};
use rusqlite::{Connection, params};

use crate::databases::Databases;
use crate::rows::{Copier, Fill, Subject, schema};
use crate::sample::{OrderSample, order_database};
use crate::seed::home;
use crate::shop::Pair;
use crate::stats::per_second;

/// Files, each with a thread.
pub const FILES: usize = 4;
/// Orders in one commit.
pub const PER_COMMIT: u64 = 64;
const WORKER: u8 = 63;
const TAKE: &str = "UPDATE stock SET available = available - 1, reserved = reserved + 1
     WHERE tenant = ?1 AND sku_id = ?2 AND warehouse_id = ?3 AND bucket = ?4 AND available >= 1";

/// The files.
pub struct Raw {
    files: Vec<RawFile>,
}

struct RawFile {
    conn: Connection,
    copier: Copier,
    tenant: String,
    numbers: Numbers,
    db: u8,
    next: u64,
}

/// What the files are made from.
pub struct Source<'a> {
    /// A store whose server has stopped.
    pub databases: &'a Databases,
    /// The tenant.
    pub tenant: &'a str,
    /// Where its orders lie.
    pub placement: Placement,
    /// The rows of an order.
    pub sample: &'a OrderSample,
    /// What is ordered.
    pub pairs: &'a [Pair],
}

/// The numbers of raw orders: ids, and the stock rows they take from.
pub struct Numbers {
    placement: Placement,
    /// Sku, warehouse and bucket of both lines.
    takes: Vec<[(i64, i64, i64); 2]>,
    further: usize,
    start: Timestamp,
}

/// A raw order's numbers.
pub struct RawOrder {
    /// What differs from the sample.
    pub subjects: Vec<Subject>,
    /// When it is placed.
    pub at: Timestamp,
    /// Where it lies.
    pub place: Place,
    /// Sku, warehouse and bucket that it takes from.
    pub takes: [(i64, i64, i64); 2],
}

impl Raw {
    /// Makes the files in a folder.
    ///
    /// # Errors
    /// When they cannot be written, or the source has not what they need.
    pub fn create(folder: &Path, source: &Source<'_>) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let files = (0..FILES).map(|n| RawFile::create(folder, n, source));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    /// Writes orders for a window; how many a second.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn run(&mut self, window: Duration) -> Result<u64> {
        let began = Instant::now();
        let written: Result<Vec<u64>> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .files
                .iter_mut()
                .map(|file| scope.spawn(move || file.write_until(began + window)))
                .collect();
            let end = |t: std::thread::ScopedJoinHandle<'_, Result<u64>>| {
                t.join().unwrap_or_else(|_| Err(anyhow!("a raw writer panicked")))
            };
            threads.into_iter().map(end).collect()
        });
        Ok(per_second(written?.iter().sum(), began.elapsed()))
    }
}

impl RawFile {
    fn create(folder: &Path, n: usize, source: &Source<'_>) -> Result<Self> {
        let conn = Connection::open(folder.join(format!("raw_{n}.db")))?;
        conn.set_prepared_statement_cache_capacity(2_048);
        // As `platform/shard` opens its writers.
        conn.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;
             PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;
             PRAGMA cache_size=-2048; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY;",
        )?;
        let first = source.placement.cells().next().context("a placement has a cell")?;
        for name in [order_database(first), "inventory".to_owned()] {
            copy_schema(&source.databases.look(&name)?, &conn)?;
        }
        let inventory = source.databases.file("inventory")?;
        conn.execute("ATTACH ?1 AS source", [inventory.to_string_lossy()])?;
        let copied = "INSERT INTO stock SELECT * FROM source.stock WHERE tenant = ?1";
        ensure!(conn.execute(copied, [source.tenant])? > 0, "the tenant has no stock");
        conn.execute_batch("DETACH source")?;
        let rows = source.sample.order.iter().chain(&source.sample.stock).cloned().collect();
        Ok(Self {
            conn,
            copier: Copier::new(rows),
            tenant: source.tenant.to_owned(),
            numbers: Numbers::new(source)?,
            db: u8::try_from(n)?,
            next: 0,
        })
    }

    fn write_until(&mut self, end: Instant) -> Result<u64> {
        let mut written = 0;
        while Instant::now() < end {
            self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            for _ in 0..PER_COMMIT {
                self.write_one()?;
            }
            self.conn.prepare_cached("COMMIT")?.execute([])?;
            written += PER_COMMIT;
        }
        Ok(written)
    }

    fn write_one(&mut self) -> Result<()> {
        let one = self.numbers.order(self.next, self.db)?;
        self.next += 1;
        for (sku, warehouse, bucket) in one.takes {
            let mut update = self.conn.prepare_cached(TAKE)?;
            let changed = update.execute(params![self.tenant, sku, warehouse, bucket])?;
            ensure!(changed == 1, "no stock to take");
        }
        let fill = Fill { subjects: &one.subjects, at: one.at, place: one.place };
        self.copier.write(&self.conn, &fill)
    }
}

impl Numbers {
    /// For orders like the sample.
    ///
    /// # Errors
    /// When a sku has no stock.
    pub fn new(source: &Source<'_>) -> Result<Self> {
        let conn = source.databases.look("inventory")?;
        let takes = source.pairs.iter().map(|p| takes(&conn, source.tenant, p));
        Ok(Self {
            placement: source.placement,
            takes: takes.collect::<Result<_>>()?,
            further: source.sample.further,
            start: SystemClock.now(),
        })
    }

    /// The `n`th of a database.
    ///
    /// # Errors
    /// When there is no id for it.
    pub fn order(&self, n: u64, db: u8) -> Result<RawOrder> {
        let ms = self.start.millis() + i64::try_from(n)?;
        let id = |place, sequence| {
            Id::compose(ms, place, WORKER, sequence).map(Id::get).context("no id for a raw order")
        };
        let member_id = id(Place::ZERO, 0)?;
        let place = Place { db, table: home(self.placement, member_id).table };
        let takes = self.takes[usize::try_from(n)? % self.takes.len()];
        let mut subjects = vec![id(place, 1)?, member_id, takes[0].0, takes[1].0];
        for further in 0..self.further {
            subjects.push(id(Place::ZERO, u8::try_from(2 + further % 60)?)?);
        }
        let subjects = subjects.into_iter().map(Subject::Number).collect();
        Ok(RawOrder { subjects, at: Timestamp::from_millis(ms), place, takes })
    }
}

fn takes(conn: &Connection, tenant: &str, pair: &Pair) -> Result<[(i64, i64, i64); 2]> {
    let find = |sku: i64| {
        let sql =
            "SELECT warehouse_id, bucket FROM stock WHERE tenant = ?1 AND sku_id = ?2 LIMIT 1";
        conn.query_row(sql, params![tenant, sku], |r| Ok((sku, r.get(0)?, r.get(1)?)))
            .with_context(|| format!("the sku {sku} has no stock"))
    };
    Ok([find(pair.skus[0])?, find(pair.skus[1])?])
}

/// Makes the same tables and indices, apart from those that are there already.
fn copy_schema(from: &Connection, to: &Connection) -> Result<()> {
    let there: Vec<String> = schema(to)?.into_iter().map(|(name, _)| name).collect();
    for (name, sql) in schema(from)? {
        if !there.contains(&name) {
            to.execute_batch(&sql).with_context(|| format!("cannot make `{name}` again"))?;
        }
    }
    Ok(())
}
