//! Contexts for calls that tests make: with a tenant, an actor and enough time. They carry a fixed
//! trace; a test that looks at traces sets its own.

use std::time::Duration;

use kit::TenantCode;
use rpc::{Actor, Ctx, TraceId};

/// How long a call of a test may take; a slow machine needs more than a user would bear.
const WITHIN: Duration = Duration::from_secs(30);

/// A tenant code out of a literal.
#[must_use]
pub fn tenant(code: &str) -> TenantCode {
    code.parse().unwrap_or_else(|e| panic!("`{code}` is no tenant code: {e}"))
}

/// The platform itself acts for a tenant, for up to 30 s.
#[must_use]
pub fn test_ctx(code: &str) -> Ctx {
    Ctx::system(tenant(code), "test", WITHIN, TraceId::from_random(0x7e57, 0x7e57))
}

/// A signed-in end user of a tenant acts.
#[must_use]
pub fn user_ctx(code: &str, user_id: i64) -> Ctx {
    Ctx { actor: Actor::user(user_id), ..test_ctx(code) }
}

/// An operator of a tenant acts.
#[must_use]
pub fn operator_ctx(code: &str, operator_id: i64, permissions: &[&str]) -> Ctx {
    let permissions = permissions.iter().map(|p| (*p).to_owned()).collect();
    Ctx { actor: Actor::operator(operator_id, permissions), ..test_ctx(code) }
}

/// Nobody is signed in.
#[must_use]
pub fn anonymous_ctx(code: &str) -> Ctx {
    Ctx { actor: Actor::anonymous(), ..test_ctx(code) }
}
