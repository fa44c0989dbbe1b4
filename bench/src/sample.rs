//! The rows that one placed order left behind, and what becomes of them in copies. What the tables are
//! called and which columns tell the end of an order's life is known here and nowhere else in this crate.

use anyhow::{Context as _, Result, ensure};
use kit::{Place, Placement, Timestamp};
use rusqlite::types::Value;

use crate::databases::Databases;
use crate::rows::{Row, Sample, Subject};
use crate::shop::Pair;
use crate::stats::permille;

/// An order's subjects are its id, the member and two skus; from here on come further ids that were found.
pub const FURTHER: usize = 4;
/// What is cleared away when an order is old.
const PASSING: &[&str] = &["outbox", "idempotency"];
/// What the life of a stored order was after it was placed: operation, from, to.
const LIFE: [(&str, &str, &str); 4] = [
    ("pay", "PENDING_PAYMENT", "PAID"),
    ("ship", "PAID", "SHIPPED"),
    ("receive", "SHIPPED", "RECEIVED"),
    ("complete", "RECEIVED", "COMPLETED"),
];

/// The rows of one order.
#[derive(Debug, Clone)]
pub struct OrderSample {
    /// Rows in the order's own database.
    pub order: Vec<Row>,
    /// Rows in the inventory's.
    pub stock: Vec<Row>,
    /// Ids a copy needs besides order, member and skus.
    pub further: usize,
}

/// Which order it was.
pub struct Placed<'a> {
    /// Its id.
    pub order_id: i64,
    /// Whose.
    pub member_id: i64,
    /// What.
    pub pair: &'a Pair,
    /// Just before it was placed.
    pub since: Timestamp,
}

impl OrderSample {
    /// Reads them out of a store whose server has stopped.
    ///
    /// # Errors
    /// When rows are missing that every order has.
    pub fn read(databases: &Databases, placed: &Placed<'_>) -> Result<Self> {
        let place = kit::Id::from_i64(placed.order_id)?.place();
        let number = Subject::Number;
        let mut sample = Sample {
            subjects: vec![
                number(placed.order_id),
                number(placed.member_id),
                number(placed.pair.skus[0]),
                number(placed.pair.skus[1]),
            ],
            looked_for: 1,
            since: placed.since,
            at: placed.since,
            place,
        };
        // The ledger's change ids are found first, so that the order's rows may name them too.
        let stock = sample.rows(&databases.look("inventory")?, PASSING)?;
        let order = sample.rows(&databases.look(&order_database(place))?, &[])?;
        for (rows, stem) in [
            (&order, "orders"),
            (&order, "order_lines"),
            (&order, "order_history"),
            (&order, "outbox"),
            (&order, "idempotency"),
            (&stock, "reservations"),
            (&stock, "reservation_lines"),
            (&stock, "ledger"),
        ] {
            let found = rows.iter().any(|r: &Row| r.stem() == stem);
            ensure!(found, "the placed order left no row in `{stem}`");
        }
        Ok(Self { order, stock, further: sample.subjects.len() - FURTHER })
    }

    /// What stands in the report: tables with their rows per order.
    #[must_use]
    pub fn counts(&self) -> String {
        let mut counts = std::collections::BTreeMap::<&str, u32>::new();
        for row in self.order.iter().chain(&self.stock) {
            *counts.entry(row.stem()).or_default() += 1;
        }
        counts.iter().map(|(stem, n)| format!("{n} {stem}")).collect::<Vec<_>>().join(", ")
    }

    /// The rows of an order that lie in the stock's database, in thousandths of all its rows.
    #[must_use]
    pub fn stock_permille(&self) -> u64 {
        // Two stock rows are changed besides.
        let stock = self.stock.len() as u64 + 2;
        permille(stock, stock + self.order.len() as u64)
    }

    /// The rows of an order whose life is over: completed, its messages and answers cleared away.
    ///
    /// # Errors
    /// When a column has another name by now.
    pub fn completed_order(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for row in self.order.iter().filter(|r| !PASSING.contains(&r.stem())) {
            match row.stem() {
                "orders" => rows.push(completed(row.clone())?),
                "order_history" => {
                    rows.push(row.clone());
                    for ((operation, from, to), seq) in LIFE.into_iter().zip(2_i64..) {
                        rows.push(
                            row.clone()
                                .with("seq", seq)?
                                .with("operation", operation.to_owned())?
                                .with("from_status", from.to_owned())?
                                .with("to_status", to.to_owned())?
                                .with("request_id", operation.to_owned())?,
                        );
                    }
                }
                _ => rows.push(row.clone()),
            }
        }
        Ok(rows)
    }

    /// The rows that the reads of one's own orders may meet: a completed order, its lines, and the first
    /// step of its history. Of many million orders the rest would only fill the disk.
    ///
    /// # Errors
    /// When a column has another name by now.
    pub fn old_order(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for row in self.order.iter().filter(|r| !PASSING.contains(&r.stem())) {
            let row = row.clone();
            rows.push(if row.stem() == "orders" { completed(row)? } else { row });
        }
        Ok(rows)
    }

    /// The stock rows of such an order: sold. One more id is needed, for the sale's change.
    ///
    /// # Errors
    /// When a column has another name by now.
    pub fn completed_stock(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for row in &self.stock {
            match row.stem() {
                "reservations" => rows.push(row.clone().with("state", "sold".to_owned())?),
                "ledger" => {
                    rows.push(row.clone());
                    let Some(Value::Integer(units)) = row.fixed("reserved")?.cloned() else {
                        continue;
                    };
                    rows.push(
                        row.clone()
                            .with_subject("change_id", FURTHER + self.further)?
                            .with("kind", "sell".to_owned())?
                            .with("available", 0)?
                            .with("reserved", -units)?
                            .with("sold", units)?,
                    );
                }
                _ => rows.push(row.clone()),
            }
        }
        Ok(rows)
    }
}

fn completed(row: Row) -> Result<Row> {
    let total = row.fixed("total")?.cloned().context("the order's total is not a number")?;
    let version = i64::try_from(LIFE.len())? + 1;
    row.with("status", "COMPLETED".to_owned())?
        .with("awaits_payment", 0)?
        .with("holds_stock", 0)?
        .with("version", version)?
        .with("paid", total)
}

/// How many orders of a tenant lie in a store whose server has stopped.
///
/// # Errors
/// When a table cannot be read.
pub fn count_orders(databases: &Databases, placement: Placement, tenant: &str) -> Result<u64> {
    let count = |cell: Place| {
        databases.count(&order_database(cell), &format!("orders_{:02}", cell.table), tenant)
    };
    placement.cells().map(count).sum()
}

/// The logical database that holds a place's orders.
#[must_use]
pub fn order_database(place: Place) -> String {
    format!("order_{:02}", place.db)
}
