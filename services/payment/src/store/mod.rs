//! All SQL of payments, refunds and the ledger, and of the simulated provider's book. Nothing else knows
//! a column. Payments are sharded: a transaction here is routed to the cell of the order.

mod ledger;
mod payments;
mod refunds;
pub mod test_card;

pub use ledger::{book, sums};
pub use payments::{
    Of, PaymentRow, add_refunded, claim_query, claim_refund, count_of_order, due, insert, load,
    lock_order, of_order, postpone_query, take_step,
};
pub use refunds::{
    RefundRow, count_refunds, insert_refund, load_refund, mark_done, refunds_of_order,
};

use kit::{Currency, Money};
use rpc::Fault;
use shard::{Migration, MigrationSet, Row};

/// The logical tables that stand once per cell.
pub const CELL_TABLES: &[&str] = &["payments", "refunds", "ledger"];

/// The schema of payments.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "payment",
    common: &[],
    cells: &[
        Migration {
            version: 1,
            name: "payments",
            sql: include_str!("../../migrations/0001_payments.sql"),
        },
        Migration {
            version: 2,
            name: "refunds",
            sql: include_str!("../../migrations/0002_refunds.sql"),
        },
        Migration {
            version: 3,
            name: "ledger",
            sql: include_str!("../../migrations/0003_ledger.sql"),
        },
        Migration {
            version: 4,
            name: "actors",
            sql: include_str!("../../migrations/0005_actors.sql"),
        },
    ],
};

fn currency(row: &Row) -> Result<Currency, Fault> {
    row.get::<String>("currency")?.parse().map_err(Fault::internal)
}

fn money(row: &Row, column: &str) -> Result<Money, Fault> {
    Money::new(row.get(column)?, currency(row)?).map_err(Fault::internal)
}
