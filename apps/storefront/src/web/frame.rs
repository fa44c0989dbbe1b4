//! What stands around every page of a shop: opens the visit, shows failures in the shop's look and the
//! reader's language, gives the visitor a token for forms.

use ::web::frame::{Trouble, log, run, status_of, with_error_page};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use ui::Route;

use super::cookies::{LANGUAGE_AGE_S, LANGUAGE_COOKIE};
use super::visit::Visit;
use super::{Cookies, Failure, answer, cookies};
use crate::App;
use crate::pages::{self, ErrorPage};

/// Middleware for `axum::middleware::from_fn_with_state`.
pub(crate) async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = match Visit::open(&app, &parts).await {
        Ok(visit) => visit,
        Err(failure) => return answer::harden(without_shop(&failure)),
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
    let secure = app.options.cookie_secure;
    let jar = Cookies::new(secure);
    visit.csrf.hand_out(&mut response, &jar, cookies::csrf_cookie(secure));
    if let Some(language) = &visit.new_language {
        jar.set(&mut response, LANGUAGE_COOKIE, language, Some(LANGUAGE_AGE_S));
    }
    answer::harden(response)
}

fn render(visit: &Visit, trouble: Trouble) -> Response {
    let page = ErrorPage {
        shell: visit.shell(),
        status: trouble.status.as_u16(),
        fault: trouble.fault.map(|f| (f.code, f.message)),
        request_id: visit.ctx.request_id.clone(),
    };
    answer::page(trouble.status, pages::render_error(&page))
}

/// Without a tenant there is no look and no language: a plain page.
fn without_shop(failure: &Failure) -> Response {
    let mut status = StatusCode::INTERNAL_SERVER_ERROR;
    if let Failure::Fault(fault) = failure {
        log(fault, "");
        status = status_of(fault);
    }
    answer::page(status, pages::render_plain(&pages::PlainPage::of_status(status)))
}
