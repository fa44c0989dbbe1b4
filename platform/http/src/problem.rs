//! Problem documents (RFC 9457): the one shape of every error answer. The public text and the internal
//! cause part here: the cause goes to the log, once, with the request's id; it is never sent.

use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kit::ErrorCode;
use rpc::{Fault, ServiceError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What the `type` of every problem begins with; the code follows.
pub const TYPE_BASE: &str = "https://stoa.dev/problems/";

/// The code of the refusal of a request whose twin is still being worked on. Anything that ends with it
/// may be tried again soon.
pub const IN_FLIGHT: &str = "in_flight";

/// Seconds after which a busy part may be asked again.
const RETRY_AFTER_S: u32 = 1;

/// What is wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemField {
    /// JSON Pointer into the body (RFC 6901), or the name of a parameter or header.
    pub pointer: String,
    /// What is wrong, for a person.
    pub detail: String,
}

/// An error answer as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub kind: String,
    /// The kind in words; always the same for the same status.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// A stable name for programs.
    pub code: String,
    /// What happened, for a person.
    pub detail: String,
    /// Names the request in the server's logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What is wrong field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// Whether the same request may succeed later without being changed.
    pub retryable: bool,
}

/// An error answer on its way: the document, and what only the log may see.
#[derive(Clone)]
pub struct Problem(Box<Inner>);

#[derive(Clone)]
struct Inner {
    body: ProblemBody,
    retry_after_s: Option<u32>,
    cause: String,
}

impl Problem {
    /// A problem with the code's own slug.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::build(
            code.http_status(),
            title(code),
            code.slug(),
            detail.into(),
            code.is_retryable(),
        )
    }

    /// Bad input in one place: a JSON Pointer, or the name of a parameter or header.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, detail).at(pointer)
    }

    /// The problem that a service's error is at the edge.
    pub fn from_error(error: impl ServiceError) -> Self {
        let fault = error.into_fault();
        let mut problem = Self::new(fault.code, fault.message.as_str()).with_code(fault.slug());
        problem.0.cause = fault.chain();
        problem.0.body.errors = fault
            .fields
            .into_iter()
            .map(|f| ProblemField { pointer: f.pointer, detail: f.detail })
            .collect();
        problem
    }

    /// A problem for a bare status, as the HTTP library answers it.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => (ErrorCode::NotFound, "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => {
                (ErrorCode::MethodNotAllowed, "this address does not take this method")
            }
            StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::TooLarge, "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                (ErrorCode::UnsupportedMediaType, "the body's type is not understood")
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                (ErrorCode::Unavailable, "not available right now, try again")
            }
            _ if status.is_server_error() => {
                (ErrorCode::Internal, "something went wrong on our side")
            }
            _ => (ErrorCode::Invalid, "the request is not understood"),
        };
        let mut problem = Self::new(code, detail);
        problem.0.body.status = status.as_u16();
        problem
    }

    /// Says where in the input it is.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        let detail = self.0.body.detail.clone();
        self.0.body.errors.push(ProblemField { pointer: pointer.into(), detail });
        self
    }

    /// Gives it a finer code.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        if code.ends_with(IN_FLIGHT) {
            self.0.body.retryable = true;
            self.0.retry_after_s = Some(RETRY_AFTER_S);
        }
        self.0.body.kind = format!("{TYPE_BASE}{code}");
        self.0.body.code = code.to_owned();
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Adds the internal cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = cause.to_string();
        self
    }

    /// The document.
    #[must_use]
    pub fn body(&self) -> &ProblemBody {
        &self.0.body
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn build(status: u16, title: &str, code: &str, detail: String, retryable: bool) -> Self {
        let retry_after_s = matches!(status, 429 | 503).then_some(RETRY_AFTER_S);
        let body = ProblemBody {
            kind: format!("{TYPE_BASE}{code}"),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail,
            request_id: None,
            errors: Vec::new(),
            retryable,
        };
        Self(Box::new(Inner { body, retry_after_s, cause: String::new() }))
    }

    fn json(&self) -> Vec<u8> {
        // plain strings, numbers and lists: writing them as JSON cannot fail
        serde_json::to_vec(&self.0.body).unwrap_or_default()
    }

    fn log(&self, request_id: &str) {
        let (body, cause) = (&self.0.body, self.0.cause.as_str());
        if body.status == 500 {
            tracing::error!(
                request_id,
                code = body.code,
                error = cause,
                "a request failed on our side"
            );
        } else if !cause.is_empty() {
            tracing::warn!(
                request_id,
                code = body.code,
                status = body.status,
                error = cause,
                "a request was refused"
            );
        }
    }
}

/// A title per code; the exhaustive match keeps it complete.
const fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Invalid => "Invalid request",
        ErrorCode::Unauthenticated => "Not signed in",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::NotFound => "Not found",
        ErrorCode::MethodNotAllowed => "Method not allowed",
        ErrorCode::Conflict => "Conflict",
        ErrorCode::PreconditionFailed => "Stale version",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::UnsupportedMediaType => "Unsupported media type",
        ErrorCode::Misdirected => "Unknown host",
        ErrorCode::Unprocessable => "Not processable",
        ErrorCode::TooManyRequests => "Too many requests",
        ErrorCode::Internal => "Internal error",
        ErrorCode::Unavailable => "Not available",
        ErrorCode::DeadlineExceeded => "Out of time",
    }
}

impl<E: ServiceError> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::from_error(error)
    }
}

impl From<Problem> for ProblemBody {
    fn from(problem: Problem) -> Self {
        problem.0.body
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.body, f)
    }
}

impl IntoResponse for Problem {
    /// The document without a request id; [`seal`] adds it at the edge.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.body.status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Finishes an answer at the edge: an error answer becomes a problem document that names the request, and
/// its cause is logged. Answers that are no errors, and pages that have their own error text, pass through.
#[must_use]
pub fn seal(response: Response, request_id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, old_body) = response.into_parts();
    let problem = parts.extensions.remove::<Problem>();
    let has_own_text = parts.headers.get(CONTENT_TYPE).is_some_and(|t| !is_plain(t));
    let mut problem = match problem {
        Some(problem) => problem,
        None if has_own_text => return Response::from_parts(parts, old_body),
        None => {
            let problem = Problem::from_status(status);
            let (fresh, _) = problem.clone().into_response().into_parts();
            for (name, value) in &fresh.headers {
                parts.headers.insert(name, value.clone());
            }
            problem
        }
    };
    problem.log(request_id);
    problem.0.body.request_id = Some(request_id.to_owned());
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(problem.json()))
}

/// The HTTP library's own error texts are plain.
fn is_plain(content_type: &HeaderValue) -> bool {
    content_type.as_bytes().starts_with(b"text/plain")
}

/// For a router's fallback: nothing is at this address.
pub async fn not_found() -> Problem {
    Problem::from_status(StatusCode::NOT_FOUND)
}

/// Turns a fault into a result's error, where a closure needs the type.
pub fn fault(fault: Fault) -> Problem {
    Problem::from_error(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn document(response: Response) -> ProblemBody {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_faults_cause_never_reaches_the_body() {
        let response = seal(Problem::from(Fault::bug("table is gone")).into_response(), "r1");
        assert_eq!(response.status(), 500);
        let body = document(response).await;
        assert_eq!((body.code.as_str(), body.request_id.as_deref()), ("internal", Some("r1")));
        assert!(!format!("{body:?}").contains("table"));
    }

    #[tokio::test]
    async fn a_busy_answer_says_when_to_try_again() {
        for (fault, status) in [
            (Fault::new(ErrorCode::TooManyRequests, "slow down"), 429),
            (Fault::new(ErrorCode::Unavailable, "later"), 503),
            (Fault::new(ErrorCode::Conflict, "twin").with_slug("idempotency_in_flight"), 409),
        ] {
            let response = seal(Problem::from(fault).into_response(), "r1");
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[RETRY_AFTER], "1");
            assert!(document(response).await.retryable);
        }
        let sold_out = Problem::from(Fault::new(ErrorCode::Conflict, "sold out")).into_response();
        assert!(!sold_out.headers().contains_key(RETRY_AFTER));
    }

    #[tokio::test]
    async fn a_bare_status_becomes_a_document_and_keeps_its_headers() {
        let bare = (StatusCode::METHOD_NOT_ALLOWED, [("allow", "GET")]).into_response();
        let sealed = seal(bare, "r1");
        assert_eq!(sealed.headers()["allow"], "GET");
        assert_eq!(sealed.headers()[CONTENT_TYPE], PROBLEM_JSON);
        let body = document(sealed).await;
        assert_eq!((body.status, body.code.as_str()), (405, "method_not_allowed"));
    }

    #[tokio::test]
    async fn an_html_error_page_and_a_success_pass_untouched() {
        let page = (StatusCode::NOT_FOUND, axum::response::Html("<p>gone")).into_response();
        let bytes = axum::body::to_bytes(seal(page, "r1").into_body(), 100).await.unwrap();
        assert_eq!(&bytes[..], b"<p>gone");
        assert_eq!(seal("fine".into_response(), "r1").status(), 200);
    }
}
