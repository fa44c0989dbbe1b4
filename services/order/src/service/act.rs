//! Moving an order along its flow, for buyers, staff, timers and the events of other services. Every
//! move is one transaction of the flow's executor; what it could not do is an answer, not a state.

use std::sync::Arc;

use flow::{Applied, Ask, CheckedFlow, Decision, Entity, Fired, Refusal, Runner, TriggerDue};
use kit::Money;
use order_api::{Act, Error, OrderBrief, OrderEvent};
use outbox::{Message, NewMessage, Outbox, inbox};
use payment_api::PaymentEvent;
use rpc::{Ctx, Fault};
use serde_json::{Value, json};
use shard::{Route, Tx};
use types::OrderId;

use super::{Service, place::check_text, tell};
use crate::model::{self, Leaving};
use crate::store::{self, OrderRow};

const OPERATION_CHARS_MAX: usize = 64;
const NOTE_CHARS_MAX: usize = 500;
const MAY_SHIP: &str = "fulfillment:ship";
/// How often a step is tried that others change the order under.
const TRIES_MAX: u32 = 4;

/// What moves orders, in a transaction.
#[derive(Clone, Copy)]
struct Means<'a> {
    outbox: &'a Outbox,
    runner: &'a Runner,
    flow: &'a CheckedFlow,
}

/// One try to move an order.
#[derive(Clone)]
struct Move {
    order_id: OrderId,
    operation: String,
    roles: Vec<&'static str>,
    request_id: String,
    note: Value,
    expected_version: Option<i64>,
}

impl Service {
    pub(super) async fn act_at(&self, ctx: &Ctx, route: Route, req: Act) -> Result<(), Error> {
        check_text("/operation", &req.operation, OPERATION_CHARS_MAX)?;
        check_text("/note", &req.note, NOTE_CHARS_MAX)?;
        let order = self.load(ctx, route, req.order_id).await?;
        let order = order.ok_or_else(|| Fault::not_found("this order"))?;
        let member = order.member_id.get();
        let roles = model::roles(&ctx.actor, member);
        if roles.is_empty() {
            if model::may_see(&ctx.actor, member) {
                ctx.require("orders:operate")?;
            }
            return Err(Fault::not_found("this order").into());
        }
        let wanted = Move {
            order_id: req.order_id,
            operation: req.operation,
            roles,
            request_id: req.request_id,
            note: json!(req.note),
            expected_version: req.expected_version,
        };
        self.run(ctx, route, &order, wanted).await.map(|_| ())
    }

    /// The stock was gone before it could be bound.
    pub(super) async fn close_unbound(&self, system: &Ctx, order_id: OrderId) -> Result<(), Error> {
        let route = self.route(system, order_id).await?;
        let Some(order) = self.load(system, route, order_id).await? else { return Ok(()) };
        let wanted = Move {
            order_id,
            operation: model::OP_CLOSE.to_owned(),
            roles: vec![flow::SYSTEM],
            request_id: "unbound".to_owned(),
            note: json!("the stock was gone"),
            expected_version: None,
        };
        self.run(system, route, &order, wanted).await.map(|_| ())
    }

    async fn run(
        &self,
        ctx: &Ctx,
        route: Route,
        order: &OrderRow,
        wanted: Move,
    ) -> Result<Applied, Error> {
        let flow = self.flow_of(ctx, order).await?;
        let (ctx_in, wanted) = (ctx.clone(), Arc::new(wanted));
        let (outbox, runner) = (self.outbox.clone(), self.runner.clone());
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, flow, wanted) = (ctx_in.clone(), Arc::clone(&flow), Arc::clone(&wanted));
                let (outbox, runner) = (outbox.clone(), runner.clone());
                async move {
                    let means = Means { outbox: &outbox, runner: &runner, flow: &flow };
                    move_in(&tx, &ctx, means, &wanted).await
                }
            })
            .await
    }

    pub(super) async fn begin_shipping_at(
        &self,
        ctx: &Ctx,
        route: Route,
        order_id: OrderId,
    ) -> Result<OrderBrief, Error> {
        ctx.require(MAY_SHIP)?;
        for _ in 0..TRIES_MAX {
            let order = self.existing(ctx, route, order_id).await?;
            let flow = self.flow_of(ctx, &order).await?;
            if model::leaving(&flow, &order) != Leaving::AfterStep {
                let brief = model::brief(&flow, &order, order.currency);
                return Ok(brief.ok_or_else(|| Fault::bug("an order's amounts are none"))?);
            }
            let wanted = Move {
                order_id,
                operation: model::OP_BEGIN_SHIPPING.to_owned(),
                roles: vec![flow::SYSTEM],
                request_id: format!("begin-shipping-{}", order.version),
                note: json!(""),
                expected_version: Some(order.version),
            };
            match self.run(ctx, route, &order, wanted).await {
                // Look again: somebody else may have moved it, or the step itself has.
                Ok(_) | Err(Error::Stale(_) | Error::NotAllowed(_)) => {}
                Err(e) => return Err(e),
            }
        }
        let text = "the order is being changed by others; try again";
        Err(Fault::new(kit::ErrorCode::Conflict, text).with_slug("moved").into())
    }

    pub(super) async fn fire_at(
        &self,
        ctx: &Ctx,
        route: Route,
        due: Arc<TriggerDue>,
    ) -> Result<(), Fault> {
        let flow = self.flows.get(ctx, &due.flow, due.flow_version).await?;
        let ctx_in = ctx.clone();
        let (outbox, runner) = (self.outbox.clone(), self.runner.clone());
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, flow, due) = (ctx_in.clone(), Arc::clone(&flow), Arc::clone(&due));
                let (outbox, runner) = (outbox.clone(), runner.clone());
                async move {
                    let means = Means { outbox: &outbox, runner: &runner, flow: &flow };
                    fire_in(&tx, &ctx, means, &due).await
                }
            })
            .await
    }

    pub(super) async fn follow_at(
        &self,
        ctx: &Ctx,
        route: Route,
        order_id: OrderId,
        (operation, request_id): (&str, String),
    ) -> Result<(), Error> {
        let order = self.existing(ctx, route, order_id).await?;
        let flow = self.flow_of(ctx, &order).await?;
        if !flow.document().operations.contains_key(operation) {
            return Ok(());
        }
        let wanted = Move {
            order_id,
            operation: operation.to_owned(),
            roles: vec![flow::SYSTEM],
            request_id,
            note: json!(""),
            expected_version: None,
        };
        self.run(ctx, route, &order, wanted).await.map(|_| ())
    }

    pub(super) async fn money_at(
        &self,
        ctx: &Ctx,
        route: Route,
        consumer: &'static str,
        (message, paid): (Arc<Message>, PaymentEvent),
    ) -> Result<(), Fault> {
        let order = self.existing(ctx, route, paid.order_id).await?;
        let flow = self.flow_of(ctx, &order).await?;
        let (ctx_in, paid) = (ctx.clone(), Arc::new(paid));
        let (outbox, runner) = (self.outbox.clone(), self.runner.clone());
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, flow) = (ctx_in.clone(), Arc::clone(&flow));
                let (outbox, runner) = (outbox.clone(), runner.clone());
                let (message, paid) = (Arc::clone(&message), Arc::clone(&paid));
                async move {
                    if !inbox::once(&tx, &ctx, consumer, &message).await? {
                        return Ok(());
                    }
                    let means = Means { outbox: &outbox, runner: &runner, flow: &flow };
                    money_in(&tx, &ctx, means, &paid).await
                }
            })
            .await
    }

    pub(super) async fn money_back_at(
        &self,
        ctx: &Ctx,
        route: Route,
        consumer: &'static str,
        (message, refunded): (Arc<Message>, PaymentEvent),
    ) -> Result<(), Fault> {
        let order = self.existing(ctx, route, refunded.order_id).await?;
        let flow = self.flow_of(ctx, &order).await?;
        let (ctx_in, outbox, refunded) = (ctx.clone(), self.outbox.clone(), Arc::new(refunded));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox, flow) = (ctx_in.clone(), outbox.clone(), Arc::clone(&flow));
                let (message, refunded) = (Arc::clone(&message), Arc::clone(&refunded));
                async move {
                    if !inbox::once(&tx, &ctx, consumer, &message).await? {
                        return Ok(());
                    }
                    let order = book(&tx, &ctx, &flow, &refunded, refunded.amount.amount()).await?;
                    tell::money(&tx, &ctx, &outbox, &flow, &order).await
                }
            })
            .await
    }
}

/// The order, which nobody else moves until this transaction ends.
async fn locked(tx: &Tx, ctx: &Ctx, id: OrderId) -> Result<OrderRow, Fault> {
    let order = store::lock(tx, &ctx.tenant, id).await?;
    order.ok_or_else(|| Fault::not_found("this order"))
}

/// Keeps what a payment's event says of the order's money. `went_back` is what this very event took away;
/// an event of an older version does not say how much went back in all.
async fn book(
    tx: &Tx,
    ctx: &Ctx,
    flow: &CheckedFlow,
    news: &PaymentEvent,
    went_back: i64,
) -> Result<OrderRow, Fault> {
    let order = locked(tx, ctx, news.order_id).await?;
    let refunded = news.refunded.map_or(order.refunded + went_back, Money::amount);
    let captured = news.balance.amount() + refunded;
    let awaits = model::owes(captured, order.holds_stock, flow.is_final(&order.status));
    store::set_money(tx, &ctx.tenant, &order, (captured, refunded), awaits).await
}

async fn move_in(tx: &Tx, ctx: &Ctx, means: Means<'_>, wanted: &Move) -> Result<Applied, Error> {
    let order = locked(tx, ctx, wanted.order_id).await?;
    let mut refused = None;
    for role in &wanted.roles {
        match operate(tx, ctx, means, &order, wanted, role).await {
            Ok(applied) => return Ok(applied),
            Err(flow::Error::Refused(refusal)) => refused = Some(refusal),
            Err(flow::Error::Moved) => return Err(Error::Stale(order.version)),
            Err(e) => return Err(Fault::from(e).into()),
        }
    }
    // Only a move that would be made now can be stale; a repeated one has been answered above.
    Err(refused.map_or_else(|| Fault::bug("nobody acts").into(), |r| refusal(r, &order, wanted)))
}

fn refusal(refusal: Refusal, order: &OrderRow, wanted: &Move) -> Error {
    match wanted.expected_version {
        Some(version) if version != order.version => Error::Stale(order.version),
        _ => match refusal {
            Refusal::UnknownOperation { operation } => {
                let text = format!("the flow of this order has no operation `{operation}`");
                Fault::invalid("/operation", text).into()
            }
            other => Error::NotAllowed(flow_text(other)),
        },
    }
}

fn flow_text(refusal: Refusal) -> String {
    Fault::from(flow::Error::Refused(refusal)).message
}

async fn operate(
    tx: &Tx,
    ctx: &Ctx,
    means: Means<'_>,
    order: &OrderRow,
    wanted: &Move,
    role: &str,
) -> Result<Applied, flow::Error> {
    let Means { outbox, runner, flow } = means;
    let ask = Ask {
        operation: &wanted.operation,
        role,
        request_id: &wanted.request_id,
        note: &wanted.note,
        data: &Value::Null,
    };
    if let Some(applied) = runner.recorded(tx, ctx, order.id.0, &ask).await? {
        return Ok(applied);
    }
    if wanted.expected_version.is_some_and(|v| v != order.version) {
        return Err(flow::Error::Moved);
    }
    let variables = model::variables(order);
    // Decided before it is executed, because the messages say where the order will stand.
    let decision = flow.decide(&order.status, &wanted.operation, role, &variables)?;
    let event = tell::event(tx, ctx, flow, order, &decision.to).await?;
    let data = to_value(&event)?;
    let (entity, ask) = (entity(order, &variables), Ask { data: &data, ..ask });
    let applied = runner.execute(tx, ctx, flow, entity, &decision, ask).await?;
    if !applied.replayed {
        tell::step(tx, ctx, outbox, order, &decision, event).await?;
        marks(tx, ctx, flow, order, &decision).await?;
    }
    Ok(applied)
}

fn to_value(event: &OrderEvent) -> Result<Value, Fault> {
    serde_json::to_value(event).map_err(Fault::internal)
}

const fn entity<'a>(order: &'a OrderRow, variables: &'a Value) -> Entity<'a> {
    Entity { id: order.id.0, status: order.status.as_str(), version: order.version, variables }
}

/// Keeps the columns that follow from the status.
async fn marks(
    tx: &Tx,
    ctx: &Ctx,
    flow: &CheckedFlow,
    order: &OrderRow,
    decision: &Decision,
) -> Result<(), Fault> {
    let releases = decision.actions.iter().any(|a| a.name == model::ACTION_RELEASE);
    let holds_stock = order.holds_stock && !releases;
    let awaits = model::owes(order.captured, holds_stock, flow.is_final(&decision.to));
    if (awaits, holds_stock) == (order.awaits_payment, order.holds_stock) {
        return Ok(());
    }
    store::set_marks(tx, &ctx.tenant, order.id, awaits, holds_stock).await
}

async fn fire_in(tx: &Tx, ctx: &Ctx, means: Means<'_>, due: &TriggerDue) -> Result<(), Fault> {
    let Means { outbox, runner, flow } = means;
    let order = locked(tx, ctx, OrderId(due.entity_id)).await?;
    let variables = model::variables(&order);
    // Where it would lead, for what the messages say; whether it is done is the runner's word.
    let decision = flow.check_trigger(due.index, &order.status, &variables).ok().flatten();
    let leads_to = decision.as_ref().map_or(order.status.as_str(), |d| d.to.as_str());
    let event = tell::event(tx, ctx, flow, &order, leads_to).await?;
    let data = to_value(&event)?;
    let fired = runner.fire(tx, ctx, flow, entity(&order, &variables), due, &data).await?;
    if let (Fired::Ran(applied), Some(decision)) = (fired, decision)
        && !applied.replayed
    {
        tell::step(tx, ctx, outbox, &order, &decision, event).await?;
        marks(tx, ctx, flow, &order, &decision).await?;
    }
    Ok(())
}

/// The flow says what the money does: pay the order, settle its cash, or go back because it came late.
/// Money that no operation wants goes back as surplus.
async fn money_in(tx: &Tx, ctx: &Ctx, means: Means<'_>, paid: &PaymentEvent) -> Result<(), Fault> {
    let Means { outbox, flow, .. } = means;
    let order = book(tx, ctx, flow, paid, 0).await?;
    for operation in [model::OP_PAY, model::OP_COLLECT, model::OP_REFUND_LATE] {
        let wanted = Move {
            order_id: order.id,
            operation: operation.to_owned(),
            roles: vec![flow::SYSTEM],
            request_id: format!("{operation}-{}", paid.payment_id),
            note: json!({ "payment_id": paid.payment_id }),
            expected_version: None,
        };
        match operate(tx, ctx, means, &order, &wanted, flow::SYSTEM).await {
            Ok(applied) if applied.replayed => {
                return tell::money(tx, ctx, outbox, flow, &order).await;
            }
            Ok(_) => return Ok(()),
            Err(flow::Error::Refused(Refusal::GuardFailed { detail, .. })) => {
                return Err(Fault::bug(format!("`{operation}` cannot be decided: {detail}")));
            }
            Err(flow::Error::Refused(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    tracing::info!(order = %order.id, payment = %paid.payment_id, "a surplus payment goes back");
    tell::money(tx, ctx, outbox, flow, &order).await?;
    let topic = payment_api::REFUND_SURPLUS;
    let message = NewMessage::new(topic, model::ORDER_FLOW, order.id.get(), paid)?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}
