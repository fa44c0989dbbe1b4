//! Brings all databases up to date before a new version of the program starts, or tells what they lack. It
//! serves nobody meanwhile, and the old version may go on running.
//!
//! That works because every change of a schema comes in three releases:
//! 1. *Expand*: the release adds what it will need (a table, a column with a default, an index), and its
//!    code does without it as yet, or fills both the old and the new. `stoa migrate` runs first, then the
//!    processes are replaced one after another: old code runs on the new schema.
//! 2. *Move*: rows are brought over in the background, in small transactions that can be repeated, until
//!    none is left. Reads still understand both.
//! 3. *Contract*: a later release takes away what nothing uses any more, once no process of an older
//!    release runs.
//!
//! A migration that has run is never edited, its checksum is compared. Each database is migrated under a
//! lock by one process; whoever comes second finds nothing to do. PostgreSQL and SQLite run all that one
//! database lacks in one transaction. MySQL commits every statement by itself: a run that was cut off is
//! repeated, and takes what is there as made.

use std::collections::BTreeMap;

use kit::{ErrorCode, Place, SharedClock, SharedEntropy, TenantCode};
use rpc::{Ctx, Fault};
use shard::{Ids, Pending, Schema, Shards};
use tenant_api::TenantClient;

use super::databases::SCHEMAS;
use super::{Databases, START_WITHIN, open, pages, services, system_ctx};
use crate::options::PlatformOptions;

/// How far a migration is: steps done, of how many as far as is known, and the database that is next.
pub type Watch<'a> = &'a (dyn Fn(usize, usize, &str) + Send + Sync);

/// Everything that the databases lack. While those are not up to date that say which cells there are, what
/// cells lack is not in it.
///
/// # Errors
/// When a database cannot be read, or is not of this program.
pub async fn pending(
    options: &PlatformOptions,
    clock: &SharedClock,
    entropy: &SharedEntropy,
) -> Result<Vec<Pending>, Fault> {
    let shards = open(options, clock).await?;
    let mut found = of_whole(&shards).await?;
    if found.is_empty() {
        let cells = cells(&shards, options, entropy).await?;
        found = of_cells(&shards, &cells).await?;
    }
    Ok(found)
}

/// Runs everything that is missing; what it was. Repeating it goes on where it stopped.
///
/// # Errors
/// When a database cannot be opened, is not of this program, or a statement fails.
pub async fn migrate(
    options: &PlatformOptions,
    clock: &SharedClock,
    entropy: &SharedEntropy,
    watch: Watch<'_>,
) -> Result<Vec<Pending>, Fault> {
    let shards = open(options, clock).await?;
    let (whole, sharded): (Vec<Schema>, Vec<Schema>) =
        SCHEMAS.iter().partition(|schema| !schema.is_sharded());
    let (mut ran, mut opened) = (Vec::new(), Vec::new());
    for (n, schema) in whole.iter().enumerate() {
        watch(n, whole.len(), schema.database);
        ran.extend(shards.pending(*schema, &[]).await?);
        opened.push(shards.database(*schema).await?);
    }
    let cells = cells(&shards, options, entropy).await?;
    let mut by_db: BTreeMap<u8, Vec<Place>> = BTreeMap::new();
    for cell in cells {
        by_db.entry(cell.db).or_default().push(cell);
    }
    let (mut done, all) = (whole.len(), whole.len() + sharded.len() * by_db.len());
    for schema in sharded {
        let database = shards.database(schema).await?;
        for (db, cells) in &by_db {
            watch(done, all, &format!("{}_{db:02}", schema.database));
            ran.extend(shards.pending(schema, cells).await?);
            database.ensure_cells(cells).await?;
            done += 1;
        }
    }
    watch(all, all, "");
    Ok(ran)
}

/// What the databases lack that are not sharded.
pub(super) async fn of_whole(shards: &Shards) -> Result<Vec<Pending>, Fault> {
    let mut found = Vec::new();
    for schema in SCHEMAS.iter().filter(|schema| !schema.is_sharded()) {
        found.extend(shards.pending(*schema, &[]).await?);
    }
    Ok(found)
}

/// What the cells lack.
pub(super) async fn of_cells(shards: &Shards, cells: &[Place]) -> Result<Vec<Pending>, Fault> {
    let mut found = Vec::new();
    for schema in SCHEMAS.iter().filter(|schema| schema.is_sharded()) {
        found.extend(shards.pending(*schema, cells).await?);
    }
    Ok(found)
}

/// Refuses to go on with databases that lack something.
pub(super) fn refuse(pending: &[Pending]) -> Result<(), Fault> {
    let Some(first) = pending.first() else { return Ok(()) };
    let text = format!(
        "the databases are not up to date: {} migrations are missing, the first is {} `{}` of {} in {}. \
         Run `stoa migrate` with the same settings and start again, or set storage.migrate_at_start = true",
        pending.len(),
        first.version,
        first.name,
        first.owner,
        first.database
    );
    Err(Fault::new(ErrorCode::Unavailable, text).with_slug("migrations_missing"))
}

/// The cells of all tenants. What is not sharded is up to date.
async fn cells(
    shards: &Shards,
    options: &PlatformOptions,
    entropy: &SharedEntropy,
) -> Result<Vec<Place>, Fault> {
    let ctx = system_ctx(TenantCode::platform(), entropy, START_WITHIN)?;
    let databases = Databases::open(shards).await?;
    let lease = options.shards.worker_lease;
    let ids = Ids::lease(&ctx, databases.platform.clone(), lease).await?;
    cells_of(&ctx, &services::tenants(&databases, options, &ids)).await
}

/// The cells of all tenants, each once.
pub(super) async fn cells_of(ctx: &Ctx, tenants: &TenantClient) -> Result<Vec<Place>, Fault> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = pages(ctx, tenants, cursor).await?;
        found.extend(page.items.iter().flat_map(|tenant| tenant.placements.routable()));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
