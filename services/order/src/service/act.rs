//! Moving an order along its flow, for buyers, staff, timers and the events of other services. Every
//! move is one transaction of the flow's executor; what it could not do is an answer, not a state.

use std::sync::Arc;

use flow::{Applied, Ask, CheckedFlow, Entity, Fired, Refusal, Runner, TriggerDue};
use order_api::{Act, Error, OrderView};
use outbox::{Message, NewMessage, Outbox, inbox};
use payment_api::PaymentEvent;
use rpc::{Ctx, Fault};
use serde_json::{Value, json};
use shard::{Route, Tx};
use types::OrderId;

use super::{Service, event, place::check_text};
use crate::model;
use crate::store::{self, OrderRow};

const OPERATION_CHARS_MAX: usize = 64;
const NOTE_CHARS_MAX: usize = 500;

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
    pub(super) async fn act_on(&self, ctx: &Ctx, req: Act) -> Result<OrderView, Error> {
        check_text("/operation", &req.operation, OPERATION_CHARS_MAX)?;
        check_text("/note", &req.note, NOTE_CHARS_MAX)?;
        let route = self.route(req.order_id)?;
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
        self.run(ctx, route, &order, wanted).await?;
        self.moved(ctx, req.order_id).await
    }

    /// The stock was gone before it could be bound.
    pub(super) async fn close_unbound(&self, system: &Ctx, order_id: OrderId) -> Result<(), Error> {
        let route = self.route(order_id)?;
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
        let (ctx_in, runner, wanted) = (ctx.clone(), self.runner.clone(), Arc::new(wanted));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, runner) = (ctx_in.clone(), runner.clone());
                let (flow, wanted) = (Arc::clone(&flow), Arc::clone(&wanted));
                async move { move_in(&tx, &ctx, &runner, &flow, &wanted).await }
            })
            .await
    }

    /// A timer of an order is due.
    pub(crate) async fn fire(&self, ctx: &Ctx, due: TriggerDue) -> Result<(), Fault> {
        let order_id = OrderId(due.entity_id);
        let flow = self.flows.get(ctx, &due.flow, due.flow_version).await?;
        let (ctx_in, runner, due) = (ctx.clone(), self.runner.clone(), Arc::new(due));
        self.db
            .tx(ctx, self.route(order_id)?, move |tx| {
                let (ctx, runner) = (ctx_in.clone(), runner.clone());
                let (flow, due) = (Arc::clone(&flow), Arc::clone(&due));
                async move { fire_in(&tx, &ctx, &runner, &flow, &due).await }
            })
            .await
    }

    /// Something happened to the order elsewhere that its flow has an operation for: it left, it arrived.
    pub(crate) async fn follow(
        &self,
        ctx: &Ctx,
        order_id: OrderId,
        operation: &str,
        request_id: String,
    ) -> Result<(), Error> {
        let route = self.route(order_id)?;
        let order = self.load(ctx, route, order_id).await?;
        let order = order.ok_or_else(|| Fault::not_found("this order"))?;
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

    /// Money has arrived: the order is paid by it, or has no use for it and gives it back.
    pub(crate) async fn money(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Arc<Message>,
        paid: PaymentEvent,
    ) -> Result<(), Fault> {
        let route = self.route(paid.order_id)?;
        let order = self.load(ctx, route, paid.order_id).await?;
        let order = order.ok_or_else(|| Fault::not_found("this order"))?;
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
                    money_in(&tx, &ctx, (&outbox, &runner), &flow, &paid).await
                }
            })
            .await
    }

    /// Money has gone back.
    pub(crate) async fn money_back(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Arc<Message>,
        refunded: PaymentEvent,
    ) -> Result<(), Fault> {
        let (ctx_in, refunded) = (ctx.clone(), Arc::new(refunded));
        self.db
            .tx(ctx, self.route(refunded.order_id)?, move |tx| {
                let (ctx, message) = (ctx_in.clone(), Arc::clone(&message));
                let refunded = Arc::clone(&refunded);
                async move {
                    if !inbox::once(&tx, &ctx, consumer, &message).await? {
                        return Ok(());
                    }
                    let order = must_load(&tx, &ctx, refunded.order_id).await?;
                    store::set_paid(&tx, &ctx.tenant, &order, refunded.balance.amount()).await?;
                    Ok(())
                }
            })
            .await
    }
}

async fn must_load(tx: &Tx, ctx: &Ctx, id: OrderId) -> Result<OrderRow, Fault> {
    let order = store::load(tx, &ctx.tenant, id).await?;
    order.ok_or_else(|| Fault::not_found("this order"))
}

async fn move_in(
    tx: &Tx,
    ctx: &Ctx,
    runner: &Runner,
    flow: &CheckedFlow,
    wanted: &Move,
) -> Result<Applied, Error> {
    let order = must_load(tx, ctx, wanted.order_id).await?;
    let mut refused = None;
    for role in &wanted.roles {
        match operate(tx, ctx, runner, flow, &order, wanted, role).await {
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
    runner: &Runner,
    flow: &CheckedFlow,
    order: &OrderRow,
    wanted: &Move,
    role: &str,
) -> Result<Applied, flow::Error> {
    let data = data(tx, ctx, order).await?;
    let ask = Ask {
        operation: &wanted.operation,
        role,
        request_id: &wanted.request_id,
        note: &wanted.note,
        data: &data,
    };
    if let Some(applied) = runner.recorded(tx, ctx, order.id.0, &ask).await? {
        return Ok(applied);
    }
    if wanted.expected_version.is_some_and(|v| v != order.version) {
        return Err(flow::Error::Moved);
    }
    let variables = model::variables(order);
    let applied = runner.operate(tx, ctx, flow, entity(order, &variables), ask).await?;
    marks(tx, ctx, flow, order, &applied).await?;
    Ok(applied)
}

async fn data(tx: &Tx, ctx: &Ctx, order: &OrderRow) -> Result<Value, Fault> {
    serde_json::to_value(event(tx, ctx, order).await?).map_err(Fault::internal)
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
    applied: &Applied,
) -> Result<(), Fault> {
    if applied.replayed {
        return Ok(());
    }
    let actions = model::actions_of(flow, &applied.operation, &applied.from, &applied.to);
    let releases = actions.iter().any(|a| a == model::ACTION_RELEASE);
    let awaits_payment = applied.to == flow.init_status();
    let holds_stock = order.holds_stock && !releases;
    if (awaits_payment, holds_stock) == (order.awaits_payment, order.holds_stock) {
        return Ok(());
    }
    store::set_marks(tx, &ctx.tenant, order.id, awaits_payment, holds_stock).await
}

async fn fire_in(
    tx: &Tx,
    ctx: &Ctx,
    runner: &Runner,
    flow: &CheckedFlow,
    due: &TriggerDue,
) -> Result<(), Fault> {
    let order = must_load(tx, ctx, OrderId(due.entity_id)).await?;
    let (data, variables) = (data(tx, ctx, &order).await?, model::variables(&order));
    let fired = runner.fire(tx, ctx, flow, entity(&order, &variables), due, &data).await?;
    if let Fired::Ran(applied) = fired {
        marks(tx, ctx, flow, &order, &applied).await?;
    }
    Ok(())
}

/// The flow says what the money does: pay the order, settle its cash, or go back because it came late.
/// Money that no operation wants goes back as surplus.
async fn money_in(
    tx: &Tx,
    ctx: &Ctx,
    (outbox, runner): (&Outbox, &Runner),
    flow: &CheckedFlow,
    paid: &PaymentEvent,
) -> Result<(), Fault> {
    let order = must_load(tx, ctx, paid.order_id).await?;
    let order = store::set_paid(tx, &ctx.tenant, &order, paid.balance.amount()).await?;
    for operation in [model::OP_PAY, model::OP_COLLECT, model::OP_REFUND_LATE] {
        let wanted = Move {
            order_id: order.id,
            operation: operation.to_owned(),
            roles: vec![flow::SYSTEM],
            request_id: format!("{operation}-{}", paid.payment_id),
            note: json!({ "payment_id": paid.payment_id }),
            expected_version: None,
        };
        match operate(tx, ctx, runner, flow, &order, &wanted, flow::SYSTEM).await {
            Ok(_) => return Ok(()),
            Err(flow::Error::Refused(Refusal::GuardFailed { detail, .. })) => {
                return Err(Fault::bug(format!("`{operation}` cannot be decided: {detail}")));
            }
            Err(flow::Error::Refused(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    tracing::info!(order = %order.id, payment = %paid.payment_id, "a surplus payment goes back");
    let topic = payment_api::REFUND_SURPLUS;
    let message = NewMessage::new(topic, model::ORDER_FLOW, order.id.get(), paid)?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}
