//! Parts of good answers: created things, versions, replays, lists.

use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::header::{ETAG, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use kit::Page;
use rpc::Fault;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::Json;
use crate::problem::Problem;

/// The header that marks the answer to a repeated request.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 201 with the address and the form of what was created.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// Where it is: a path on this host.
    pub location: String,
    /// What it is.
    pub body: T,
}

impl<T> Created<T> {
    /// An answer about something new.
    pub fn at(location: impl Into<String>, body: T) -> Self {
        Self { location: location.into(), body }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let location = match HeaderValue::try_from(self.location) {
            Ok(location) => location,
            Err(e) => return Problem::from(Fault::internal(e)).into_response(),
        };
        let mut response = Json(self.body).into_response();
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::CREATED;
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

/// The version of what is answered, as an `ETag` header. Stands before the body:
/// `(ETag(thing.version), Json(thing))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ETag(pub i64);

impl IntoResponseParts for ETag {
    type Error = Problem;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Problem> {
        let value = HeaderValue::try_from(format!("\"{}\"", self.0)).map_err(Fault::internal)?;
        parts.headers_mut().insert(ETAG, value);
        Ok(parts)
    }
}

/// Marks the answer to a repeated request with `Idempotent-Replayed: true`; false marks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed(pub bool);

impl IntoResponseParts for Replayed {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if self.0 {
            parts.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(parts)
    }
}

/// One page of a list on the wire, with a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listing<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> From<Page<T>> for Listing<T> {
    fn from(page: Page<T>) -> Self {
        let next_cursor = page.next_cursor.map(|c| c.as_str().to_owned());
        Self { items: page.items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_thing_says_where_it_is_and_a_replay_says_so() {
        let r = (Replayed(true), ETag(1), Created::at("/v1/things/5", "x")).into_response();
        assert_eq!(r.status(), StatusCode::CREATED);
        assert_eq!(r.headers()[LOCATION], "/v1/things/5");
        assert_eq!(r.headers()[ETAG], "\"1\"");
        assert_eq!(r.headers()[IDEMPOTENT_REPLAYED], "true");
        let first = (Replayed(false), Json("x")).into_response();
        assert!(!first.headers().contains_key(IDEMPOTENT_REPLAYED));
        assert_eq!(Created::at("bad\nplace", "x").into_response().status(), 500);
    }
}
