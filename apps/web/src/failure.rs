//! Why a request has no page of its own. The handler only says so; the frame around it renders the error
//! page, in the shop's look and the reader's language.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kit::ErrorCode;
use rpc::{Fault, ServiceError};
use ui::Local;

/// Why.
#[derive(Debug, Clone)]
pub enum Failure {
    /// What a service or this application says.
    Fault(Box<Fault>),
    /// The page is for those who signed in: sign in first, then go there.
    SignIn(Local),
    /// The form's token is not the visitor's.
    Csrf,
}

impl Failure {
    /// Nothing is here, or not for this visitor.
    #[must_use]
    pub fn not_found() -> Self {
        Fault::not_found("this page").into()
    }

    /// A request that none of our forms sends.
    #[must_use]
    pub fn bad_request(what: &str) -> Self {
        Fault::new(ErrorCode::Invalid, what).into()
    }

    /// The page is for those who signed in.
    #[must_use]
    pub fn sign_in(next: impl Into<Local>) -> Self {
        Self::SignIn(next.into())
    }

    /// The failure that a bare status is.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
            s if s.is_server_error() => ErrorCode::Internal,
            _ => ErrorCode::Invalid,
        };
        Fault::new(code, status.canonical_reason().unwrap_or_default()).into()
    }
}

impl<E: ServiceError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fault(Box::new(error.into_fault()))
    }
}

impl IntoResponse for Failure {
    /// An empty answer that carries the failure to the frame.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
