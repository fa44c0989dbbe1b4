//! Gathers what the page of an order shows. What the reader may not know is left out; what a service does
//! not answer is missing only where it is a name.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use inventory_api::ListWarehouses;
use kit::{ErrorCode, Limit};
use member_api::MemberInfo;
use order_api::{Brief, Get, OrderView, PaymentMethod};
use rpc::ServiceError;
use types::{MemberId, OrderId, StaffId, WarehouseId};

use super::forms::ShipForm;
use super::order::{OrderPage, Said, render_order};
use super::routes::Done;
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Failure, Visit, page};

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let mut shown = gather(&app, &visit, order_id(&id)?).await?;
    shown.said = Done::of(visit.query.text("done")).map(Said::Done);
    Ok(page(StatusCode::OK, render_order(&shown)))
}

/// Says when this order has changed.
pub(crate) async fn events(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id = order_id(&id)?;
    // an order that is not there has no changes to wait for
    app.deps.orders.get(&visit.ctx, Get { order_id: id }).await?;
    Ok(app.deps.hub.stream(&visit.ctx, vec![::web::Key::Order(id)])?)
}

/// The id of an address.
pub(super) fn order_id(text: &str) -> Result<OrderId, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

/// The page as it stands now.
pub(super) async fn gather(app: &App, visit: &Visit, id: OrderId) -> Result<OrderPage, Failure> {
    let (deps, ctx) = (&app.deps, &visit.ctx);
    let order = deps.orders.get(ctx, Get { order_id: id }).await?;
    // whether it is payable and shippable is the system's question; the reader may see the order
    let system = ctx.as_system("console");
    let brief = deps.orders.brief(&system, Brief { order_ids: vec![id] });
    let history = deps.orders.history(ctx, Get { order_id: id });
    let payments = deps.payments.for_order(ctx, payment_api::ForOrder { order_id: id });
    let parcels = deps.fulfillment.for_order(ctx, fulfillment_api::ForOrder { order_id: id });
    let names = names(app, visit, &order);
    let (brief, history, payments, parcels, names) = futures::join!(
        brief,
        history,
        when(visit.may("payments:read"), payments),
        when(visit.may("fulfillment:read"), parcels),
        names,
    );
    let brief = brief?.into_iter().find(|b| b.id == id);
    let (member, staff, warehouses) = names;
    Ok(OrderPage {
        shell: visit.shell(Some(Section::Orders)),
        history: history?,
        member,
        staff,
        warehouses,
        payments: payments?,
        fulfillment: parcels?,
        shippable: brief.as_ref().is_some_and(|b| b.shippable),
        collectable: order.payment_method == PaymentMethod::CashOnDelivery
            && brief.is_some_and(|b| b.payable),
        said: None,
        note: String::new(),
        ship: ShipForm::default(),
        refund: None,
        track: None,
        token: ::web::csrf::token(&deps.entropy)?,
        order,
    })
}

/// Asks when the reader may; nothing there yet is no failure.
async fn when<T, E: ServiceError>(
    may: bool,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<Option<T>, Failure> {
    if !may {
        return Ok(None);
    }
    match asked.await {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

type Names = (Option<MemberInfo>, BTreeMap<StaffId, String>, BTreeMap<WarehouseId, String>);

/// Names of people and places. The page is worth showing without them.
async fn names(app: &App, visit: &Visit, order: &OrderView) -> Names {
    let (member, colleagues, warehouses) = futures::join!(
        member(app, visit, order.member_id),
        colleagues(app, visit),
        warehouses(app, visit),
    );
    let mut staff: BTreeMap<StaffId, String> = colleagues.into_iter().collect();
    if let Some(me) = &visit.staff {
        staff.insert(me.id, me.name.clone());
    }
    (member, staff, warehouses)
}

async fn member(app: &App, visit: &Visit, id: MemberId) -> Option<MemberInfo> {
    if !visit.may("members:read") {
        return None;
    }
    app.deps.members.get(&visit.ctx, member_api::Get { id }).await.ok()
}

async fn colleagues(app: &App, visit: &Visit) -> Vec<(StaffId, String)> {
    if !visit.may("staff:read") {
        return Vec::new();
    }
    let limit = Limit::new(Limit::MAX).unwrap_or_default();
    let request = staff_api::List { cursor: None, limit };
    let found = app.deps.staff.list(&visit.ctx, request).await;
    found.map(|p| p.items.into_iter().map(|s| (s.id, s.name)).collect()).unwrap_or_default()
}

async fn warehouses(app: &App, visit: &Visit) -> BTreeMap<WarehouseId, String> {
    if !visit.may("stock:read") {
        return BTreeMap::new();
    }
    let found = app.deps.inventory.list_warehouses(&visit.ctx, ListWarehouses {}).await;
    found.unwrap_or_default().into_iter().map(|w| (w.id, w.name)).collect()
}
