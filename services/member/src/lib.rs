//! The service `member`: registered shoppers of a tenant, their sessions and address books. It knows
//! nothing of what they buy.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;
use std::time::Duration;

use auth::{LockoutRule, Passwords};
use kit::SharedEntropy;
use member_api::MemberClient;
use shard::{Database, Ids, Schema};

pub use jobs::Sweep;

/// The logical database of members.
pub const SCHEMA: Schema =
    Schema { database: "member", sets: &[store::MIGRATIONS], cell_tables: &[] };

/// The knobs of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a session lasts from signing in; it is not prolonged.
    pub session: Duration,
    /// Sessions of one member at the same time; the oldest ends when there is one more.
    pub sessions_max: usize,
    /// When a login is locked, and for how long.
    pub lockout: LockoutRule,
    /// How often what is over is removed.
    pub sweep_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            session: Duration::from_secs(30 * 24 * 3_600),
            sessions_max: 20,
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
    pub client: MemberClient,
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
    let client = MemberClient::from_arc(service);
    Running { api: http::api(client.clone(), clock), client, sweep }
}
