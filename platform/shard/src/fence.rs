//! The epoch fence: what a logical database knows of a tenant's placements, so that a process with an
//! older map is refused in the very transaction in which it would write to the wrong place. One row per
//! tenant in every logical database. It must not decide what a placement is; it compares two numbers.
//!
//! A transaction that makes a row at a place which it chose by its map calls [`stand`] and [`Stand::check`].
//! The row is read with a shared lock: raising the fence waits for those who have looked, and who looks
//! afterwards sees it raised.

use kit::{ErrorCode, TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};

use crate::schema::{Migration, MigrationSet};
use crate::tx::Tx;

/// The table of fences, for logical databases that are sharded.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "fence",
    common: &[Migration {
        version: 1,
        name: "placement_epochs",
        sql: "-- epoch: the newest version of the tenant's placement that was announced here.
-- oldest: versions before this one take no new rows.
CREATE TABLE placement_epochs (
    tenant {text:32} NOT NULL,
    epoch BIGINT NOT NULL,
    oldest BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    PRIMARY KEY (tenant)
)",
    }],
    cells: &[],
};

/// The name of the refusal.
pub const STALE: &str = "stale_placement";

/// Where the fence of a tenant stands in a logical database. All zero where none was raised yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stand {
    /// The newest version that was announced here.
    pub epoch: u32,
    /// Versions before this one take no new rows.
    pub oldest: u32,
}

impl Stand {
    /// Refuses whoever knows less than the database. He should read his map again and try once more.
    ///
    /// # Errors
    /// `Unavailable`, named [`STALE`].
    pub fn check(self, known: u32) -> Result<(), Fault> {
        if known >= self.epoch {
            return Ok(());
        }
        let text = "this shop is being moved to more databases; try again";
        let cause = Stale { known, epoch: self.epoch };
        Err(Fault::new(ErrorCode::Unavailable, text).with_slug(STALE).because(cause))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("version {known} of the placement is known here, {epoch} in the database")]
struct Stale {
    known: u32,
    epoch: u32,
}

/// Whether a refusal is [`Stand::check`]'s.
#[must_use]
pub fn is_stale(fault: &Fault) -> bool {
    fault.slug() == STALE
}

/// Where the fence of a tenant stands in the logical database of this transaction, and keeps it there until
/// the transaction ends.
///
/// # Errors
/// Whatever the database refuses.
pub async fn stand(tx: &Tx, tenant: &TenantCode) -> Result<Stand, Fault> {
    let mut select = select(tenant);
    read(tx, select.lock_shared()).await.map(Option::unwrap_or_default)
}

/// Where it stands, without holding it.
///
/// # Errors
/// Whatever the database refuses.
pub async fn look(tx: &Tx, tenant: &TenantCode) -> Result<Stand, Fault> {
    read(tx, &select(tenant)).await.map(Option::unwrap_or_default)
}

/// When it was raised last; never where none was raised yet.
///
/// # Errors
/// Whatever the database refuses.
pub async fn raised_at(tx: &Tx, tenant: &TenantCode) -> Result<Option<Timestamp>, Fault> {
    let mut select = select(tenant);
    let row = tx.one(select.column("raised_at")).await?;
    row.map(|row| row.get("raised_at")).transpose()
}

/// Raises the fence of a tenant in the logical database of this transaction; never lowers it.
///
/// # Errors
/// Whatever the database refuses.
pub async fn raise(tx: &Tx, tenant: &TenantCode, to: Stand) -> Result<Stand, Fault> {
    let insert = Query::insert()
        .into_table("placement_epochs")
        .columns(["tenant", "epoch", "oldest", "raised_at"])
        .values_panic([
            tenant.as_str().into(),
            i64::from(to.epoch).into(),
            i64::from(to.oldest).into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    if tx.insert_unique(&insert).await? {
        return Ok(to);
    }
    let mut select = select(tenant);
    let now = read(tx, select.lock_exclusive()).await?.unwrap_or_default();
    let raised =
        Stand { epoch: Ord::max(now.epoch, to.epoch), oldest: Ord::max(now.oldest, to.oldest) };
    if raised == now {
        return Ok(now);
    }
    let update = Query::update()
        .table("placement_epochs")
        .value("epoch", i64::from(raised.epoch))
        .value("oldest", i64::from(raised.oldest))
        .value("raised_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .to_owned();
    tx.exec(&update).await?;
    Ok(raised)
}

fn select(tenant: &TenantCode) -> sea_query::SelectStatement {
    Query::select()
        .columns(["epoch", "oldest"])
        .from("placement_epochs")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .to_owned()
}

async fn read(tx: &Tx, select: &sea_query::SelectStatement) -> Result<Option<Stand>, Fault> {
    let row = tx.one(select).await?;
    row.map(|row| Ok(Stand { epoch: row.get("epoch")?, oldest: row.get("oldest")? })).transpose()
}
