//! Extractors whose refusals are problem documents that name the place of the mistake.

mod body;
mod params;
mod version;

use axum::extract::FromRequestParts;
use http::request::Parts;
use rpc::{Ctx, Fault};

pub(crate) use body::read_body;
pub use body::{Json, RawBody};
pub use params::{Paging, Path, Query};
pub use version::IfMatch;

use crate::problem::Problem;

/// The context that the bus made for this request.
#[derive(Debug, Clone)]
pub struct ReqCtx(pub Ctx);

impl<S: Sync> FromRequestParts<S> for ReqCtx {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Ctx>().cloned().map(Self).ok_or_else(no_context)
    }
}

/// A route is served without the bus in front of it: a mistake in the wiring.
pub(crate) fn no_context() -> Problem {
    Problem::from(Fault::bug("the request has no Ctx: no bus is in front of this route"))
}
