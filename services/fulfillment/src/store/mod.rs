//! All SQL of fulfillments, parcels and their tracking. Nothing else knows a column. Every table is
//! sharded: a transaction here is routed to the cell of the order.

mod lines;
mod shipments;

pub use lines::{
    FulfillmentRow, insert, insert_lines, lines, load, set_marks, ship_part, take_turn,
};
pub use shipments::{
    ShipmentRow, add_tracking, insert_shipment, load_shipment, mark_delivered, shipments, tracking,
};

use shard::{Migration, MigrationSet};

/// The logical tables that stand once per cell.
pub const CELL_TABLES: &[&str] =
    &["fulfillments", "fulfillment_lines", "shipments", "shipment_lines", "shipment_tracking"];

/// The schema of fulfillments.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "fulfillment",
    common: &[],
    cells: &[
        Migration {
            version: 1,
            name: "fulfillments",
            sql: include_str!("../../migrations/0001_fulfillments.sql"),
        },
        Migration {
            version: 2,
            name: "shipments",
            sql: include_str!("../../migrations/0002_shipments.sql"),
        },
        Migration {
            version: 3,
            name: "actors",
            sql: include_str!("../../migrations/0003_actors.sql"),
        },
    ],
};
