//! The checkout. The checkout's id becomes the order's, and travels through the form: whatever is clicked
//! twice or in two tabs is one order. Whatever is refused shows the form again with what was typed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use cart_api::{BeginCheckout, CartView, Get};
use kit::{ErrorCode, Money};
use member_api::{ListAddresses, PutAddress, SavedAddress};
use order_api::{Error, LineInput, PaymentMethod, Place, Quote, QuoteLines};
use rpc::{Ctx, Fault, ServiceError as _};
use types::{AddressId, OrderId, SkuId};
use ui::{Local, Route, Shell};

use super::order::{first_look, to_order};
use crate::App;
use crate::checkout::{CheckoutForm, Where};
use crate::pages::{self, CheckoutPage, Errors, Trouble};
use crate::web::visit::units;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

/// A checkout that can be shown.
struct Begun {
    shell: Shell,
    checkout_id: OrderId,
    quote: Quote,
    addresses: Vec<SavedAddress>,
}

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    visit.member(&Route::Checkout)?;
    let Some(begun) = begin(&app, &visit).await? else { return redirect(Route::Cart) };
    let form = CheckoutForm::fresh(visit.tenant.currency);
    Ok(render(begun, form, Errors::default(), None))
}

/// Begins the checkout, or goes on with it. `None` when the cart is empty or holds what is no longer
/// sold; the cart's page says which.
async fn begin(app: &App, visit: &Visit) -> Result<Option<Begun>, Failure> {
    let (ctx, deps) = (&visit.ctx, &app.deps);
    let cart = deps.carts.get(ctx, Get { token: None }).await?;
    if cart.lines.is_empty() || cart.lines.iter().any(|l| !l.sellable) {
        return Ok(None);
    }
    let checkout_id = match deps.carts.begin_checkout(ctx, BeginCheckout {}).await {
        Ok(checkout) => checkout.checkout_id,
        Err(cart_api::Error::Empty) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let lines = cart.lines.iter().map(|l| LineInput { sku_id: l.sku_id, quantity: l.quantity });
    let quote = QuoteLines { lines: lines.collect(), channel: None };
    let quote = match deps.orders.quote(ctx, quote).await {
        Ok(quote) => in_readers_language(quote, &cart, visit),
        Err(Error::NotSellable(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let addresses = deps.members.list_addresses(ctx, ListAddresses {}).await?;
    let here = Local::from(&Route::Checkout);
    let shell = Shell { cart_units: Some(units(&cart)), here, ..visit.shell() };
    Ok(Some(Begun { shell, checkout_id, quote, addresses }))
}

/// A quote names products as the order will, in the shop's first language; the reader knows them from the
/// cart by the names of his own.
fn in_readers_language(mut quote: Quote, cart: &CartView, visit: &Visit) -> Quote {
    for line in &mut quote.lines {
        let known = cart.lines.iter().find(|l| l.sku_id == line.sku_id);
        if let Some(title) = known.and_then(|l| l.title.as_ref()) {
            title.get(&visit.reader.locale).clone_into(&mut line.title);
        }
    }
    quote
}

pub(crate) async fn place(State(app): State<App>, visit: Visit, Form(fields): Form) -> Answer {
    visit.member(&Route::Checkout)?;
    let checkout_id: OrderId = fields.required("checkout_id")?;
    let amount: i64 = fields.required("expected_total")?;
    let expected_total = Money::new(amount, visit.tenant.currency)
        .map_err(|_| Failure::bad_request("the total is out of range"))?;
    let mut form = CheckoutForm::read(&fields);
    let errors = form.problems(visit.words());
    if !errors.is_empty() {
        let trouble = Some(Trouble::Entries);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return again(&app, &visit, checkout_id, form, Refusal { errors, trouble, status }).await;
    }
    // the key is of what was typed, not of the id that the new address gets
    let key = form.key(checkout_id, expected_total);
    let address_id = match address(&app, &visit, &mut form).await {
        Ok(id) => id,
        Err(AddressRefused::Told(refusal)) => {
            return again(&app, &visit, checkout_id, form, *refusal).await;
        }
        Err(AddressRefused::Failed(failure)) => return Err(failure),
    };
    form.to = Some(Where::Saved(address_id));
    let request = Place {
        checkout_id,
        address_id,
        payment_method: form.payment_method.unwrap_or(PaymentMethod::Card),
        expected_total,
        note: form.note.clone(),
        channel: None,
    };
    let ctx = Ctx { idempotency: Some(key), ..visit.ctx.clone() };
    match app.deps.orders.place(&ctx, request).await {
        Ok(order) => to_order(&order),
        Err(error) => refused(&app, &visit, checkout_id, form, error).await,
    }
}

/// Why a form is shown again.
struct Refusal {
    errors: Errors,
    trouble: Option<Trouble>,
    status: StatusCode,
}

impl Refusal {
    fn of(trouble: Trouble) -> Self {
        let status = StatusCode::CONFLICT;
        Self { errors: Errors::default(), trouble: Some(trouble), status }
    }

    fn invalid(fault: Fault) -> Self {
        let mut errors = Errors::default();
        let trouble = match fault.fields.is_empty() {
            true => Trouble::Other(fault.message),
            false => Trouble::Entries,
        };
        let fields = fault.fields.into_iter().map(|mut field| {
            // the form chooses by `address` what the service calls `address_id`
            if field.pointer.ends_with("/address_id") {
                "/address".clone_into(&mut field.pointer);
            }
            field
        });
        errors.take(fields.collect());
        Self { errors, trouble: Some(trouble), status: StatusCode::UNPROCESSABLE_ENTITY }
    }
}

/// Why there is no address.
enum AddressRefused {
    /// The form tells.
    Told(Box<Refusal>),
    /// Something failed.
    Failed(Failure),
}

/// The address of the book: the chosen one, or the new one, which is put there. One that stands there
/// already is not put there twice, and one that was corrected after a refusal takes the place of what it was.
async fn address(
    app: &App,
    visit: &Visit,
    form: &mut CheckoutForm,
) -> Result<AddressId, AddressRefused> {
    if let Some(Where::Saved(id)) = form.to {
        return Ok(id);
    }
    let (ctx, members) = (&visit.ctx, &app.deps.members);
    let failed = |e: member_api::Error| AddressRefused::Failed(e.into());
    let told = |refusal| AddressRefused::Told(Box::new(refusal));
    let book = members.list_addresses(ctx, ListAddresses {}).await.map_err(failed)?;
    if let Some(saved) = book.iter().find(|a| a.address == form.address) {
        return Ok(saved.id);
    }
    let earlier = book.iter().find(|a| Some(a.id) == form.kept);
    let is_default = earlier.map_or(book.is_empty(), |a| a.is_default);
    let id = earlier.map(|a| a.id);
    let request = PutAddress { id, is_default, address: form.address.clone() };
    match members.put_address(ctx, request).await {
        Ok(saved) => {
            form.kept = Some(saved.id);
            Ok(saved.id)
        }
        Err(member_api::Error::TooManyAddresses) => {
            Err(told(Refusal::of(Trouble::AddressBookFull)))
        }
        Err(member_api::Error::Fault(f)) if f.code == ErrorCode::Invalid => {
            Err(told(Refusal::invalid(f)))
        }
        Err(error) => Err(failed(error)),
    }
}

/// The order was not placed: says why, above the form.
async fn refused(
    app: &App,
    visit: &Visit,
    checkout_id: OrderId,
    form: CheckoutForm,
    error: Error,
) -> Answer {
    let refusal = match error {
        Error::PriceChanged(quote) => {
            let Some(begun) = begin(app, visit).await? else { return redirect(Route::Cart) };
            let mut quote = *quote;
            for line in &mut quote.lines {
                let known = begun.quote.lines.iter().find(|l| l.sku_id == line.sku_id);
                if let Some(known) = known {
                    line.title.clone_from(&known.title);
                }
            }
            let begun = Begun { quote, ..begun };
            let page = render(begun, form, Errors::default(), Some(Trouble::PriceChanged));
            return Ok(with_status(page, StatusCode::CONFLICT));
        }
        Error::SoldOut(short) => {
            let titles = titles(app, visit, short.iter().map(|s| s.sku_id)).await?;
            let lines = short.iter().zip(titles).map(|(s, title)| (title, s.wanted, s.available));
            Refusal::of(Trouble::SoldOut(lines.collect()))
        }
        Error::NotSellable(skus) => {
            Refusal::of(Trouble::Gone(titles(app, visit, skus.into_iter()).await?))
        }
        Error::CheckoutOver => Refusal::of(Trouble::CheckoutOver),
        Error::TooManyUnpaid(n) => {
            let trouble = Some(Trouble::TooManyUnpaid(n));
            Refusal { errors: Errors::default(), trouble, status: StatusCode::TOO_MANY_REQUESTS }
        }
        // the other click or tab is still at it: its order is the one that is wanted
        Error::Fault(f) if f.code == ErrorCode::Conflict && f.slug().ends_with("in_flight") => {
            return redirect(first_look(checkout_id));
        }
        Error::Fault(f) if f.code == ErrorCode::Invalid => Refusal::invalid(f),
        error if error.code() == ErrorCode::Conflict => {
            Refusal::of(Trouble::Other(error.into_fault().message))
        }
        error => return Err(error.into()),
    };
    again(app, visit, checkout_id, form, refusal).await
}

/// The titles of some skus, in the reader's language.
async fn titles(
    app: &App,
    visit: &Visit,
    skus: impl Iterator<Item = SkuId>,
) -> Result<Vec<String>, Failure> {
    let cart = app.deps.carts.get(&visit.ctx, Get { token: None }).await?;
    let w = visit.words();
    let title = |sku: SkuId| {
        let line = cart.lines.iter().find(|l| l.sku_id == sku);
        let title = line.and_then(|l| l.title.as_ref()).map(|t| t.get(&visit.reader.locale));
        let variant = line.map_or("", |l| l.variant.as_str());
        let parts = [title.unwrap_or(w.gone_product), variant];
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
    };
    Ok(skus.map(title).collect())
}

/// The form again. When there is nothing left to check out, its order may have been placed meanwhile.
async fn again(
    app: &App,
    visit: &Visit,
    checkout_id: OrderId,
    form: CheckoutForm,
    refusal: Refusal,
) -> Answer {
    let Refusal { errors, trouble, status } = refusal;
    if let Some(begun) = begin(app, visit).await? {
        return Ok(with_status(render(begun, form, errors, trouble), status));
    }
    match app.deps.orders.get(&visit.ctx, order_api::Get { order_id: checkout_id }).await {
        Ok(order) => to_order(&order),
        Err(error) if error.code() == ErrorCode::NotFound => redirect(Route::Cart),
        Err(error) => Err(error.into()),
    }
}

fn render(begun: Begun, form: CheckoutForm, errors: Errors, trouble: Option<Trouble>) -> Response {
    let Begun { shell, checkout_id, quote, addresses } = begun;
    let shown = CheckoutPage { shell, checkout_id, quote, addresses, form, errors, trouble };
    page(StatusCode::OK, pages::render_checkout(&shown))
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}
