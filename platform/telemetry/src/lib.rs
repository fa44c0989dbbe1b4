//! Logs, metrics and health.
//!
//! Set up once by the binary; everybody else only uses `tracing` and `metrics`. It must not know what is
//! logged or measured, and it never sees a secret: those hide themselves (`kit::Secret`).

pub mod health;
pub mod logs;
pub mod metrics;

pub use health::{Health, health_router};
pub use metrics::{Metrics, metrics_router};
