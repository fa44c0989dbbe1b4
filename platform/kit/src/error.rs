//! The closed set of error codes and their one mapping to HTTP. A service's own errors carry a code of
//! this set and a slug of their own; nothing here knows what went wrong, only what kind of wrong it is.

use serde::{Deserialize, Serialize};

/// What kind of failure it is. Closed on purpose: introduce new variants thoughtfully.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed or breaks a rule that does not depend on state.
    Invalid,
    /// Nobody is signed in, or the credential does not hold here.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// The thing does not exist, or not for this caller.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The state refuses it: sold out, illegal move, in flight.
    Conflict,
    /// The caller's version is stale.
    PreconditionFailed,
    /// The body is over the limit.
    TooLarge,
    /// The body's type is not understood.
    UnsupportedMediaType,
    /// No tenant answers to this host.
    Misdirected,
    /// The same key came with another body.
    Unprocessable,
    /// A limit or quota is reached; try later.
    TooManyRequests,
    /// Our own fault.
    Internal,
    /// A part is not there right now; try again.
    Unavailable,
    /// The time the caller gave has run out; the outcome may be unknown.
    DeadlineExceeded,
}

impl ErrorCode {
    /// The HTTP status of this code.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Misdirected => 421,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// The slug used when a service has no finer one.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Misdirected => "unknown_host",
            Self::Unprocessable => "unprocessable",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
        }
    }

    /// Whether the same request may succeed later without being changed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::TooManyRequests | Self::Unavailable | Self::DeadlineExceeded)
    }
}

/// What is wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON Pointer into the body (RFC 6901), or the parameter's name.
    pub pointer: String,
    /// A sentence for a person.
    pub detail: String,
}

impl FieldError {
    /// A field error.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}
