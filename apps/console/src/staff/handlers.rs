//! Asks who works here; adds and changes people. Who may change whom, and that an owner stays, is decided
//! by the service; its refusal is shown.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::{Cursor, ErrorCode, Limit};
use rpc::{Fault, ServiceError as _};
use staff_api::{Error, List, NewStaff, UpdateStaff};
use types::StaffId;
use ui::Errors;

use super::Words;
use super::people::{NewPerson, PeoplePage, render_people, role_of};
use super::routes::{Done, Route};
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

/// People on a page of the list.
const PER_PAGE: u32 = 50;

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let people = people(&app, &visit).await?;
    Ok(page(StatusCode::OK, render_people(&people)))
}

/// The page as it is before anything was tried.
async fn people(app: &App, visit: &Visit) -> Result<PeoplePage, Failure> {
    let cursor = visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()));
    let limit = Limit::new(PER_PAGE).unwrap_or_default();
    let found = app.deps.staff.list(&visit.ctx, List { cursor: cursor.clone(), limit }).await?;
    Ok(PeoplePage {
        shell: visit.shell(Some(Section::Staff)),
        me: visit.ctx.actor.id,
        people: found.items,
        first: cursor.map(|_| Route::People { cursor: None, done: None }),
        next: found.next_cursor.map(|c| Route::People { cursor: Some(c), done: None }),
        done: Done::parse(visit.query.text("done")),
        problem: None,
        form: NewPerson::default(),
        errors: Errors::default(),
    })
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let typed = NewPerson {
        login: form.text("login").to_owned(),
        name: form.text("name").to_owned(),
        role: role_of(form.text("role")),
    };
    let role = typed.role.ok_or_else(|| Failure::bad_request("there is no such role"))?;
    let request = NewStaff {
        login: typed.login.clone(),
        name: typed.name.clone(),
        role,
        password: form.secret("password"),
    };
    let Err(error) = app.deps.staff.add(&visit.ctx, request).await else {
        return to_list(Done::Added);
    };
    let status = status(&error);
    let (errors, problem) = refusal(error, Words::of(visit.reader.lang))?;
    let refused =
        PeoplePage { form: typed, errors, problem: Some(problem), ..people(&app, &visit).await? };
    Ok(page(status, render_people(&refused)))
}

/// What of the form was refused, and a word about the whole.
fn refusal(error: Error, w: &Words) -> Result<(Errors, String), Failure> {
    let mut errors = Errors::default();
    let fault = match error {
        Error::LoginTaken => {
            errors.add("login", w.login_taken);
            return Ok((errors, w.look_below.to_owned()));
        }
        other => other.into_fault(),
    };
    match fault.code {
        // the role may do more than its giver
        ErrorCode::Forbidden => errors.add("role", w.not_yours),
        ErrorCode::Invalid => {
            for field in &fault.fields {
                match field.pointer.as_str() {
                    "/login" => errors.add("login", w.bad_login),
                    "/name" => errors.add("name", w.bad_name),
                    "/password" => errors.add("password", w.bad_password),
                    _ => return Err(fault.into()),
                }
            }
        }
        _ => return Ok((errors, told(fault, w)?)),
    }
    Ok((errors, w.look_below.to_owned()))
}

pub(crate) async fn change_role(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let role = role_of(form.text("role"));
    let role = role.ok_or_else(|| Failure::bad_request("there is no such role"))?;
    let id = id.parse().map_err(|_| Failure::not_found())?;
    change(&app, &visit, UpdateStaff { id, role: Some(role), enabled: None }, Done::Role).await
}

pub(crate) async fn change_enabled(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let id: StaffId = id.parse().map_err(|_| Failure::not_found())?;
    let enabled: bool = form.required("enabled")?;
    let done = if enabled { Done::Enabled } else { Done::Disabled };
    change(&app, &visit, UpdateStaff { id, role: None, enabled: Some(enabled) }, done).await
}

async fn change(app: &App, visit: &Visit, request: UpdateStaff, done: Done) -> Answer {
    let Err(error) = app.deps.staff.update(&visit.ctx, request).await else {
        return to_list(done);
    };
    let status = status(&error);
    let problem = told(error.into_fault(), Words::of(visit.reader.lang))?;
    let refused = PeoplePage { problem: Some(problem), ..people(app, visit).await? };
    Ok(page(status, render_people(&refused)))
}

/// A refusal in the reader's language. What is no refusal has an error page.
pub(super) fn told(fault: Fault, w: &Words) -> Result<String, Failure> {
    match (fault.code, fault.slug()) {
        (ErrorCode::Conflict, "last_owner") => Ok(w.last_owner.to_owned()),
        (ErrorCode::Conflict, "too_many_staff") => Ok(w.too_many_staff.to_owned()),
        (ErrorCode::Conflict, "too_many_credentials") => Ok(w.too_many_credentials.to_owned()),
        (ErrorCode::Forbidden, _) => Ok(w.not_yours.to_owned()),
        (ErrorCode::Conflict, _) => Ok(fault.message),
        _ => Err(fault.into()),
    }
}

/// The status of a refused form.
pub(super) fn status(error: &Error) -> StatusCode {
    match error.code() {
        ErrorCode::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        code => StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::CONFLICT),
    }
}

fn to_list(done: Done) -> Answer {
    redirect(Route::People { cursor: None, done: Some(done) })
}
