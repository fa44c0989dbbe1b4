//! Every background task: its kind, what cancelling and failing mean for it.
//!
//! This is the only place that hands a future to the runtime. A task has a [`TaskKind`] that says how it
//! is called in logs and metrics, what happens to it when the process stops, and what happens when it
//! fails. It must not hold queues or timers of its own; those belong to the task's owner.

mod kind;
mod run;

pub use kind::{Backoff, OnCancel, OnError, TaskKind};
pub use run::{ShutdownReport, TaskHandle, Tasks};
