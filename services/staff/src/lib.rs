//! The service `staff`: who works for a tenant, what they may do, their sessions, and the credentials of
//! programs. It decides who a token belongs to; what a permission protects is decided elsewhere.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;
use std::time::Duration;

use auth::{LockoutRule, Passwords};
use kit::SharedEntropy;
use shard::{Database, Ids, Schema};
use staff_api::StaffClient;

pub use jobs::Sweep;

/// The logical database of staff.
pub const SCHEMA: Schema =
    Schema { database: "staff", sets: &[store::MIGRATIONS], cell_tables: &[] };

/// The knobs of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a session lasts from signing in; it is not prolonged.
    pub session: Duration,
    /// Sessions of one person at the same time; the oldest ends when there is one more.
    pub sessions_max: usize,
    /// People of one tenant.
    pub staff_max: u64,
    /// Credentials of one tenant that hold.
    pub credentials_max: u64,
    /// When a login is locked, and for how long.
    pub lockout: LockoutRule,
    /// How often what is over is removed.
    pub sweep_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            session: Duration::from_secs(12 * 3_600),
            sessions_max: 20,
            staff_max: 1_000,
            credentials_max: 100,
            lockout: LockoutRule::default(),
            sweep_every: Duration::from_secs(600),
        }
    }
}

/// What the service needs.
pub struct Deps {
    /// Its database, opened with [`SCHEMA`].
    pub db: Database,
    /// Where ids come from.
    pub ids: Ids,
    /// Where tokens come from.
    pub entropy: SharedEntropy,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: StaffClient,
    /// Its routes.
    pub api: http_kit::Api,
    /// Removes what is over; to be spawned.
    pub sweep: Sweep,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let Deps { db, ids, entropy, passwords } = deps;
    let sweep = Sweep::new(db.clone(), Arc::clone(&entropy), options);
    let clock = Arc::clone(db.clock());
    let service = Arc::new(service::Service { db, ids, entropy, passwords, options });
    let client = StaffClient::from_arc(service);
    Running { api: http::api(client.clone(), clock), client, sweep }
}
