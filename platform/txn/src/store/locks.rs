//! The table of global locks.

use rpc::{Fault, Xid};
use sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query};
use shard::{Tx, padded};

use crate::model::LockKey;

const TABLE: &str = "txn_locks";
/// Up to this many keys go in one statement of just as many rows.
const FEW: usize = 8;
/// The rows of a statement when there are more.
const MANY: usize = 64;
/// Keys in one look.
const LOOKS_MAX: usize = 256;

/// A lock and who has it.
pub(crate) struct Held {
    pub(crate) hash: [u8; 16],
    pub(crate) xid: Xid,
}

/// Takes those of the locks that are free, in the sequence given; how many rows the engine says it has inserted,
/// which is not to be believed on MySQL.
pub(crate) async fn take(tx: &Tx, xid: &Xid, keys: &[(LockKey, u32)]) -> Result<u64, Fault> {
    let mut inserted = 0;
    let mut rest = keys;
    while !rest.is_empty() {
        // few sizes of statements, so that few are prepared
        let n = match rest.len() {
            n if n >= MANY => MANY,
            n if n > FEW => FEW,
            n => n,
        };
        let (some, then) = rest.split_at(n);
        let mut insert = Query::insert();
        insert.into_table(TABLE).columns(["row_hash", "xid", "branch", "row_text"]);
        for (key, seq) in some {
            insert.values_panic([
                key.hash.to_vec().into(),
                xid.0.as_str().into(),
                i64::from(*seq).into(),
                key.text.as_str().into(),
            ]);
        }
        insert.on_conflict(OnConflict::column("row_hash").do_nothing_on(["row_hash"]).to_owned());
        inserted += tx.exec(&insert).await?;
        rest = then;
    }
    Ok(inserted)
}

/// Who has these locks.
pub(crate) async fn held(tx: &Tx, keys: &[[u8; 16]]) -> Result<Vec<Held>, Fault> {
    let mut found = Vec::new();
    for some in keys.chunks(LOOKS_MAX) {
        let hashes: Vec<Vec<u8>> = some.iter().map(|hash| hash.to_vec()).collect();
        let select = Query::select()
            .columns(["row_hash", "xid"])
            .from(TABLE)
            .and_where(Expr::col("row_hash").is_in(padded(hashes)))
            .to_owned();
        for row in tx.all(&select).await? {
            let hash: Vec<u8> = row.get("row_hash")?;
            let hash = hash.try_into().map_err(|_| Fault::bug("a lock's hash has 16 bytes"))?;
            found.push(Held { hash, xid: Xid(row.get("xid")?) });
        }
    }
    Ok(found)
}

/// Frees all locks of a transaction.
pub(crate) async fn release(tx: &Tx, xid: &Xid) -> Result<(), Fault> {
    let delete =
        Query::delete().from_table(TABLE).and_where(Expr::col("xid").eq(xid.0.as_str())).to_owned();
    tx.exec(&delete).await.map(|_| ())
}

/// The locks of a transaction, readable.
pub(crate) async fn texts(tx: &Tx, xid: &Xid, limit: u64) -> Result<Vec<String>, Fault> {
    let select = Query::select()
        .column("row_text")
        .from(TABLE)
        .and_where(Expr::col("xid").eq(xid.0.as_str()))
        .order_by("row_hash", Order::Asc)
        .limit(limit)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| row.get("row_text")).collect()
}
