//! The failure that any call can have, whatever the service: bad input, not allowed, not found, out of
//! time, our own fault. Its public text and its internal cause are two fields; only the first crosses
//! the wire to a client.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use kit::{ErrorCode, FieldError};
use serde::{Deserialize, Serialize};

/// A failure with a public face and an internal cause.
#[derive(Clone, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of failure it is.
    pub code: ErrorCode,
    /// A finer stable name for programs, such as `price_changed`; the code's own slug when empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    slug: Cow<'static, str>,
    /// A sentence that may be shown to whoever asked.
    pub message: String,
    /// What is wrong field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// Why it really happened; for the log, never sent.
    #[serde(skip)]
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Fault {
    /// A failure.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            slug: Cow::Borrowed(""),
            message: message.into(),
            fields: Vec::new(),
            cause: None,
        }
    }

    /// Bad input in one field. `pointer` is a JSON Pointer, or the parameter's name.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut f = Self::new(ErrorCode::Invalid, detail.clone());
        f.fields.push(FieldError::new(pointer, detail));
        f
    }

    /// Something does not exist, or not for this caller.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("{what} does not exist"))
    }

    /// Our own fault. The cause goes to the log, the public text says nothing of it.
    pub fn internal(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(ErrorCode::Internal, "something went wrong on our side").because(cause)
    }

    /// Our own fault, told in words.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::internal(Described(what.into()))
    }

    /// Adds the internal cause.
    #[must_use]
    pub fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// Gives it a finer name.
    #[must_use]
    pub fn with_slug(mut self, slug: impl Into<Cow<'static, str>>) -> Self {
        self.slug = slug.into();
        self
    }

    /// Says what is wrong field by field.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    /// The stable name for programs.
    #[must_use]
    pub fn slug(&self) -> &str {
        if self.slug.is_empty() { self.code.slug() } else { &self.slug }
    }

    /// The internal cause and its causes, one line, for the log.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = String::new();
        let mut next: Option<&(dyn StdError + 'static)> =
            self.cause.as_deref().map(|c| c as &(dyn StdError + 'static));
        while let Some(e) = next {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&e.to_string());
            next = e.source();
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.slug(), self.message)?;
        for field in &self.fields {
            write!(f, "; {}: {}", field.pointer, field.detail)?;
        }
        if self.cause.is_some() { write!(f, " (because: {})", self.chain()) } else { Ok(()) }
    }
}

impl PartialEq for Fault {
    /// Equal when a client could not tell them apart.
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.slug() == other.slug()
            && self.message == other.message
            && self.fields == other.fields
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|c| c as &(dyn StdError + 'static))
    }
}

#[derive(Debug)]
struct Described(String);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Described {}

/// What the error type of every service trait can do: be a [`Fault`], and become one for HTTP.
///
/// A service's own errors are variants with data, so that callers can match on them; over the wire the
/// same enum arrives (it is serde), and at the edge `into_fault` gives code, slug and public text.
pub trait ServiceError:
    StdError + From<Fault> + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static
{
    /// As a fault, for the edge.
    fn into_fault(self) -> Fault;

    /// What kind of failure it is.
    fn code(&self) -> ErrorCode;
}

impl ServiceError for Fault {
    fn into_fault(self) -> Fault {
        self
    }

    fn code(&self) -> ErrorCode {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_for_the_log_and_never_on_the_wire() {
        let f = Fault::bug("table is gone");
        assert!(!serde_json::to_string(&f).unwrap().contains("table"));
        assert!(!f.to_string().contains("table"));
        assert_eq!(f.chain(), "table is gone");
    }
}
