//! Signing in and out. Too many failures are refused by the service, which knows them all.

use ::web::frame::status_of;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use staff_api::{Error, Login, Session, Token};
use ui::Local;

use super::page::{SignInPage, render_sign_in};
use crate::App;
use crate::layout::{STYLE, style_hash};
use crate::nav::Route;
use crate::text::Words;
use crate::web::cookies::{CSRF_COOKIE, LANGUAGE_COOKIE, PATH, SESSION_COOKIE};
use crate::web::{Answer, Cookies, Failure, Form, FormToken, Visit, answer, page, redirect};

/// How long a language is remembered, in seconds: a year.
const LANGUAGE_AGE_S: u64 = 365 * 24 * 3_600;

pub(crate) async fn show(visit: Visit) -> Answer {
    if visit.staff.is_some() {
        return to_next(&visit);
    }
    let shell = visit.shell(None);
    let form = SignInPage { shell, next: next(&visit), login: String::new(), problem: None };
    Ok(page(StatusCode::OK, render_sign_in(&form)))
}

pub(crate) async fn sign_in(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let login = form.text("login").to_owned();
    let request = Login { login: login.clone(), password: form.secret("password") };
    let w = Words::of(visit.reader.lang);
    let (status, problem) = match app.deps.staff.login(&visit.ctx, request).await {
        Ok(session) => return signed_in(&app, &visit, &session),
        Err(Error::BadLogin) => (StatusCode::UNAUTHORIZED, w.bad_login.to_owned()),
        Err(Error::Locked { until }) => {
            let until = ui::format::date_time(until, visit.reader.lang);
            (StatusCode::TOO_MANY_REQUESTS, w.locked_until(&until))
        }
        // what is no login at all is a wrong one, too
        Err(Error::Fault(f)) if f.code == kit::ErrorCode::Invalid => {
            (StatusCode::UNPROCESSABLE_ENTITY, w.bad_login.to_owned())
        }
        // too many hashes are being computed
        Err(Error::Fault(f)) if f.code.is_retryable() => (status_of(&f), w.busy_text.to_owned()),
        Err(error) => return Err(error.into()),
    };
    let shell = visit.shell(None);
    let form = SignInPage { shell, next: next(&visit), login, problem: Some(problem) };
    Ok(page(status, render_sign_in(&form)))
}

fn signed_in(app: &App, visit: &Visit, session: &Session) -> Answer {
    let mut response = to_next(visit)?;
    begin_session(app, &mut response, session)?;
    Ok(response)
}

/// Gives the browser its session and a new token for forms: one that somebody knew before must not be
/// good for it.
pub(crate) fn begin_session(
    app: &App,
    response: &mut Response,
    session: &Session,
) -> Result<(), Failure> {
    let cookies = Cookies::under(app.options.cookie_secure, PATH);
    let age = session.expires_at.since(app.deps.clock.now()).as_secs();
    cookies.set(response, SESSION_COOKIE, session.token.expose(), Some(age));
    let token = FormToken::fresh(&app.deps.entropy)?;
    cookies.set(response, CSRF_COOKIE, &token.value, None);
    Ok(())
}

pub(crate) async fn sign_out(State(app): State<App>, visit: Visit, _: Form) -> Answer {
    if let Some(token) = visit.session.clone() {
        app.deps.staff.logout(&visit.ctx, Token { token }).await?;
    }
    let mut response = redirect(Route::SignIn { next: None })?;
    let cookies = Cookies::under(app.options.cookie_secure, PATH);
    cookies.clear(&mut response, SESSION_COOKIE);
    let token = FormToken::fresh(&app.deps.entropy)?;
    cookies.set(&mut response, CSRF_COOKIE, &token.value, None);
    Ok(response)
}

/// A link, not a form: nothing but the language of the pages hangs on it.
pub(crate) async fn choose_language(State(app): State<App>, visit: Visit) -> Answer {
    let wished = visit.query.text("to");
    let known = visit.shell(None).locales.into_iter().find(|l| l.as_str() == wished);
    let known = known.ok_or_else(Failure::not_found)?;
    let mut response = to_next(&visit)?;
    let cookies = Cookies::new(app.options.cookie_secure);
    cookies.set(&mut response, LANGUAGE_COOKIE, known.as_str(), Some(LANGUAGE_AGE_S));
    Ok(response)
}

pub(crate) async fn style(uri: Uri) -> Response {
    let cache = answer::cache_of(&uri, style_hash());
    answer::asset(STYLE.as_str(), "text/css; charset=utf-8", cache)
}

/// Where the visitor wanted to go: within the console only.
fn next(visit: &Visit) -> Option<Local> {
    Local::parse(visit.query.text("next")).filter(|l| l.to_string().starts_with("/console"))
}

fn to_next(visit: &Visit) -> Answer {
    redirect(next(visit).unwrap_or_else(|| Route::Home.into()))
}
