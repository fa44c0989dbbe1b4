//! For tests and the demo: throwaway data folders and databases on servers, contexts, seeded sources, waiting for a condition.
//!
//! Its helpers stop the test with a message when something is wrong; production code must not use them.
//! It sits below everything that is tested, so it knows the data layer and nothing above it.
#![expect(clippy::panic, reason = "a test helper fails the test that uses it")]

mod ctx;
mod server;
mod shards;
mod slots;
mod wait;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use kit::{SeededEntropy, SharedEntropy, TestClock, Timestamp};
use tokio::net::TcpListener;

pub use ctx::{anonymous_ctx, operator_ctx, tenant, test_ctx, user_ctx};
pub use shards::TempShards;
pub use slots::server_url;
pub use wait::{PATIENCE, eventually, eventually_some};

/// Where test clocks begin: 2025-06-01T00:00:00Z, inside the range of ids.
pub const BEGIN: Timestamp = Timestamp::from_millis(1_748_736_000_000);

/// A clock that stands at [`BEGIN`] until the test moves it.
#[must_use]
pub fn test_clock() -> Arc<TestClock> {
    TestClock::at(BEGIN)
}

/// Random bytes that are the same in every run.
#[must_use]
pub fn seeded_entropy(seed: u64) -> SharedEntropy {
    SeededEntropy::new(seed)
}

/// A listener on a free port of this machine, and its address.
pub async fn free_listener() -> (TcpListener, SocketAddr) {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = bound.unwrap_or_else(|e| panic!("no free port: {e}"));
    let address = listener.local_addr().unwrap_or_else(|e| panic!("no address: {e}"));
    (listener, address)
}
