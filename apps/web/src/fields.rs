//! The fields of a form or of a query. A form is refused unless it brings the visitor's own token.

use std::fmt;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kit::{ErrorCode, Secret};
use rpc::Fault;
use ui::layout::CSRF_FIELD;

use crate::{Failure, FormToken};

/// The largest form, in bytes: a flow document of the largest size, with every byte encoded as three.
pub const FORM_BYTES_MAX: usize = 256 << 10;
/// The most fields.
const FIELDS_MAX: usize = 1_000;

/// Names with values. Values may be passwords and card numbers, so `Debug` shows none.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({})", self.0.len())
    }
}

impl Fields {
    /// Reads `a=1&b=2`.
    #[must_use]
    pub fn parse(encoded: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(encoded).take(FIELDS_MAX);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Fields that were read in another way, such as from a form with files.
    #[must_use]
    pub const fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The value as it was sent; empty when there is none.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// The value without blanks around it.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|t| !t.is_empty())
    }

    /// A value that must not be printed.
    #[must_use]
    pub fn secret(&self, name: &str) -> Secret<String> {
        Secret::new(self.raw(name).to_owned())
    }

    /// All values of a name, as of checkboxes; blanks around them are cut off.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.trim())
    }

    /// All names with their values, as they were sent.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A value that our own forms fill in, such as an id.
    ///
    /// # Errors
    /// When it is not there or not of the type.
    pub fn required<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Failure> {
        self.text(name).parse().map_err(|_| Fault::invalid(name, "not what the form holds").into())
    }
}

/// A form that was sent from one of our pages to this visitor: its hidden token equals the one in the
/// visitor's cookie ([`FormToken`], which the frame puts into the request).
#[derive(Debug)]
pub struct Form(pub Fields);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let token = parts.extensions.get::<FormToken>().cloned();
        let token = token.ok_or_else(|| Fault::bug("a form is read outside the frame"))?;
        check_type(&parts.headers)?;
        let fields = Fields::parse(&read(body).await?);
        if !token.is_sent_by(fields.raw(CSRF_FIELD)) {
            return Err(Failure::Csrf);
        }
        Ok(Self(fields))
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Failure> {
    let kind = headers.get(CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::UnsupportedMediaType, "this is not a form").into())
}

async fn read(body: Body) -> Result<Vec<u8>, Failure> {
    match Limited::new(body, FORM_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(e) if e.is::<LengthLimitError>() => {
            Err(Fault::new(ErrorCode::TooLarge, "this form is too large").into())
        }
        Err(_) => Err(Failure::bad_request("the form did not arrive whole")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_never_printed() {
        let fields = Fields::parse(b"a=%20x%20&b=%E7%8E%AB&password=hunter2&a=2&empty=");
        assert_eq!((fields.raw("a"), fields.text("a"), fields.text("b")), (" x ", "x", "玫"));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["x", "2"]);
        assert_eq!((fields.get("empty"), fields.get("none")), (None, None));
        assert!(!format!("{fields:?}").contains("hunter2"));
        assert!(fields.required::<i64>("b").is_err());
    }
}
