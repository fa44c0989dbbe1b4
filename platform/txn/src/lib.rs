//! Distributed transactions: several logical databases change together or not at all.
//!
//! - Whoever begins one calls [`Txn::run`]; the context that its body gets carries the transaction's id, and every
//!   service that is called with it takes part.
//! - A service takes part with a [`Resource`] over its database. [`Resource::at`] runs a branch of typed statements by
//!   primary key ([`Work`]), which is undone from images when the transaction is taken back. [`Resource::attempt`] runs
//!   the try of a [`Tcc`] branch, which the service itself confirms or cancels: for what many want at once.
//! - A coordinator ([`Tc`]) keeps what belongs to a transaction, decides, and sees to it that every branch hears of it,
//!   whoever dies.
//!
//! What is promised: all branches commit, or all are undone, or the transaction is parked with its locks and its undo
//! until somebody has looked at it. Rows of two transactions do not mix: a row is locked from before its change until
//! the decision. Between the change and the decision plain reads see what may be undone; [`Work::read`] does not.
//! Nothing is promised against writers that do not take part: what they change under a transaction is found when it is
//! undone, and not overwritten.
//!
//! This crate knows no table and no service by name, and it does not decide what belongs together.
//!
//! ```
//! use rpc::{Ctx, Fault};
//! use shard::Route;
//! use txn::{Attempt, Resource, Table, Tcc, Txn, Work, int, text};
//!
//! static SEATS: Table = Table::new("seats", &[text("tenant"), int("id")], &[int("guest"), int("price")]);
//! static PURSES: Table = Table::new("purses", &[text("tenant"), int("guest")], &[int("points")]);
//!
//! struct Meals;
//! #[rpc::async_trait]
//! impl Tcc for Meals {
//!     async fn confirm(&self, _tx: &shard::Tx, _attempt: &Attempt) -> Result<(), Fault> { Ok(()) }
//!     async fn cancel(&self, _tx: &shard::Tx, _attempt: &Attempt) -> Result<(), Fault> { Ok(()) }
//! }
//!
//! // once, at start: Resource::builder(db, coordinator).tables([&SEATS]).build()?,
//! // Resource::builder(db, coordinator).action("meal", Meals).build()?, and tc.join(name, resource.client())
//! async fn book(
//!     txn: &Txn, seats: &Resource, purses: &Resource, meals: &Resource, ctx: &Ctx, guest: i64,
//! ) -> Result<i64, Fault> {
//!     txn.run(ctx, |ctx| async move {
//!         meals.attempt(&ctx, Route::Whole, "meal", guest.to_string(), |_tx, _branch| async move {
//!             Ok::<_, Fault>(()) // set one meal aside, if there is one
//!         }).await?;
//!         let pay = Work::new().update(&PURSES, ("flora", guest), |row| row.add("points", -120).at_least("points", 0));
//!         purses.at(&ctx, Route::Whole, pay, |_tx, _rows| async move { Ok::<_, Fault>(()) }).await?;
//!         let seat = Work::new().update(&SEATS, ("flora", 7), |row| row.set("guest", guest).when("guest", None::<i64>));
//!         seats.at(&ctx, Route::Whole, seat, |_tx, rows| async move {
//!             Ok(rows.get(&SEATS, ("flora", 7), "price").and_then(txn::Value::as_int).unwrap_or_default())
//!         }).await
//!     }).await
//! }
//! ```

pub mod api;
pub mod coordinator;
mod faults;
mod images;
pub mod model;
pub mod resource;
mod store;
mod table;
pub mod transaction;
mod value;
mod work;

pub use api::{
    CoordinatorClient, LOCK_HOLDER_ENDING, LOCK_WAIT_TIMEOUT, NOT_ACTIVE, OUTCOME_UNKNOWN,
    ParticipantClient, ROLLED_BACK,
};
pub use coordinator::Tc;
pub use faults::Failpoints;
pub use model::{BranchId, Decision, Status};
pub use resource::{Attached, Attempt, Resource, Resources, Seen, Tcc};
pub use table::{Column, Table, blob, boolean, int, text};
pub use transaction::Txn;
pub use value::{ColumnType, IntoKey, Value};
pub use work::{Row, Work};
