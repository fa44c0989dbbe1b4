//! Asks for credentials, makes and ends them. A token leaves in one answer, which nobody keeps.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::{Cursor, ErrorCode, Limit};
use rpc::ServiceError as _;
use staff_api::{List, NewCredential, RevokeCredential};
use types::CredentialId;
use ui::Errors;

use super::Words;
use super::credentials::{CredentialsPage, render_credentials};
use super::handlers::{status, told};
use super::routes::{Done, Route};
use super::token::{TokenPage, render_token};
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

/// Credentials on a page of the list.
const PER_PAGE: u32 = 50;

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let credentials = credentials(&app, &visit).await?;
    Ok(page(StatusCode::OK, render_credentials(&credentials)))
}

async fn credentials(app: &App, visit: &Visit) -> Result<CredentialsPage, Failure> {
    let cursor = visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()));
    let limit = Limit::new(PER_PAGE).unwrap_or_default();
    let request = List { cursor: cursor.clone(), limit };
    let found = app.deps.staff.list_credentials(&visit.ctx, request).await?;
    Ok(CredentialsPage {
        shell: visit.shell(Some(Section::Credentials)),
        credentials: found.items,
        first: cursor.map(|_| Route::Credentials { cursor: None, done: None }),
        next: found.next_cursor.map(|c| Route::Credentials { cursor: Some(c), done: None }),
        done: Done::parse(visit.query.text("done")),
        problem: None,
        name: String::new(),
        chosen: BTreeSet::new(),
        errors: Errors::default(),
    })
}

pub(crate) async fn create(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let name = form.text("name").to_owned();
    let chosen: BTreeSet<String> = form.all("permissions").map(str::to_owned).collect();
    let permissions = chosen.iter().cloned().collect();
    let request = NewCredential { name: name.clone(), permissions };
    let error = match app.deps.staff.create_credential(&visit.ctx, request).await {
        Ok(made) => {
            let shell = visit.shell(Some(Section::Credentials));
            let shown = TokenPage { shell, name: made.credential.name, token: made.token };
            return Ok(page(StatusCode::OK, render_token(&shown)));
        }
        Err(error) => error,
    };
    let (w, status) = (Words::of(visit.reader.lang), status(&error));
    let (fault, mut errors) = (error.into_fault(), Errors::default());
    let problem = match fault.code {
        ErrorCode::Forbidden => {
            errors.add("permissions", w.not_yours);
            w.look_below.to_owned()
        }
        ErrorCode::Invalid => {
            for field in &fault.fields {
                match field.pointer.as_str() {
                    "/name" => errors.add("name", w.bad_name),
                    "/permissions" => errors.add("permissions", w.bad_permissions),
                    // what our own form does not offer
                    _ => return Err(fault.into()),
                }
            }
            w.look_below.to_owned()
        }
        _ => told(fault, w)?,
    };
    let before = credentials(&app, &visit).await?;
    let refused = CredentialsPage { name, chosen, errors, problem: Some(problem), ..before };
    Ok(page(status, render_credentials(&refused)))
}

pub(crate) async fn revoke(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    _: Form,
) -> Answer {
    let id: CredentialId = id.parse().map_err(|_| Failure::not_found())?;
    app.deps.staff.revoke_credential(&visit.ctx, RevokeCredential { id }).await?;
    redirect(Route::Credentials { cursor: None, done: Some(Done::Revoked) })
}
