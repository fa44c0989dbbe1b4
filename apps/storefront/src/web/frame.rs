//! What stands around every page: opens the visit, turns failures and panics into error pages, gives the
//! visitor a token for forms, adds the security headers. The only place that logs a failure.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use kit::ErrorCode;
use rpc::Fault;
use ui::Route;

use super::cookies::{self, Cookies};
use super::visit::Visit;
use super::{Failure, answer};
use crate::App;
use crate::pages::{self, ErrorPage};

/// Middleware for `axum::middleware::from_fn_with_state`.
pub(crate) async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = match Visit::open(&app, &parts).await {
        Ok(visit) => visit,
        Err(failure) => return answer::harden(without_shop(&failure)),
    };
    parts.extensions.insert(visit.clone());
    let handler = next.run(Request::from_parts(parts, body));
    let response = AssertUnwindSafe(handler).catch_unwind().await;
    let response =
        response.unwrap_or_else(|_| Failure::from(Fault::bug("a page panicked")).into_response());
    let mut response = with_error_page(&visit, response);
    if visit.csrf_is_new && !has_cookie(&response, &app) {
        let name = cookies::csrf_cookie(app.options.cookie_secure);
        Cookies::new(app.options.cookie_secure).set(&mut response, name, &visit.csrf, None);
    }
    answer::harden(response)
}

/// Whether the handler has given the visitor a token already, as signing in does.
fn has_cookie(response: &Response, app: &App) -> bool {
    let name = cookies::csrf_cookie(app.options.cookie_secure);
    let set = response.headers().get_all(axum::http::header::SET_COOKIE);
    set.iter().any(|c| c.as_bytes().starts_with(name.as_bytes()))
}

fn with_error_page(visit: &Visit, mut response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let failure = match response.extensions_mut().remove::<Failure>() {
        Some(failure) => failure,
        // the library's own refusals, such as an address that is not UTF-8
        None if is_error && !is_page(&response) => Failure::of_status(status),
        None => return response,
    };
    let fault = match failure {
        Failure::SignIn(next) => {
            let sign_in = answer::redirect(Route::SignIn { next: Some(next) });
            return sign_in.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
        Failure::Csrf => {
            tracing::debug!(request_id = visit.ctx.request_id, "a form without the token");
            return render(visit, 403, None);
        }
        Failure::Fault(fault) => fault,
    };
    log(&fault, &visit.ctx.request_id);
    render(visit, fault.code.http_status(), Some(&fault))
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|t| t.as_bytes().starts_with(b"text/html"))
}

fn render(visit: &Visit, status: u16, fault: Option<&Fault>) -> Response {
    let page = ErrorPage {
        shell: visit.shell(),
        status,
        fault: fault.map(|f| (f.code, f.message.clone())),
        request_id: visit.ctx.request_id.clone(),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer::page(status, pages::render_error(&page))
}

/// Without a tenant there is no look and no language: a plain page.
fn without_shop(failure: &Failure) -> Response {
    let mut status = StatusCode::INTERNAL_SERVER_ERROR;
    if let Failure::Fault(fault) = failure {
        log(fault, "");
        status = StatusCode::from_u16(fault.code.http_status()).unwrap_or(status);
    }
    answer::page(status, pages::render_plain(&pages::PlainPage::of_status(status)))
}

fn log(fault: &Fault, request_id: &str) {
    let (code, error) = (fault.slug(), fault.chain());
    if fault.code == ErrorCode::Internal {
        tracing::error!(request_id, code, error, "a page failed on our side");
    } else if !error.is_empty() {
        tracing::warn!(request_id, code, error, "a page was refused");
    }
}
