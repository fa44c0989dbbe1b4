//! Request bodies: JSON with a pointer to the mistake, or raw bytes. Both within the route's limit.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::LengthLimitError;
use kit::ErrorCode;
use rpc::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::problem::Problem;

/// A JSON body, in a request or an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                ErrorCode::UnsupportedMediaType,
                "send the body as application/json",
            )
            .at("Content-Type"));
        }
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let mut response = Response::new(Body::from(bytes));
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(e) => Problem::from(Fault::internal(e)).into_response(),
        }
    }
}

/// The body as it came, within the route's limit: for signatures over bytes.
#[derive(Debug, Clone, Default)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|refused| {
            match refused.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => unreadable(),
            }
        })
    }
}

/// Reads a whole body of at most `max` bytes.
pub(crate) async fn read_body(body: Body, max: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, max).await.map_err(|e| {
        let limited = std::error::Error::source(&e).is_some_and(|s| s.is::<LengthLimitError>());
        if limited { too_large() } else { unreadable() }
    })
}

fn too_large() -> Problem {
    Problem::new(ErrorCode::TooLarge, "the body is larger than this address takes")
}

fn unreadable() -> Problem {
    Problem::new(ErrorCode::Invalid, "the body could not be read to its end")
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let Some((kind, sub)) = essence.split_once('/') else { return false };
    kind.eq_ignore_ascii_case("application")
        && (sub.eq_ignore_ascii_case("json") || sub.to_ascii_lowercase().ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::invalid("", "a JSON body is expected"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let path = pointer(e.path());
        let inner = e.into_inner();
        if !inner.is_data() {
            return Problem::invalid("", format!("the body is not JSON: {inner}"));
        }
        let said = without_position(&inner.to_string());
        match said.strip_prefix("missing field `").and_then(|r| r.strip_suffix('`')) {
            Some(field) => Problem::invalid(format!("{path}/{}", escaped(field)), said.as_str()),
            None => Problem::invalid(path, said),
        }
    })?;
    reader
        .end()
        .map_err(|e| Problem::invalid("", format!("the body goes on after its JSON value: {e}")))?;
    Ok(value)
}

/// As a JSON Pointer.
fn pointer(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            Segment::Map { key } => text.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { variant } => text.push_str(&format!("/{}", escaped(variant))),
            Segment::Unknown => {}
        }
    }
    text
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The pointer says where it is; line and column of a minified body say nothing.
fn without_position(said: &str) -> String {
    match said.rfind(" at line ") {
        Some(cut) => said[..cut].to_owned(),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "lines")]
        _lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        #[serde(rename = "quantity")]
        _quantity: u32,
    }

    fn refused(body: &str) -> (String, String) {
        let e = parse::<Form>(body.as_bytes()).unwrap_err().body().errors[0].clone();
        (e.pointer, e.detail)
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let (at, detail) = refused(r#"{"lines":[{"quantity":1},{"quantity":-1}]}"#);
        assert_eq!(at, "/lines/1/quantity");
        assert!(detail.contains("expected u32") && !detail.contains("line "), "{detail}");
        assert_eq!(refused(r#"{"lines":[{}]}"#).0, "/lines/0/quantity");
        assert_eq!(refused(r#"{"lines":[],"a/b":1}"#).0, "/a~1b");
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        assert!(refused("").1.contains("expected"));
        assert!(refused("{").1.contains("not JSON"));
        assert!(refused("\u{feff}{}").1.contains("not JSON"));
        assert!(refused(r#"{"lines":[]} x"#).1.contains("goes on"));
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse::<serde_json::Value>(deep.as_bytes()).is_err());
    }

    #[test]
    fn only_json_types_are_json() {
        let typed = |t: &'static str| {
            is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(t))]))
        };
        assert!(typed("application/json") && typed("Application/JSON; charset=utf-8"));
        assert!(typed("application/merge-patch+json"));
        assert!(!typed("text/json") && !typed("application/jsonx") && !typed("json"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
