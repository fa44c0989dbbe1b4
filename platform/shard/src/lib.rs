//! Databases for the services: which place a row lives at, how a statement gets there, and that a
//! change is durable before anyone is told of it.
//!
//! A service asks [`Shards`] for its [`Database`] once and then runs transactions and reads on it. A
//! route says where: a sharded database refuses work without one. Every difference between engines
//! stays inside this crate; it knows no word of the shop.

mod body;
pub mod database;
pub mod dialect;
pub mod error;
pub mod fence;
mod find;
pub mod moving;
pub mod options;
mod padded;
pub mod row;
pub mod schema;
mod server;
pub mod servers;
pub mod shards;
mod sqlite;
pub mod tx;
pub mod worker;
mod write;

pub use kit::placement;
pub use kit::placement::{
    HashVersion, Placement, PlacementError, PlacementState, PlacementVersion, Placements,
};

pub use database::{Database, Route};
pub use dialect::Engine;
pub use error::DbError;
pub use options::Options;
pub use padded::padded;
pub use row::Row;
pub use schema::{Migration, MigrationSet, Pending, Schema};
pub use server::snapshot::ServerSnapshot;
pub use servers::{
    Backend, CONNECTIONS_MAX, Directory, NodeStanding, Server, ServerStanding, Servers, Splitting,
    Takeover,
};
pub use shards::Shards;
pub use sqlite::backup;
pub use tx::{Statement, Tx};
pub use worker::Ids;
