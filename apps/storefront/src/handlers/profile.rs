//! Somebody's account: name and language, password, all sessions.

use ::web::frame::status_of;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kit::ErrorCode;
use member_api::{ChangePassword, Error, Me, MemberInfo, SignOutEverywhere, UpdateProfile};
use rpc::ServiceError as _;
use types::Locale;
use ui::Route;
use ui::routes::Done;

use super::account::{PASSWORD_CHARS, forget_session, keep_session};
use crate::App;
use crate::pages::{self, AccountPage, Errors};
use crate::web::cookies::{LANGUAGE_AGE_S, LANGUAGE_COOKIE};
use crate::web::{Answer, Cookies, Form, Visit, page, redirect};

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Why the page is shown.
struct Shown {
    status: StatusCode,
    /// What was typed in the place of what is known.
    typed: Option<(String, Locale)>,
    errors: Errors,
    problem: Option<String>,
    done: Option<Done>,
}

impl Shown {
    fn wrong(errors: Errors) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { status, typed: None, errors, problem: None, done: None }
    }
}

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let done = Done::read(visit.query.text("done"));
    visit.member(&Route::Account { done: None })?;
    let shown = Shown { status: StatusCode::OK, done, ..Shown::wrong(Errors::default()) };
    render(&app, &visit, shown).await
}

pub(crate) async fn save(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    visit.member(&Route::Account { done: None })?;
    let w = visit.words();
    let name = form.text("name").to_owned();
    let wished = form.text("locale");
    let mut errors = Errors::default();
    if name.chars().count() > NAME_CHARS_MAX {
        errors.add("name", w.too_long);
    }
    let locale = visit.tenant.locales.iter().find(|l| l.as_str() == wished).cloned();
    if locale.is_none() {
        errors.add("locale", w.not_understood);
    }
    let locale = locale.unwrap_or_else(|| visit.reader.locale.clone());
    if errors.is_empty() {
        let change = UpdateProfile { name: Some(name.clone()), locale: Some(locale.clone()) };
        match app.deps.members.update_profile(&visit.ctx, change).await {
            Ok(_) => {
                let mut response = redirect(Route::Account { done: Some(Done::Profile) })?;
                let cookies = Cookies::new(app.options.cookie_secure);
                let age = Some(LANGUAGE_AGE_S);
                cookies.set(&mut response, LANGUAGE_COOKIE, locale.as_str(), age);
                return Ok(response);
            }
            Err(error) if error.code() == ErrorCode::Invalid => {
                errors.take(error.into_fault().fields);
            }
            Err(error) => return Err(error.into()),
        }
    }
    render(&app, &visit, Shown { typed: Some((name, locale)), ..Shown::wrong(errors) }).await
}

/// Changes the password. All sessions end with it; this browser gets the new one.
pub(crate) async fn change_password(
    State(app): State<App>,
    visit: Visit,
    Form(form): Form,
) -> Answer {
    visit.member(&Route::Account { done: None })?;
    let w = visit.words();
    let change = ChangePassword { current: form.secret("current"), new: form.secret("new") };
    let mut errors = Errors::default();
    if change.current.expose().is_empty() {
        errors.add("current", w.fill_this);
    }
    if !PASSWORD_CHARS.contains(&change.new.expose().chars().count()) {
        errors.add("new", w.bad_password);
    }
    if !errors.is_empty() {
        return render(&app, &visit, Shown::wrong(errors)).await;
    }
    let mut shown = Shown::wrong(errors);
    match app.deps.members.change_password(&visit.ctx, change).await {
        Ok(session) => {
            let mut response = redirect(Route::Account { done: Some(Done::Password) })?;
            keep_session(&app, &mut response, &session)?;
            return Ok(response);
        }
        Err(Error::WrongPassword) => shown.errors.add("current", w.wrong_current_password),
        Err(Error::Locked { until }) => {
            shown.status = StatusCode::TOO_MANY_REQUESTS;
            shown.problem = Some(w.locked_out(until));
        }
        Err(error) if error.code() == ErrorCode::Invalid => {
            shown.errors.take(error.into_fault().fields);
        }
        // too many hashes are being computed
        Err(Error::Fault(f)) if f.code.is_retryable() => {
            shown.status = status_of(&f);
            shown.problem = Some(w.busy_text.to_owned());
        }
        Err(error) => return Err(error.into()),
    }
    render(&app, &visit, shown).await
}

/// Ends all sessions, this one too.
pub(crate) async fn sign_out_everywhere(State(app): State<App>, visit: Visit, _: Form) -> Answer {
    visit.member(&Route::Account { done: None })?;
    app.deps.members.sign_out_everywhere(&visit.ctx, SignOutEverywhere {}).await?;
    let mut response: Response = redirect(Route::Home)?;
    forget_session(&app, &mut response)?;
    Ok(response)
}

async fn render(app: &App, visit: &Visit, shown: Shown) -> Answer {
    let Shown { status, typed, errors, problem, done } = shown;
    let member: MemberInfo = app.deps.members.me(&visit.ctx, Me {}).await?;
    let known = member.locale.clone().filter(|l| visit.tenant.locales.contains(l));
    let (name, locale) = typed.unwrap_or_else(|| {
        (member.name.clone(), known.unwrap_or_else(|| visit.reader.locale.clone()))
    });
    let shell = visit.shell_at(app, &Route::Account { done: None }).await;
    let account = AccountPage { shell, member, name, locale, errors, problem, done };
    Ok(page(status, pages::render_account(&account)))
}
