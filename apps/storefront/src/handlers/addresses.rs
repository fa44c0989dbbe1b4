//! One's own address book. Every address is asked for before it is changed: another member's is not there.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::ErrorCode;
use member_api::{AddressRef, Error, ListAddresses, PutAddress, SavedAddress};
use rpc::ServiceError as _;
use types::AddressId;
use ui::Route;
use ui::routes::Done;

use crate::App;
use crate::address;
use crate::pages::{self, AddressPage, AddressesPage, Errors};
use crate::web::{Answer, Failure, Fields, Form, Visit, page, redirect};

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let done = Done::read(visit.query.text("done"));
    visit.member(&Route::Addresses { done: None })?;
    let addresses = app.deps.members.list_addresses(&visit.ctx, ListAddresses {}).await?;
    let shell = visit.shell_at(&app, &Route::Addresses { done: None }).await;
    let book = AddressesPage { shell, addresses, done };
    Ok(page(StatusCode::OK, pages::render_addresses(&book)))
}

pub(crate) async fn show_new(State(app): State<App>, visit: Visit) -> Answer {
    visit.member(&Route::AddressNew)?;
    let form = AddressPage {
        shell: visit.shell_with_cart(&app).await,
        id: None,
        address: address::fresh(visit.tenant.currency),
        is_default: false,
        errors: Errors::default(),
        problem: None,
    };
    Ok(page(StatusCode::OK, pages::render_address(&form)))
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let saved = own(&app, &visit, &id, true).await?;
    let form = AddressPage {
        shell: visit.shell_with_cart(&app).await,
        id: Some(saved.id),
        address: saved.address,
        is_default: saved.is_default,
        errors: Errors::default(),
        problem: None,
    };
    Ok(page(StatusCode::OK, pages::render_address(&form)))
}

pub(crate) async fn create(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    visit.member(&Route::Addresses { done: None })?;
    put(&app, &visit, None, &form).await
}

pub(crate) async fn save(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let saved = own(&app, &visit, &id, true).await?;
    put(&app, &visit, Some(saved.id), &form).await
}

pub(crate) async fn make_default(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    _: Form,
) -> Answer {
    let SavedAddress { id, address, .. } = own(&app, &visit, &id, false).await?;
    let request = PutAddress { id: Some(id), is_default: true, address };
    app.deps.members.put_address(&visit.ctx, request).await?;
    redirect(Route::Addresses { done: Some(Done::AddressSaved) })
}

pub(crate) async fn delete(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    _: Form,
) -> Answer {
    let id = own(&app, &visit, &id, false).await?.id;
    app.deps.members.delete_address(&visit.ctx, AddressRef { id }).await?;
    redirect(Route::Addresses { done: Some(Done::AddressDeleted) })
}

/// The address, if it is the member's. Who has not signed in comes back to it, or to the book where it has
/// no page of its own.
async fn own(app: &App, visit: &Visit, id: &str, has_page: bool) -> Result<SavedAddress, Failure> {
    let id: AddressId = id.parse().map_err(|_| Failure::not_found())?;
    let back = if has_page { Route::Address { id } } else { Route::Addresses { done: None } };
    visit.member(&back)?;
    Ok(app.deps.members.get_address(&visit.ctx, AddressRef { id }).await?)
}

/// Puts what was typed into the book; what is wrong with it is told field by field.
async fn put(app: &App, visit: &Visit, id: Option<AddressId>, form: &Fields) -> Answer {
    let w = visit.words();
    let typed = address::read(form);
    let is_default = form.get("is_default").is_some();
    let mut errors = Errors::default();
    address::check(&typed, &mut errors, w);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut problem = None;
    if errors.is_empty() {
        let request = PutAddress { id, is_default, address: typed.clone() };
        match app.deps.members.put_address(&visit.ctx, request).await {
            Ok(_) => return redirect(Route::Addresses { done: Some(Done::AddressSaved) }),
            Err(Error::TooManyAddresses) => {
                status = StatusCode::CONFLICT;
                problem = Some(w.address_book_full.to_owned());
            }
            Err(error) if error.code() == ErrorCode::Invalid => {
                errors.take(error.into_fault().fields);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let here = match id {
        Some(id) => Route::Address { id },
        None => Route::AddressNew,
    };
    let shell = visit.shell_at(app, &here).await;
    let page_of = AddressPage { shell, id, address: typed, is_default, errors, problem };
    Ok(page(status, pages::render_address(&page_of)))
}
