//! One's own orders: the list, one of them, and moving it along its flow.

use ::web::Key;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fulfillment_api::Fulfillment;
use kit::{ErrorCode, Limit};
use order_api::{Act, Brief, Error, Get, List, OrderView, PaymentMethod};
use payment_api::{OrderPayments, PaymentState};
use rpc::ServiceError;
use types::OrderId;
use ui::Route;

use super::browse::cursor;
use crate::App;
use crate::next::{Facts, Next};
use crate::pages::{self, OrderPage, OrderTrouble, OrdersPage, Parcels, PlacingPage};
use crate::statuses::Status;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

/// Orders on a page of the list.
const PER_PAGE: u32 = 20;
/// How often an order that is being placed is looked for.
const PLACING_ROUNDS_MAX: u32 = 10;

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let cursor = cursor(&visit);
    visit.member(&Route::Orders { cursor: cursor.clone() })?;
    let limit = Limit::new(PER_PAGE).unwrap_or_default();
    let statuses = statuses(&app, &visit).await;
    // one that the flow does not have narrows nothing
    let wished = visit.query.text("status");
    let status = statuses.iter().find(|(name, _)| name == wished).map(|(name, _)| name.clone());
    let request = List { member_id: None, status: status.clone(), cursor: cursor.clone(), limit };
    let (found, shell) =
        futures::join!(app.deps.orders.list(&visit.ctx, request), visit.shell_with_cart(&app),);
    let found = found?;
    let at = |cursor| match status.clone() {
        Some(status) => Route::OrdersIn { status, cursor },
        None => Route::Orders { cursor },
    };
    let shown = OrdersPage {
        shell,
        orders: found.items,
        first: cursor.map(|_| at(None)),
        next: found.next_cursor.map(|c| at(Some(c))),
        statuses,
        status,
    };
    Ok(page(StatusCode::OK, pages::render_orders(&shown)))
}

/// Where orders of this shop may stand. Orders of an older flow may stand elsewhere; they are in the whole
/// list.
async fn statuses(app: &App, visit: &Visit) -> Vec<Status> {
    match app.statuses.get(&visit.ctx, &visit.reader).await {
        Ok(statuses) => statuses.to_vec(),
        Err(error) => {
            tracing::warn!(%error, "a list of orders goes without statuses");
            Vec::new()
        }
    }
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id: OrderId = id.parse().map_err(|_| Failure::not_found())?;
    visit.member(&Route::Order { id })?;
    let round = visit.query.text("placing").parse::<u32>().ok();
    match app.deps.orders.get(&visit.ctx, Get { order_id: id }).await {
        // the wait is over: go on where the first click goes on
        Ok(order) if round.is_some() => to_order(&order),
        Ok(order) => render(&app, &visit, order, StatusCode::OK, None).await,
        Err(error) if error.code() == ErrorCode::NotFound => {
            let Some(round) = round.filter(|r| *r < PLACING_ROUNDS_MAX) else {
                return Err(error.into());
            };
            let shell = visit.shell();
            let waits = PlacingPage { shell, order_id: id, round };
            Ok(page(StatusCode::OK, pages::render_placing(&waits)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The stream that tells an open page of an order when to look again.
pub(crate) async fn events(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id: OrderId = id.parse().map_err(|_| Failure::not_found())?;
    visit.member(&Route::Order { id })?;
    app.deps.orders.get(&visit.ctx, Get { order_id: id }).await?;
    Ok(app.deps.hub.stream(&visit.ctx, vec![Key::Order(id)])?)
}

/// Where a new order goes on: by card, the next page asks for the card.
pub(super) fn to_order(order: &OrderView) -> Answer {
    match order.payment_method {
        PaymentMethod::Card => redirect(Route::OrderPay { id: order.id }),
        PaymentMethod::CashOnDelivery => redirect(Route::Order { id: order.id }),
    }
}

/// Where an order that another request is placing will be.
pub(super) const fn first_look(id: OrderId) -> Route {
    Route::OrderPlacing { id, round: 0 }
}

pub(crate) async fn act(
    State(app): State<App>,
    visit: Visit,
    Path((id, operation)): Path<(String, String)>,
    Form(form): Form,
) -> Answer {
    let id: OrderId = id.parse().map_err(|_| Failure::not_found())?;
    visit.member(&Route::Order { id })?;
    let version: i64 = form.required("version")?;
    // the same button of the same page is the same request, however often it is clicked
    let request_id = ["page-", &version.to_string(), "-", &operation].concat();
    let request = Act {
        order_id: id,
        operation,
        expected_version: Some(version),
        request_id,
        note: String::new(),
    };
    let trouble = match app.deps.orders.act(&visit.ctx, request).await {
        Ok(_) => return redirect(Route::Order { id }),
        Err(Error::Stale(_)) => OrderTrouble::Stale,
        Err(Error::NotAllowed(_)) => OrderTrouble::NotAllowed,
        Err(error) => return Err(error.into()),
    };
    let order = app.deps.orders.get(&visit.ctx, Get { order_id: id }).await?;
    render(&app, &visit, order, StatusCode::CONFLICT, Some(trouble)).await
}

/// How the money of an order stands.
pub(super) struct Money {
    /// Whether it can be paid by card now.
    pub(super) can_pay: bool,
    /// Whether a payment is under way, or has arrived and the order has not heard of it.
    pub(super) processing: bool,
    pub(super) payments: OrderPayments,
}

/// Asks whether the order takes a payment, and whether one is on its way. The member's right to see the
/// order must have been checked: whether it is payable, only the system may ask.
pub(super) async fn money(app: &App, visit: &Visit, order: &OrderView) -> Result<Money, Failure> {
    let (ctx, order_id) = (&visit.ctx, order.id);
    let system = ctx.as_system("storefront");
    let (brief, asked) = futures::join!(
        app.deps.orders.brief(&system, Brief { order_ids: vec![order_id] }),
        app.deps.payments.for_order(ctx, payment_api::ForOrder { order_id }),
    );
    let payable = brief?.iter().any(|b| b.id == order_id && b.payable);
    let none = || {
        let balance = kit::Money::zero(order.total.currency());
        OrderPayments { payments: Vec::new(), refunds: Vec::new(), balance }
    };
    let payments = found(asked)?.unwrap_or_else(none);
    let open = payments.payments.iter().any(|p| match p.state {
        PaymentState::Pending => true,
        PaymentState::Captured => p.refunded.amount() < p.amount.amount(),
        PaymentState::Declined | PaymentState::Failed => false,
    });
    Ok(Money {
        can_pay: payable && !open && order.payment_method == PaymentMethod::Card,
        processing: payable && open,
        payments,
    })
}

/// Nothing there yet is no failure.
fn found<T, E: ServiceError>(answer: Result<T, E>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    order: OrderView,
    status: StatusCode,
    trouble: Option<OrderTrouble>,
) -> Answer {
    let (ctx, order_id) = (&visit.ctx, order.id);
    let here = Route::Order { id: order_id };
    let (money, parcels, history, shell) = futures::join!(
        money(app, visit, &order),
        app.deps.fulfillment.for_order(ctx, fulfillment_api::ForOrder { order_id }),
        app.deps.orders.history(ctx, Get { order_id }),
        visit.shell_at(app, &here),
    );
    let (money, history) = (money?, history?);
    let parcels: Option<Fulfillment> = found(parcels)?;
    let parcels = Parcels::of(parcels);
    let OrderPayments { payments, refunds, .. } = money.payments;
    let facts = Facts {
        can_pay: money.can_pay,
        processing: money.processing,
        has_left: parcels.has_left(),
        on_its_way: parcels.are_on_their_way(),
        refunding: refunds.iter().any(|r| !r.done),
        now: app.deps.clock.now(),
    };
    let next = Next::of(&order, facts);
    let shown = OrderPage { shell, order, history, parcels, payments, refunds, next, trouble };
    Ok(page(status, pages::render_order(&shown)))
}
