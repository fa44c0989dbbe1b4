//! What stands around every page of the console: opens the visit, shows failures, gives the visitor a
//! token for forms.

use std::sync::Arc;

use ::web::frame::{Trouble, log, run, status_of, with_error_page};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{Cookies, Failure, Visit, answer, cookies};
use crate::App;
use crate::layout::error::{ErrorPage, render_error};
use crate::nav::Route;

/// What the frame knows.
#[derive(Clone)]
pub(crate) struct Framed {
    pub(crate) app: App,
    /// What can be opened, as the router matches it.
    pub(crate) pages: Arc<[&'static str]>,
}

/// Middleware for `axum::middleware::from_fn_with_state`.
pub(crate) async fn frame(
    State(Framed { app, pages }): State<Framed>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = match Visit::open(&app, &parts, &pages).await {
        Ok(visit) => visit,
        Err(failure) => return answer::harden(without_tenant(&failure)),
    };
    parts.extensions.insert(visit.csrf.clone());
    parts.extensions.insert(visit.clone());
    let response = run(Request::from_parts(parts, body), next).await;
    let mut response = with_error_page(
        response,
        &visit.ctx.request_id,
        |next| Route::SignIn { next: Some(next) }.to_string(),
        |trouble| render(&visit, trouble),
    );
    let cookies = Cookies::under(app.options.cookie_secure, cookies::PATH);
    visit.csrf.hand_out(&mut response, &cookies, super::cookies::CSRF_COOKIE);
    answer::harden(response)
}

fn render(visit: &Visit, trouble: Trouble) -> Response {
    let page = ErrorPage {
        shell: visit.shell(None),
        status: trouble.status.as_u16(),
        fault: trouble.fault.map(|f| (f.code, f.message)),
        request_id: visit.ctx.request_id.clone(),
    };
    answer::page(trouble.status, render_error(&page))
}

/// Without a tenant there is no language and no name: the bare status.
fn without_tenant(failure: &Failure) -> Response {
    if let Failure::Fault(fault) = failure {
        log(fault, "");
        return status_of(fault).into_response();
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
