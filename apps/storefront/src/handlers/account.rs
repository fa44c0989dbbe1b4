//! Signing in and out, registering, choosing a language.

use ::web::frame::status_of;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kit::ErrorCode;
use member_api::{Error, Login, Register, Session, Token};
use rpc::{Actor, Ctx};
use ui::{Local, Route};

use super::cart;
use crate::App;
use crate::pages::{self, Errors, RegisterPage, SignInPage};
use crate::web::cookies::{self, CART_COOKIE, LANGUAGE_AGE_S, LANGUAGE_COOKIE, SESSION_COOKIE};
use crate::web::{Answer, Cookies, Failure, Form, FormToken, Visit, page, redirect};

/// The longest e-mail address, in characters.
const LOGIN_CHARS_MAX: usize = 254;
/// How long a password may be, in characters.
pub(super) const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// Where to go after signing in.
fn next(visit: &Visit) -> Option<Local> {
    visit.query.get("next").and_then(Local::parse)
}

fn to_next(next: Option<Local>) -> Answer {
    redirect(next.unwrap_or_else(|| Local::from(&Route::Home)))
}

pub(crate) async fn show_sign_in(State(app): State<App>, visit: Visit) -> Answer {
    let next = next(&visit);
    if visit.is_signed_in() {
        return to_next(next);
    }
    let shell = visit.shell_with_cart(&app).await;
    let form = SignInPage { shell, next, login: String::new(), problem: None };
    Ok(page(StatusCode::OK, pages::render_sign_in(&form)))
}

pub(crate) async fn sign_in(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let login = form.text("login").to_owned();
    let request = Login { login: login.clone(), password: form.secret("password") };
    let error = match app.deps.members.login(&visit.ctx, request).await {
        Ok(session) => return signed_in(&app, &visit, session).await,
        Err(error) => error,
    };
    let w = visit.words();
    let (status, problem) = match &error {
        Error::BadLogin => (StatusCode::UNAUTHORIZED, w.bad_login.to_owned()),
        Error::Locked { until } => (StatusCode::TOO_MANY_REQUESTS, w.locked_out(*until)),
        // what is no login at all is a wrong one, too
        Error::Fault(f) if f.code == ErrorCode::Invalid => {
            (StatusCode::UNPROCESSABLE_ENTITY, w.bad_login.to_owned())
        }
        // too many hashes are being computed
        Error::Fault(f) if f.code.is_retryable() => (status_of(f), w.busy_text.to_owned()),
        _ => return Err(error.into()),
    };
    let next = next(&visit);
    let shell = visit.shell_at(&app, &Route::SignIn { next: next.clone() }).await;
    let form = SignInPage { shell, next, login, problem: Some(problem) };
    Ok(page(status, pages::render_sign_in(&form)))
}

pub(crate) async fn show_register(State(app): State<App>, visit: Visit) -> Answer {
    let next = next(&visit);
    if visit.is_signed_in() {
        return to_next(next);
    }
    let form = RegisterPage {
        shell: visit.shell_with_cart(&app).await,
        next,
        login: String::new(),
        name: String::new(),
        errors: Errors::default(),
        problem: None,
    };
    Ok(page(StatusCode::OK, pages::render_register(&form)))
}

pub(crate) async fn register(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let w = visit.words();
    let (login, name) = (form.text("login").to_owned(), form.text("name").to_owned());
    let password = form.secret("password");
    let mut errors = Errors::default();
    if !login.contains('@') || login.chars().count() > LOGIN_CHARS_MAX {
        errors.add("login", w.bad_email);
    }
    if !PASSWORD_CHARS.contains(&password.expose().chars().count()) {
        errors.add("password", w.bad_password);
    }
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut problem = None;
    if errors.is_empty() {
        let locale = Some(visit.reader.locale.clone());
        let request = Register { login: login.clone(), password, name: name.clone(), locale };
        match app.deps.members.register(&visit.ctx, request).await {
            Ok(session) => return signed_in(&app, &visit, session).await,
            Err(Error::LoginTaken) => {
                status = StatusCode::CONFLICT;
                errors.add("login", w.login_taken);
            }
            Err(Error::Fault(f)) if f.code == ErrorCode::Invalid => {
                if f.fields.is_empty() {
                    problem = Some(f.message.clone());
                }
                errors.take(f.fields);
            }
            // too many hashes are being computed
            Err(Error::Fault(f)) if f.code.is_retryable() => {
                status = status_of(&f);
                problem = Some(w.busy_text.to_owned());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let next = next(&visit);
    let shell = visit.shell_at(&app, &Route::Register { next: next.clone() }).await;
    let form = RegisterPage { shell, next, login, name, errors, problem };
    Ok(page(status, pages::render_register(&form)))
}

/// Gives the browser its session, takes its anonymous cart over, and makes a new token for forms: one
/// that somebody knew before must not be good for a member.
async fn signed_in(app: &App, visit: &Visit, session: Session) -> Answer {
    let member = Ctx { actor: Actor::user(session.member.id.get()), ..visit.ctx.clone() };
    let merged = cart::merge(app, visit, &member).await?;
    let mut response = to_next(next(visit))?;
    keep_session(app, &mut response, &session)?;
    if merged {
        Cookies::new(app.options.cookie_secure).clear(&mut response, CART_COOKIE);
    }
    Ok(response)
}

/// Gives the browser a session, and a new token for forms.
pub(super) fn keep_session(
    app: &App,
    response: &mut Response,
    session: &Session,
) -> Result<(), Failure> {
    let cookies = Cookies::new(app.options.cookie_secure);
    let age = session.expires_at.since(app.deps.clock.now()).as_secs();
    cookies.set(response, SESSION_COOKIE, session.token.expose(), Some(age));
    new_form_token(app, response)
}

/// Takes the browser's session away, and the token for forms with it.
pub(super) fn forget_session(app: &App, response: &mut Response) -> Result<(), Failure> {
    Cookies::new(app.options.cookie_secure).clear(response, SESSION_COOKIE);
    new_form_token(app, response)
}

fn new_form_token(app: &App, response: &mut Response) -> Result<(), Failure> {
    let secure = app.options.cookie_secure;
    let token = FormToken::fresh(&app.deps.entropy)?;
    Cookies::new(secure).set(response, cookies::csrf_cookie(secure), &token.value, None);
    Ok(())
}

pub(crate) async fn sign_out(State(app): State<App>, visit: Visit, _: Form) -> Answer {
    if let Some(token) = visit.session.clone().filter(|_| visit.is_signed_in()) {
        app.deps.members.logout(&visit.ctx, Token { token }).await?;
    }
    let mut response = redirect(Route::Home)?;
    forget_session(&app, &mut response)?;
    Ok(response)
}

/// A link, not a form: nothing but the language of the pages hangs on it.
pub(crate) async fn choose_language(State(app): State<App>, visit: Visit) -> Answer {
    let wished = visit.query.text("to");
    let known = visit.tenant.locales.iter().find(|l| l.as_str() == wished);
    let known = known.ok_or_else(Failure::not_found)?;
    let mut response = to_next(next(&visit))?;
    let cookies = Cookies::new(app.options.cookie_secure);
    cookies.set(&mut response, LANGUAGE_COOKIE, known.as_str(), Some(LANGUAGE_AGE_S));
    Ok(response)
}
