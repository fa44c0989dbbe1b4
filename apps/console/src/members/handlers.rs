//! Asks for members, and for what one of them ordered.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::{Cursor, Limit};
use member_api::{Get, List};
use rpc::ServiceError as _;
use types::MemberId;

use super::list::{ListPage, render_members};
use super::member::{MemberPage, Orders, render_member};
use super::routes::Route;
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Failure, Visit, page};

/// Members on a page of the list.
const PER_PAGE: u32 = 50;
/// Orders beside a profile.
const ORDERS_PER_PAGE: u32 = 20;

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let login = visit.query.get("login").map(str::to_owned);
    let cursor = cursor(&visit);
    let limit = Limit::new(PER_PAGE).unwrap_or_default();
    let request = List { login: login.clone(), cursor: cursor.clone(), limit };
    let found = app.deps.members.list(&visit.ctx, request).await?;
    let at = |cursor| Route::List { login: login.clone(), cursor };
    let list = ListPage {
        shell: visit.shell(Some(Section::Members)),
        members: found.items,
        first: cursor.map(|_| at(None)),
        next: found.next_cursor.map(|c| at(Some(c))),
        login: login.clone().unwrap_or_default(),
    };
    Ok(page(StatusCode::OK, render_members(&list)))
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id: MemberId = id.parse().map_err(|_| Failure::not_found())?;
    let member = app.deps.members.get(&visit.ctx, Get { id }).await?;
    let orders = orders(&app, &visit, id).await;
    let shown = MemberPage { shell: visit.shell(Some(Section::Members)), member, orders };
    Ok(page(StatusCode::OK, render_member(&shown)))
}

/// A profile is worth showing without its orders.
async fn orders(app: &App, visit: &Visit, id: MemberId) -> Orders {
    if !visit.may("orders:read") {
        return Orders::Hidden;
    }
    let cursor = cursor(visit);
    let limit = Limit::new(ORDERS_PER_PAGE).unwrap_or_default();
    let request =
        order_api::List { member_id: Some(id), status: None, cursor: cursor.clone(), limit };
    match app.deps.orders.list(&visit.ctx, request).await {
        Ok(found) => Orders::Found {
            orders: found.items,
            first: cursor.map(|_| Route::Member { id, cursor: None }),
            next: found.next_cursor.map(|c| Route::Member { id, cursor: Some(c) }),
        },
        Err(error) => {
            let error = error.into_fault();
            ::web::frame::log(&error, &visit.ctx.request_id);
            Orders::Away
        }
    }
}

fn cursor(visit: &Visit) -> Option<Cursor> {
    visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()))
}
