//! What stands around every page of any application: panics and failures become error pages, failures are
//! logged once, the security headers are added. Which page an error has is the application's business.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use kit::ErrorCode;
use rpc::Fault;
use ui::Local;

use crate::{Failure, redirect};

/// Runs a handler; a panic becomes a failure of our side.
pub async fn run(request: Request, next: Next) -> Response {
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    response.unwrap_or_else(|_| Failure::from(Fault::bug("a page panicked")).into_response())
}

/// What an error page is about.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// The answer's status.
    pub status: StatusCode,
    /// The failure; `None` when a form did not bring its token.
    pub fault: Option<Fault>,
}

/// Gives an answer that carries a failure its page, or sends the visitor to sign in. An answer that is
/// well stays as it is.
pub fn with_error_page(
    mut response: Response,
    request_id: &str,
    sign_in: impl FnOnce(Local) -> String,
    error_page: impl FnOnce(Trouble) -> Response,
) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let failure = match response.extensions_mut().remove::<Failure>() {
        Some(failure) => failure,
        // the library's own refusals, such as an address that is not UTF-8
        None if is_error && !is_page(&response) => Failure::of_status(status),
        None => return response,
    };
    match failure {
        Failure::SignIn(next) => redirect(sign_in(next))
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Failure::Csrf => {
            tracing::debug!(request_id, "a form without the token");
            error_page(Trouble { status: StatusCode::FORBIDDEN, fault: None })
        }
        Failure::Fault(fault) => {
            log(&fault, request_id);
            error_page(Trouble { status: status_of(&fault), fault: Some(*fault) })
        }
    }
}

/// The status that a fault is answered with.
#[must_use]
pub fn status_of(fault: &Fault) -> StatusCode {
    StatusCode::from_u16(fault.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes down why a page was refused, once.
pub fn log(fault: &Fault, request_id: &str) {
    let (code, error) = (fault.slug(), fault.chain());
    if fault.code == ErrorCode::Internal {
        tracing::error!(request_id, code, error, "a page failed on our side");
    } else if !error.is_empty() {
        tracing::warn!(request_id, code, error, "a page was refused");
    }
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|t| t.as_bytes().starts_with(b"text/html"))
}
