//! One's own account and password. A new password comes with a new session, which the browser is given.

use axum::extract::State;
use axum::http::StatusCode;
use kit::ErrorCode;
use rpc::ServiceError as _;
use staff_api::{ChangePassword, Error};
use ui::Errors;

use super::Words;
use super::account::{AccountPage, render_account};
use super::handlers::status;
use super::routes::{Done, Route};
use crate::App;
use crate::sign_in::begin_session;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

pub(crate) async fn show(visit: Visit) -> Answer {
    Ok(page(StatusCode::OK, render_account(&account(&visit))))
}

fn account(visit: &Visit) -> AccountPage {
    AccountPage {
        shell: visit.shell(None),
        me: visit.staff.clone(),
        done: Done::parse(visit.query.text("done")),
        problem: None,
        errors: Errors::default(),
    }
}

pub(crate) async fn change_password(
    State(app): State<App>,
    visit: Visit,
    Form(form): Form,
) -> Answer {
    let w = Words::of(visit.reader.lang);
    let mut errors = Errors::default();
    if form.raw("new") != form.raw("again") {
        errors.add("again", w.not_the_same);
        return Ok(refused(
            &visit,
            StatusCode::UNPROCESSABLE_ENTITY,
            errors,
            w.look_below.to_owned(),
        ));
    }
    let request = ChangePassword { current: form.secret("current"), new: form.secret("new") };
    let error = match app.deps.staff.change_password(&visit.ctx, request).await {
        Ok(session) => {
            let mut response = redirect(Route::Account { done: Some(Done::Password) })?;
            begin_session(&app, &mut response, &session)?;
            return Ok(response);
        }
        Err(error) => error,
    };
    let status = status(&error);
    let problem = match error {
        Error::WrongPassword => {
            errors.add("current", w.wrong_password);
            w.look_below.to_owned()
        }
        Error::Locked { until } => w.locked_until(&ui::format::date_time(until, visit.reader.lang)),
        Error::Fault(fault) if fault.code == ErrorCode::Invalid => {
            for field in &fault.fields {
                match field.pointer.as_str() {
                    "/current" => errors.add("current", w.wrong_password),
                    "/new" => errors.add("new", w.bad_password),
                    _ => return Err(fault.into()),
                }
            }
            w.look_below.to_owned()
        }
        other => match other.code() {
            // too many hashes are being computed
            ErrorCode::Unavailable | ErrorCode::TooManyRequests => {
                crate::text::Words::of(visit.reader.lang).busy_text.to_owned()
            }
            _ => return Err(Failure::from(other)),
        },
    };
    Ok(refused(&visit, status, errors, problem))
}

fn refused(
    visit: &Visit,
    status: StatusCode,
    errors: Errors,
    problem: String,
) -> axum::response::Response {
    let shown = AccountPage { errors, problem: Some(problem), ..account(visit) };
    page(status, render_account(&shown))
}
