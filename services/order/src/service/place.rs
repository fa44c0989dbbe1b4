//! Placing an order: re-quote, reserve the stock, insert the order, bind the stock to it. The checkout's
//! id is the order's, so however often and from however many tabs it is placed, it is one order.
//!
//! Steps 1 to 3 change nothing that does not come back by itself: a reservation that is not bound
//! expires, and its expiry asks whether the order exists. This function is the seam for strong
//! transactions, in which reserve, insert and bind become the branches of one.

use std::sync::Arc;

use flow::{Ask, CheckedFlow, Entity, Runner};
use inventory_api::{ForOrder, Parcel, Reserve, Wanted};
use kit::{Money, Timestamp};
use member_api::AddressRef;
use order_api::{
    Brief, CREATED, Error, LineInput, OrderLine, OrderMessage, OrderParcel, OrderView,
    PaymentMethod, Place, Quote, SoldOut,
};
use outbox::NewMessage;
use outbox::idempotency::Claim;
use product_api::GetSkus;
use rpc::{Ctx, Fault, ServiceError as _};
use serde_json::{Value, json};
use shard::{Route, Tx};
use types::{Address, MemberId, OrderId};

use super::{Service, default_locale, fence, tell};
use crate::model;
use crate::store::{self, FIRST_VERSION, OrderRow};

const NOTE_CHARS_MAX: usize = 500;
const CHANNEL_CHARS_MAX: usize = 32;
/// What an order's messages may say of it, in bytes: a message holds more, so that every later step fits.
const EVENT_BYTES_MAX: usize = outbox::message::PAYLOAD_BYTES_MAX - 8 * 1024;
/// Orders of so few lines always fit.
const SMALL_LINES: usize = 32;

/// Everything that the inserting transaction needs.
struct Draft {
    row: OrderRow,
    lines: Vec<OrderLine>,
    flow: Arc<CheckedFlow>,
    view: OrderView,
}

/// What the inserting transaction found.
enum Inserted {
    New(Box<OrderView>),
    Existing(Box<OrderRow>, Vec<OrderLine>),
}

impl Service {
    pub(super) async fn quote_lines(
        &self,
        ctx: &Ctx,
        lines: &[LineInput],
        channel: Option<String>,
    ) -> Result<Quote, Error> {
        check_text("/channel", channel.as_deref().unwrap_or_default(), CHANNEL_CHARS_MAX)?;
        let lines = model::sum_lines(lines)?;
        let tenant = self.tenant(ctx).await?;
        let sku_ids = lines.iter().map(|l| l.sku_id).collect();
        let skus = self
            .products
            .get_skus(ctx, GetSkus { sku_ids, channel })
            .await
            .map_err(rpc::ServiceError::into_fault)?;
        model::quote(&lines, &skus, tenant.shipping_fee, &default_locale(&tenant)?)
    }

    pub(super) async fn place_order(&self, ctx: &Ctx, req: Place) -> Result<OrderView, Error> {
        let member_id = MemberId::from_i64(ctx.user_id()?).map_err(Fault::internal)?;
        check_text("/note", &req.note, NOTE_CHARS_MAX)?;
        check_text("/channel", req.channel.as_deref().unwrap_or_default(), CHANNEL_CHARS_MAX)?;
        let route = self.route(ctx, req.checkout_id).await?;
        let work = |claim| Box::pin(self.place_new(ctx, member_id, route, req, claim));
        let answered = self.idempotency.run(ctx, route, work).await?;
        if answered.replayed {
            ctx.session.mark_replayed();
        }
        Ok(answered.answer)
    }

    /// Most checkouts are placed once: only where something is in the way of the order is it looked whether it is
    /// there already. Once it has been inserted here nothing is looked for any more.
    async fn place_new(
        &self,
        ctx: &Ctx,
        member_id: MemberId,
        route: Route,
        req: Place,
        claim: Claim,
    ) -> Result<OrderView, Error> {
        let (id, seen) = (req.checkout_id, req.expected_total);
        let inserting = self.insert_new(ctx, member_id, route, req, claim.clone());
        let existing = match Box::pin(inserting).await {
            Ok(Inserted::New(view)) => {
                return self.bind(&ctx.as_system("order"), id, *view).await;
            }
            Ok(Inserted::Existing(row, lines)) => (*row, lines),
            Err(e) if may_be_there(&e) => self.placed_before(ctx, id).await?.ok_or(e)?,
            Err(e) => return Err(e),
        };
        Box::pin(self.same_order(ctx, route, (member_id, seen), existing, claim)).await
    }

    async fn insert_new(
        &self,
        ctx: &Ctx,
        member_id: MemberId,
        route: Route,
        req: Place,
        claim: Claim,
    ) -> Result<Inserted, Error> {
        let system = ctx.as_system("order");
        // None of these needs another, and on a server each is a round trip.
        let wanted = cart_api::GetContent { member_id };
        let (content, unpaid, address, flow) = futures::join!(
            self.carts.get_content(&system, wanted),
            self.check_quota(ctx, route, member_id),
            self.members.get_address(ctx, AddressRef { id: req.address_id }),
            self.flows.active(ctx, model::ORDER_FLOW),
        );
        let content = content.map_err(rpc::ServiceError::into_fault)?;
        if content.checkout_id != Some(req.checkout_id) || content.lines.is_empty() {
            return Err(Error::CheckoutOver);
        }
        let wanted: Vec<LineInput> = content
            .lines
            .iter()
            .map(|(sku_id, quantity)| LineInput { sku_id: *sku_id, quantity: *quantity })
            .collect();
        let quote = self.quote_lines(ctx, &wanted, req.channel.clone()).await?;
        if quote.total != req.expected_total {
            return Err(Error::PriceChanged(Box::new(quote)));
        }
        unpaid?;
        let address = address
            .map_err(|e| match e.code() {
                kit::ErrorCode::NotFound => {
                    Fault::invalid("/address_id", "not an address of your book")
                }
                _ => e.into_fault(),
            })?
            .address;
        let flow = flow?;
        let order_id = req.checkout_id;
        let parcels = self.reserve(&system, order_id, &quote).await?;
        let draft = match self.draft(ctx, member_id, req, quote, parcels, address, flow).await {
            Ok(draft) => draft,
            Err(e) => {
                self.give_back(&system, order_id, &e).await;
                return Err(e);
            }
        };
        let inserted = Box::pin(self.insert(ctx, route, Arc::new(draft), claim)).await;
        if let Err(e) = &inserted {
            self.give_back(&system, order_id, e).await;
        }
        inserted
    }

    /// The order exists already: another tab was faster, or the answer got lost. A buyer who saw another
    /// total wants another order: the cart has not heard yet that this checkout is over.
    async fn same_order(
        &self,
        ctx: &Ctx,
        route: Route,
        (member_id, seen): (MemberId, Money),
        (existing, lines): (OrderRow, Vec<OrderLine>),
        claim: Claim,
    ) -> Result<OrderView, Error> {
        if existing.member_id != member_id {
            return Err(Fault::not_found("this checkout").into());
        }
        if existing.money(existing.total)? != seen {
            return Err(Error::CheckoutOver);
        }
        let flow = self.flow_of(ctx, &existing).await?;
        let view = self.view_with(ctx, &flow, existing, lines)?;
        let (answer, claim) = (Arc::new(view.clone()), claim);
        self.db
            .tx(ctx, route, move |tx| {
                let (answer, claim) = (Arc::clone(&answer), claim.clone());
                async move { claim.complete(&tx, answer.as_ref()).await }
            })
            .await
            .map_err(|e: Fault| Error::from(e))?;
        Ok(view)
    }

    async fn check_quota(&self, ctx: &Ctx, route: Route, member: MemberId) -> Result<(), Error> {
        let (tenant, max) = (ctx.tenant.clone(), self.options.unpaid_orders_max);
        let unpaid = self
            .db
            .read_one(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { store::unpaid(&tx, &tenant, member, max).await }
            })
            .await
            .map_err(|e: Fault| Error::from(e))?;
        if unpaid >= max { Err(Error::TooManyUnpaid(unpaid)) } else { Ok(()) }
    }

    async fn reserve(
        &self,
        system: &Ctx,
        order_id: OrderId,
        quote: &Quote,
    ) -> Result<Vec<Parcel>, Error> {
        let wanted = |l: &OrderLine| Wanted { sku_id: l.sku_id, quantity: l.quantity };
        let lines = quote.lines.iter().map(wanted).collect();
        match self.inventory.reserve(system, Reserve { order_id, lines }).await {
            // An earlier try of this checkout may have reserved for other lines: its order was never
            // made, and the cart was changed since.
            Ok(reservation) if !model::covers(&reservation.parcels, &quote.lines) => {
                Err(Error::CheckoutOver)
            }
            Ok(reservation) => Ok(reservation.parcels),
            Err(inventory_api::Error::SoldOut(short)) => Err(Error::SoldOut(
                short
                    .into_iter()
                    .map(|s| SoldOut { sku_id: s.sku_id, wanted: s.wanted, available: s.available })
                    .collect(),
            )),
            Err(inventory_api::Error::ReservationOver | inventory_api::Error::WrongState(_)) => {
                Err(Error::CheckoutOver)
            }
            Err(e) => Err(e.into_fault().into()),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the order, gathered by the caller"
    )]
    async fn draft(
        &self,
        ctx: &Ctx,
        member_id: MemberId,
        req: Place,
        quote: Quote,
        parcels: Vec<Parcel>,
        address: Address,
        flow: Arc<CheckedFlow>,
    ) -> Result<Draft, Error> {
        let now: Timestamp = self.db.clock().now();
        let row = OrderRow {
            id: req.checkout_id,
            member_id,
            status: flow.init_status().to_owned(),
            version: FIRST_VERSION,
            flow_version: flow.version(),
            awaits_payment: true,
            holds_stock: true,
            payment_method: req.payment_method,
            channel: req.channel.unwrap_or_else(|| product_api::DEFAULT_CHANNEL.to_owned()),
            currency: quote.total.currency(),
            subtotal: quote.subtotal.amount(),
            adjustments: quote.adjustments,
            shipping: quote.shipping.amount(),
            total: quote.total.amount(),
            paid: 0,
            captured: 0,
            refunded: 0,
            title: quote.lines.first().map(|l| l.title.clone()).unwrap_or_default(),
            image_url: quote.lines.first().and_then(|l| l.image_url.clone()),
            units: quote.lines.iter().map(|l| i64::from(l.quantity.get())).sum(),
            line_count: quote.lines.len(),
            parcels: parcels.into_iter().map(order_parcel).collect(),
            address,
            note: req.note,
            created_at: now,
            updated_at: now,
        };
        check_size(&flow, &row, &quote.lines)?;
        // The answer is recorded in the inserting transaction, so it is made before it: an order that is
        // to be paid in cash is confirmed in the same transaction.
        let expected = self.after_placing(&flow, &row)?;
        let view = self.view_with(ctx, &flow, expected, quote.lines.clone())?;
        Ok(Draft { row, lines: quote.lines, flow, view })
    }

    /// The row as it stands when the inserting transaction has committed.
    fn after_placing(&self, flow: &CheckedFlow, row: &OrderRow) -> Result<OrderRow, Error> {
        if row.payment_method != PaymentMethod::CashOnDelivery {
            return Ok(row.clone());
        }
        let variables = model::variables(row);
        let decided = flow.decide(&row.status, model::OP_CONFIRM_CASH, flow::SYSTEM, &variables);
        let decision = decided.map_err(|_| {
            Fault::invalid("/payment_method", "cash on delivery is not offered here")
        })?;
        let awaits_payment = model::owes(0, row.holds_stock, flow.is_final(&decision.to));
        Ok(OrderRow {
            status: decision.to,
            version: row.version + 1,
            awaits_payment,
            ..row.clone()
        })
    }

    async fn insert(
        &self,
        ctx: &Ctx,
        route: Route,
        draft: Arc<Draft>,
        claim: Claim,
    ) -> Result<Inserted, Error> {
        let max = self.options.unpaid_orders_max;
        self.by_map(ctx, |map| {
            let (ctx_in, draft, claim) = (ctx.clone(), Arc::clone(&draft), claim.clone());
            let (outbox, runner) = (self.outbox.clone(), self.runner.clone());
            self.db.tx(ctx, route, move |tx| {
                let (ctx, outbox, runner) = (ctx_in.clone(), outbox.clone(), runner.clone());
                let (draft, claim, map) = (Arc::clone(&draft), claim.clone(), Arc::clone(&map));
                async move {
                    let means = (&outbox, &runner);
                    let made = insert_in(&tx, &ctx, means, &draft, &claim, max).await?;
                    if matches!(made, Inserted::New(_)) {
                        fence::admit(&tx, &ctx, &map, (draft.row.id, draft.row.member_id)).await?;
                    }
                    Ok(made)
                }
            })
        })
        .await
    }

    /// From now on only pay, close and cancel move the stock.
    async fn bind(
        &self,
        system: &Ctx,
        order_id: OrderId,
        view: OrderView,
    ) -> Result<OrderView, Error> {
        match self.inventory.bind(system, ForOrder { order_id }).await {
            Ok(_) => Ok(view),
            Err(inventory_api::Error::ReservationOver) => {
                // It took longer than a reservation lives: the stock is gone, so the order cannot stand.
                self.close_unbound(system, order_id).await?;
                Err(Error::CheckoutOver)
            }
            Err(e) => {
                // The order stands and the reservation is there: its expiry asks us and binds it then.
                let fault = e.into_fault();
                tracing::warn!(order = %order_id, error = ?fault, "stock is not bound yet");
                Ok(view)
            }
        }
    }

    /// This call inserted nothing, so the stock goes back now rather than when it expires. When the outcome is
    /// unknown it is left to the expiry, which asks whether the order exists.
    async fn give_back(&self, system: &Ctx, order_id: OrderId, why: &Error) {
        use kit::ErrorCode::{DeadlineExceeded, Unavailable};
        if matches!(why.code(), DeadlineExceeded | Unavailable) {
            return;
        }
        // Another tab may have placed this very order meanwhile; then the stock is its stock.
        match self.settled(system, Brief { order_ids: vec![order_id] }).await {
            Ok(standing) if standing.is_empty() => {}
            Ok(_) => return,
            Err(e) => {
                tracing::warn!(order = %order_id, error = ?e.into_fault(), "stock goes back when it expires");
                return;
            }
        }
        if let Err(e) = self.inventory.release(system, ForOrder { order_id }).await {
            tracing::warn!(order = %order_id, error = ?e.into_fault(), "stock goes back when it expires");
        }
    }
}

/// Whether the order may have been placed before, so that this is no answer for who places it again. Stock that
/// an order holds is not wanted twice, and who has no time left is not kept waiting.
fn may_be_there(why: &Error) -> bool {
    use kit::ErrorCode::{DeadlineExceeded, Unavailable};
    !matches!(why, Error::SoldOut(_)) && !matches!(why.code(), DeadlineExceeded | Unavailable)
}

async fn insert_in(
    tx: &Tx,
    ctx: &Ctx,
    (outbox, runner): (&outbox::Outbox, &Runner),
    draft: &Draft,
    claim: &Claim,
    unpaid_max: u32,
) -> Result<Inserted, Error> {
    let (row, flow) = (&draft.row, draft.flow.as_ref());
    store::take_turn(tx, &ctx.tenant, row.member_id).await?;
    if !store::insert(tx, &ctx.tenant, row, &draft.lines).await? {
        let existing = store::load(tx, &ctx.tenant, row.id).await?;
        let existing = existing.ok_or_else(|| Fault::bug("an order is there and is not"))?;
        let lines = store::lines(tx, &ctx.tenant, &existing).await?;
        return Ok(Inserted::Existing(Box::new(existing), lines));
    }
    // Again, now that this buyer can place no other, and only for an order that is new: the quota holds against a
    // burst of tabs, and a tab that lost the race for one order is not refused for it. It counts this one.
    let unpaid = store::unpaid(tx, &ctx.tenant, row.member_id, unpaid_max + 1).await?;
    if unpaid > unpaid_max {
        return Err(Error::TooManyUnpaid(unpaid_max));
    }
    let lines = || draft.lines.clone();
    let data = model::event(flow, row, &row.status, row.updated_at, lines())?;
    let message = OrderMessage {
        operation: flow::execute::BEGIN.to_owned(),
        from: String::new(),
        to: row.status.clone(),
        version: row.version,
        data,
    };
    let message = NewMessage::new(CREATED, model::ORDER_FLOW, row.id.get(), &message)?;
    let (variables, note) = (model::variables(row), json!(""));
    let entity =
        Entity { id: row.id.0, status: &row.status, version: row.version, variables: &variables };
    let ask = Ask {
        operation: flow::execute::BEGIN,
        role: "buyer",
        request_id: "place",
        note: &note,
        data: &Value::Null,
    };
    // The reservation expired meanwhile, and its expiry has barred the order: nothing is inserted.
    let begun = runner.begin_telling(tx, ctx, flow, entity, ask, vec![message]).await;
    begun.map_err(|e| match e.code {
        kit::ErrorCode::Conflict => Error::CheckoutOver,
        _ => e.into(),
    })?;
    let mut updated_at = row.updated_at;
    if row.payment_method == PaymentMethod::CashOnDelivery {
        confirm_cash(tx, &ctx.as_system("order"), (outbox, runner), draft, entity).await?;
        updated_at = tx.now();
    }
    let view = OrderView { updated_at, ..draft.view.clone() };
    claim.complete(tx, &view).await?;
    Ok(Inserted::New(Box::new(view)))
}

/// An order that could be placed and then never be moved must not be placed.
fn check_size(flow: &CheckedFlow, row: &OrderRow, lines: &[OrderLine]) -> Result<(), Fault> {
    if lines.len() <= SMALL_LINES {
        return Ok(());
    }
    let event = model::event(flow, row, &row.status, row.updated_at, lines.to_vec())?;
    if serde_json::to_vec(&event).map_err(Fault::internal)?.len() > EVENT_BYTES_MAX {
        return Err(Fault::invalid("/lines", "too much for one order; make two of it"));
    }
    Ok(())
}

/// An order that is to be paid in cash is confirmed where it is placed.
async fn confirm_cash(
    tx: &Tx,
    system: &Ctx,
    (outbox, runner): (&outbox::Outbox, &Runner),
    draft: &Draft,
    entity: Entity<'_>,
) -> Result<(), Fault> {
    let (row, flow) = (&draft.row, draft.flow.as_ref());
    let (operation, role) = (model::OP_CONFIRM_CASH, flow::SYSTEM);
    let decision = flow.decide(&row.status, operation, role, entity.variables);
    let decision = decision.map_err(|e| Fault::from(flow::Error::from(e)))?;
    let event = model::event(flow, row, &decision.to, tx.now(), draft.lines.clone())?;
    let data = serde_json::to_value(&event).map_err(Fault::internal)?;
    let ask = Ask { operation, role, request_id: "confirm-cash", note: &json!(""), data: &data };
    runner.execute(tx, system, flow, entity, &decision, ask).await?;
    tell::step(tx, system, outbox, row, &decision, event).await?;
    let awaits_payment = model::owes(row.captured, row.holds_stock, flow.is_final(&decision.to));
    if awaits_payment != row.awaits_payment {
        store::set_marks(tx, &system.tenant, row.id, awaits_payment, row.holds_stock).await?;
    }
    Ok(())
}

fn order_parcel(parcel: Parcel) -> OrderParcel {
    let line = |w: Wanted| LineInput { sku_id: w.sku_id, quantity: w.quantity };
    OrderParcel {
        warehouse_id: parcel.warehouse_id,
        lines: parcel.lines.into_iter().map(line).collect(),
    }
}

pub(super) fn check_text(pointer: &str, text: &str, max: usize) -> Result<(), Fault> {
    let control = text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t');
    if text.chars().count() > max || control {
        return Err(Fault::invalid(
            pointer,
            format!("at most {max} characters, without control characters"),
        ));
    }
    Ok(())
}
