//! Members with filled carts, written into a stopped server's files: copies of one member who registered
//! through the API, with ids, logins and sessions of their own. Also the stock that the run will need.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use http::HeaderValue;
use kit::{HashVersion, Id, Place, Placement, Timestamp};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use crate::databases::{Databases, literal};
use crate::progress::Progress;
use crate::rows::{Copier, Fill, Sample, Subject};
use crate::shop::{Pair, Shopper, bearer};

/// Ids of copies are of a worker that no server has reached yet, and of the past.
const WORKER: u8 = 63;
/// Units of every sku in every warehouse.
const STOCK: i64 = 100_000_000;
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Where a sample's own subjects stand; further ids that were found follow.
const MEMBER: usize = 0;
const SESSION: usize = 1;
const LOGIN: usize = 2;
const ADDRESS: usize = 3;
const CHECKOUT: usize = 4;
const SKUS: usize = 5;
const FURTHER: usize = 7;

/// A member whose cart is filled.
#[derive(Debug, Clone)]
pub struct Cart {
    /// Signs in.
    pub bearer: HeaderValue,
    /// The member.
    pub member_id: i64,
    /// Where the order goes.
    pub address_id: i64,
    /// Which pair of skus is in the cart.
    pub pair: usize,
    /// The checkout that has begun.
    pub checkout_id: i64,
}

/// Makes ids that nobody has: one a millisecond, beginning some days ago.
#[derive(Debug)]
pub struct FreshIds {
    next_ms: i64,
}

impl FreshIds {
    /// Ids from so many days before a time.
    #[must_use]
    pub const fn days_before(now: Timestamp, days: i64) -> Self {
        Self { next_ms: now.millis() - days * DAY_MS }
    }

    /// The next one, at a place.
    ///
    /// # Errors
    /// Before 2025.
    pub fn next(&mut self, place: Place) -> Result<i64> {
        let id = Id::compose(self.next_ms, place, WORKER, 0).context("no id before 2025")?;
        self.next_ms += 1;
        Ok(id.get())
    }
}

/// Opens a file of a stopped server for writing many rows at once. The folder is thrown away afterwards
/// and nothing else has it open, so speed goes before durability here, and only here.
///
/// # Errors
/// When there is no such file, or the server still has it.
pub fn open_bulk(path: &Path) -> Result<Connection> {
    ensure!(path.exists(), "{} is missing", path.display());
    let conn = Connection::open(path)?;
    conn.set_prepared_statement_cache_capacity(2_048);
    conn.execute_batch(
        "PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;
         PRAGMA journal_mode=DELETE; PRAGMA journal_mode=OFF;",
    )?;
    Ok(conn)
}

/// Ends writing many rows: the file is as a server left it, and on the disk.
///
/// # Errors
/// When the disk is full.
pub fn close_bulk(conn: Connection, path: &Path) -> Result<()> {
    conn.execute_batch("PRAGMA journal_mode=WAL;")?;
    conn.close().map_err(|(_, e)| e)?;
    std::fs::File::open(path)?.sync_all()?;
    Ok(())
}

/// The placement that new orders of a tenant take.
///
/// # Errors
/// When the tenant is not there.
pub fn placement(databases: &Databases, tenant: &str) -> Result<Placement> {
    let conn = databases.look("tenant")?;
    let text: String = conn
        .query_row(
            "SELECT placement FROM tenant_placements WHERE tenant = ?1 AND state = 'active'
             ORDER BY version DESC LIMIT 1",
            [tenant],
            |r| r.get(0),
        )
        .with_context(|| format!("the tenant `{tenant}` has no placement"))?;
    text.parse().map_err(|e: String| anyhow::anyhow!("its placement `{text}`: {e}"))
}

/// Where a member's orders lie.
#[must_use]
pub const fn home(placement: Placement, member_id: i64) -> Place {
    placement.cell(HashVersion::V1.hash(member_id))
}

/// What members are copied from.
pub struct Original<'a> {
    /// Who registered, with a filled cart.
    pub shopper: &'a Shopper,
    /// The checkout that has begun.
    pub checkout_id: i64,
    /// What is in the cart.
    pub pair: &'a Pair,
    /// Just before registering.
    pub since: Timestamp,
}

/// Writes `count` members with filled carts.
///
/// # Errors
/// When the files cannot be written, or a copy is not complete.
pub fn members(
    databases: &Databases,
    placement: Placement,
    original: &Original<'_>,
    pairs: &[Pair],
    count: u64,
    progress: &Progress,
) -> Result<Vec<Cart>> {
    let Original { shopper, checkout_id, pair, since } = original;
    let number = Subject::Number;
    let mut sample = Sample {
        subjects: vec![
            number(shopper.member_id),
            Subject::Text(token_hash(&shopper.token)),
            Subject::Text(shopper.login.clone()),
            number(shopper.address_id),
            number(*checkout_id),
            number(pair.skus[0]),
            number(pair.skus[1]),
        ],
        looked_for: SKUS,
        since: *since,
        at: *since,
        place: Place::ZERO,
    };
    let step = progress.step(format!("writing {count} members with filled carts"), count);
    let mut opened = Vec::new();
    for (name, at_least) in [("member", 3), ("cart", 1)] {
        let copier = Copier::new(sample.rows(&databases.look(name)?, &["outbox", "idempotency"])?);
        if copier.len() < at_least {
            bail!("{name}: only {} rows are about the member", copier.len());
        }
        opened.push((databases.writer(name)?, copier));
    }
    let (mut ids, mut carts) = (FreshIds::days_before(*since, 400), Vec::new());
    for i in 0..count {
        let (cart, subjects) =
            copy(&mut ids, placement, pairs, i, sample.subjects.len() - FURTHER)?;
        let fill = Fill { subjects: &subjects, at: *since, place: Place::ZERO };
        for (writer, copier) in &mut opened {
            writer.write(copier, &fill)?;
        }
        carts.push(cart);
        step.at(i);
    }
    for (writer, _) in opened {
        writer.finish()?;
    }
    Ok(carts)
}

/// The `i`th copy.
fn copy(
    ids: &mut FreshIds,
    placement: Placement,
    pairs: &[Pair],
    i: u64,
    further: usize,
) -> Result<(Cart, Vec<Subject>)> {
    let pair = usize::try_from(i)? % pairs.len();
    let member_id = ids.next(Place::ZERO)?;
    let address_id = ids.next(Place::ZERO)?;
    let checkout_id = ids.next(home(placement, member_id))?;
    let token = token_of(i);
    let mut subjects = vec![Subject::Number(0); FURTHER];
    subjects[MEMBER] = Subject::Number(member_id);
    subjects[SESSION] = Subject::Text(token_hash(&token));
    subjects[LOGIN] = Subject::Text(format!("bench-{i}@example.test"));
    subjects[ADDRESS] = Subject::Number(address_id);
    subjects[CHECKOUT] = Subject::Number(checkout_id);
    subjects[SKUS] = Subject::Number(pairs[pair].skus[0]);
    subjects[SKUS + 1] = Subject::Number(pairs[pair].skus[1]);
    for _ in 0..further {
        subjects.push(Subject::Number(ids.next(Place::ZERO)?));
    }
    let cart = Cart { bearer: bearer(&token)?, member_id, address_id, pair, checkout_id };
    Ok((cart, subjects))
}

/// A session's token: the shape of a real one, and no secret.
fn token_of(i: u64) -> String {
    format!("sm_{i:0>43}")
}

/// What the server keeps of a token.
fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The pairs that can be sold: some of the demo's goods were never on a shelf.
///
/// # Errors
/// When there are none.
pub fn in_stock(databases: &Databases, tenant: &str, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
    let conn = databases.look("inventory")?;
    let mut find = conn.prepare("SELECT 1 FROM stock WHERE tenant = ?1 AND sku_id = ?2")?;
    let mut sold = Vec::new();
    for pair in pairs {
        let [a, b] = pair.skus;
        if find.exists(rusqlite::params![tenant, a])?
            && find.exists(rusqlite::params![tenant, b])?
        {
            sold.push(pair);
        }
    }
    ensure!(!sold.is_empty(), "the tenant `{tenant}` has no stock");
    Ok(sold)
}

/// Fills the shelves, so that nothing is sold out during the run.
///
/// # Errors
/// When the tenant has no stock rows.
pub fn stock(databases: &Databases, tenant: &str) -> Result<()> {
    let tenant_text = literal(tenant);
    let sql = format!("UPDATE {{table}} SET available = {STOCK} WHERE tenant = {tenant_text}");
    ensure!(databases.exec("inventory", "stock", &sql)? > 0, "the tenant `{tenant}` has no stock");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_shape_that_servers_recognise() {
        assert_eq!(token_of(7).len(), 3 + 43);
        assert_ne!(token_hash(&token_of(7)), token_hash(&token_of(70)));
        assert_eq!(token_hash("").len(), 64);
    }

    #[test]
    fn a_copy_s_checkout_lies_where_its_member_s_orders_do() {
        let placement = Placement::new(4, 8, 4, 0).unwrap();
        let now = Timestamp::from_millis(1_790_000_000_000);
        let pair = Pair { skus: [1, 2], total: serde_json::Value::Null };
        let mut ids = FreshIds::days_before(now, 400);
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..200 {
            let (cart, subjects) =
                copy(&mut ids, placement, std::slice::from_ref(&pair), i, 2).unwrap();
            let checkout = Id::from_i64(cart.checkout_id).unwrap();
            assert_eq!(checkout.place(), home(placement, cart.member_id));
            assert!(placement.contains(checkout.place()));
            assert_eq!(subjects.len(), FURTHER + 2);
            seen.insert(cart.checkout_id);
            seen.insert(cart.member_id);
        }
        assert_eq!(seen.len(), 400, "no id twice");
    }
}
