//! `If-Match` with the version of a thing: a stale one is refused with 412.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::HeaderMap;
use http::header::IF_MATCH;
use http::request::Parts;
use kit::ErrorCode;

use crate::problem::Problem;

/// The version that the caller has seen. Take `Option<IfMatch>` where it may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version, as long as the thing exists.
    Any,
    /// `"5"`: this version.
    Version(i64),
}

impl IfMatch {
    /// The version, where one was named.
    #[must_use]
    pub const fn version(self) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::Version(version) => Some(version),
        }
    }

    /// Refuses a stale version.
    ///
    /// # Errors
    /// 412 when the current version is another one.
    pub fn check(self, current: i64) -> Result<(), Problem> {
        match self {
            Self::Version(seen) if seen != current => Err(Problem::new(
                ErrorCode::PreconditionFailed,
                format!("the current version is {current}; read it again"),
            )),
            Self::Any | Self::Version(_) => Ok(()),
        }
    }
}

fn read(headers: &HeaderMap) -> Result<Option<IfMatch>, Problem> {
    let mut values = headers.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if values.next().is_none() {
        if text == "*" {
            return Ok(Some(IfMatch::Any));
        }
        let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        if let Some(version) = inner.and_then(|t| t.parse().ok()) {
            return Ok(Some(IfMatch::Version(version)));
        }
    }
    Err(Problem::invalid(
        "If-Match",
        "If-Match must be one ETag as it was answered, like \"5\", or *",
    ))
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.headers)?.ok_or_else(|| {
            Problem::invalid(
                "If-Match",
                "send the header If-Match with the ETag of the version you have seen",
            )
        })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(values: &[&'static str]) -> Result<Option<IfMatch>, Problem> {
        let mut headers = HeaderMap::new();
        for v in values {
            headers.append(IF_MATCH, HeaderValue::from_static(v));
        }
        read(&headers)
    }

    #[test]
    fn only_one_strong_tag_of_ours_is_taken() {
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&["*"]).unwrap(), Some(IfMatch::Any));
        assert_eq!(of(&["\"5\""]).unwrap(), Some(IfMatch::Version(5)));
        for bad in
            [&["5"][..], &["W/\"5\""], &["\"a\""], &["\"5\", \"6\""], &["\"5\"", "\"5\""], &[""]]
        {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_stale_version_is_412() {
        assert_eq!(IfMatch::Version(4).check(5).unwrap_err().status(), 412);
        assert!(IfMatch::Version(5).check(5).is_ok() && IfMatch::Any.check(5).is_ok());
    }
}
