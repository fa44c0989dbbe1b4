//! Parameters of the path and the query, and the two that every list takes.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use http::request::Parts;
use kit::page::CURSOR_BYTES_MAX;
use kit::{Cursor, Limit};
use rpc::Fault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::problem::Problem;

/// Parameters of the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(e)) => Err(refused(e.into_kind())),
            Err(e) => Err(Fault::internal(e).into()),
        }
    }
}

/// The caller's mistakes are 400; a handler that does not fit its own route is ours.
fn refused(kind: ErrorKind) -> Problem {
    match kind {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            let detail = format!("{key} in the path must be a {expected_type}");
            Problem::invalid(key, detail)
        }
        ErrorKind::InvalidUtf8InPathParam { key } => {
            let detail = format!("{key} in the path is not UTF-8");
            Problem::invalid(key, detail)
        }
        ErrorKind::DeserializeError { key, message, .. } => {
            let detail = format!("{key} in the path: {message}");
            Problem::invalid(key, detail)
        }
        ErrorKind::ParseError { expected_type, .. } => {
            Problem::invalid("path", format!("the path's parameter must be a {expected_type}"))
        }
        ErrorKind::ParseErrorAtIndex { index, expected_type, .. } => Problem::invalid(
            "path",
            format!("parameter {} of the path must be a {expected_type}", index.saturating_add(1)),
        ),
        ErrorKind::Message(message) => Problem::invalid("path", message),
        kind => Fault::bug(format!("a handler does not fit its route: {kind}")).into(),
    }
}

/// Parameters of the query.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|e| {
        let said = e.inner().to_string();
        let name = match said.strip_prefix("missing field `").and_then(|r| r.strip_suffix('`')) {
            Some(field) => field.to_owned(),
            None => e.path().to_string(),
        };
        let name = if name == "." { "query".to_owned() } else { name };
        let detail = format!("{name}: {said}");
        Problem::invalid(name, detail)
    })
}

/// Where a list begins and how much of it is wanted: `limit` 1 to 100 (20 unless told) and the opaque
/// `cursor` of the page before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paging {
    /// How many items.
    pub limit: Limit,
    /// Where to begin; the beginning when absent.
    pub cursor: Option<Cursor>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PagingQuery {
    /// How many items the page may have.
    #[param(minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; opaque.
    #[param(max_length = 1024, required = false)]
    cursor: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::from_query(parts.uri.query().unwrap_or_default())
    }
}

impl Paging {
    fn from_query(query: &str) -> Result<Self, Problem> {
        let raw: PagingQuery = parse(query)?;
        let limit = match raw.limit {
            Some(n) => Limit::new(n).map_err(|e| Problem::invalid("limit", e.to_string()))?,
            None => Limit::default(),
        };
        if raw.cursor.as_ref().is_some_and(|c| c.is_empty() || c.len() > CURSOR_BYTES_MAX) {
            return Err(bad_cursor());
        }
        Ok(Self { limit, cursor: raw.cursor.map(Cursor::from) })
    }

    /// The key inside the cursor.
    ///
    /// # Errors
    /// 400 when the cursor is not one that this list handed out.
    pub fn key<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        self.cursor.as_ref().map(|c| c.decode().map_err(|_| bad_cursor())).transpose()
    }
}

fn bad_cursor() -> Problem {
    Problem::invalid("cursor", "the cursor is not one that this list handed out")
}

impl IntoParams for Paging {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        PagingQuery::into_params(parameter_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded_and_its_parameters_are_named_in_refusals() {
        assert_eq!(Paging::from_query("").unwrap().limit.get(), 20);
        assert_eq!(Paging::from_query("limit=100&colour=red").unwrap().limit.get(), 100);
        let key = Cursor::encode(&5_i64);
        let page = Paging::from_query(&format!("cursor={}", key.as_str())).unwrap();
        assert_eq!(page.key::<i64>().unwrap(), Some(5));
        assert!(page.key::<String>().is_err());
        for (bad, at) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=many", "limit"),
            ("limit=", "limit"),
            ("limit=-1", "limit"),
            ("cursor=", "cursor"),
        ] {
            let problem = Paging::from_query(bad).unwrap_err();
            assert_eq!(problem.body().errors[0].pointer, at, "{bad}");
            assert_eq!(problem.status(), 400);
        }
    }

    #[test]
    fn a_missing_or_bad_query_parameter_is_named() {
        #[derive(Debug, Deserialize)]
        struct Filter {
            #[serde(rename = "from")]
            _from: u32,
        }
        for bad in ["", "from=x", "from=%ff"] {
            assert_eq!(parse::<Filter>(bad).unwrap_err().body().errors[0].pointer, "from", "{bad}");
        }
    }
}
