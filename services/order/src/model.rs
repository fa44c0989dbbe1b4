//! The rules of orders: summing lines, quoting, what a flow may ask about an order, who acts as what.
//! Pure: no async, no IO.

use std::collections::{BTreeMap, HashMap};

use flow::{ActionKind, CheckedFlow, FlowKind, Refusal};
use inventory_api::Parcel;
use kit::{Currency, Money, Timestamp};
use order_api::{
    COMMAND_ACTIONS, EVENTS, Error, LineInput, OrderBrief, OrderEvent, OrderLine, PaymentMethod,
    Quote,
};
use product_api::SkuInfo;
use rpc::{Actor, ActorKind, Fault};
use serde_json::{Value, json};
use types::{Locale, Quantity, SkuId};

use crate::store::OrderRow;

/// The most different skus of one order.
pub const LINES_MAX: usize = 100;

/// What is a flow of orders called.
pub const ORDER_FLOW: &str = "order";
/// What is a flow of after-sale cases called; its service comes later, its documents can be published.
pub const AFTER_SALE_FLOW: &str = "after_sale";

/// The operation that money makes possible before shipping.
pub const OP_PAY: &str = "pay";
/// The operation that cash makes possible when it is handed over.
pub const OP_COLLECT: &str = "collect";
/// The operation for an order that is to be paid in cash.
pub const OP_CONFIRM_CASH: &str = "confirm_cash";
/// The operation for money that came after the order was closed.
pub const OP_REFUND_LATE: &str = "refund_late_payment";
/// A parcel is about to leave: leads to where the order cannot be cancelled any more.
pub const OP_BEGIN_SHIPPING: &str = "begin_shipping";
/// All of it has left.
pub const OP_SHIP: &str = "ship";
/// All of it has arrived.
pub const OP_DELIVER: &str = "deliver";
/// The reservation was over before it could be bound, so the order cannot stand.
pub const OP_CLOSE: &str = "close";
/// The action that gives the stock back.
pub const ACTION_RELEASE: &str = "release_stock";

/// What a flow of orders may name.
#[must_use]
pub fn order_flow_kind() -> FlowKind {
    let mut kind = FlowKind::new(ORDER_FLOW)
        .role("buyer")
        .role("staff")
        .role("staff.warehouse")
        .require_operation(OP_PAY)
        .require_operation(OP_CLOSE)
        .sample(json!({ "order": {
            "total_amount": 12_900, "paid_amount": 0, "captured_amount": 0, "refunded_amount": 0,
            "payment_method": "card", "units": 3, "lines": 2, "channel": "web",
        }}));
    for (action, _) in COMMAND_ACTIONS {
        kind = kind.action(*action, ActionKind::Command);
    }
    for event in EVENTS {
        kind = kind.event(*event);
    }
    kind
}

/// What a flow of after-sale cases may name.
#[must_use]
pub fn after_sale_flow_kind() -> FlowKind {
    FlowKind::new(AFTER_SALE_FLOW)
        .role("buyer")
        .role("staff")
        .role("staff.warehouse")
        .action("refund", ActionKind::Command)
        .action("restock", ActionKind::Command)
        .action("ship_replacement", ActionKind::Command)
        .event("after_sale.opened")
        .event("after_sale.approved")
        .event("after_sale.rejected")
        .event("after_sale.returned")
        .event("after_sale.refunded")
        .event("after_sale.closed")
        .sample(json!({ "case": {
            "kind": "return", "refund_amount": 12_900, "units": 1, "days_since_received": 3,
        }}))
}

/// What guards and conditions may ask about an order.
#[must_use]
pub fn variables(order: &OrderRow) -> Value {
    json!({ "order": {
        "total_amount": order.total,
        "paid_amount": order.paid,
        "captured_amount": order.captured,
        "refunded_amount": order.refunded,
        "payment_method": method_name(order.payment_method),
        "units": order.units,
        "lines": order.line_count,
        "channel": order.channel,
    }})
}

/// A payment method as guards and tables write it.
#[must_use]
pub const fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "card",
        PaymentMethod::CashOnDelivery => "cash_on_delivery",
    }
}

/// A payment method as a table has it.
#[must_use]
pub fn method_from_name(name: &str) -> Option<PaymentMethod> {
    [PaymentMethod::Card, PaymentMethod::CashOnDelivery]
        .into_iter()
        .find(|m| method_name(*m) == name)
}

/// Lines of one sku become one line, in the order of their first mention.
///
/// # Errors
/// When there is none, there are too many, or a sum is past the largest quantity.
pub fn sum_lines(lines: &[LineInput]) -> Result<Vec<LineInput>, Fault> {
    if lines.is_empty() {
        return Err(Fault::invalid("/lines", "at least one line"));
    }
    if lines.len() > LINES_MAX {
        return Err(Fault::invalid("/lines", format!("at most {LINES_MAX} lines")));
    }
    let mut summed: Vec<(SkuId, u32)> = Vec::with_capacity(lines.len());
    for line in lines {
        match summed.iter_mut().find(|(sku, _)| *sku == line.sku_id) {
            Some((_, n)) => *n = n.saturating_add(line.quantity.get()),
            None => summed.push((line.sku_id, line.quantity.get())),
        }
    }
    summed
        .into_iter()
        .enumerate()
        .map(|(i, (sku_id, n))| {
            let wrong =
                |_| Fault::invalid(format!("/lines/{i}/quantity"), "at most 10000 of one sku");
            Ok(LineInput { sku_id, quantity: Quantity::new(n).map_err(wrong)? })
        })
        .collect()
}

/// What the lines cost. `lines` are summed already.
///
/// # Errors
/// `NotSellable` with every sku that cannot be bought; out of range for absurd sums.
pub fn quote(
    lines: &[LineInput],
    skus: &[SkuInfo],
    shipping: Money,
    locale: &Locale,
) -> Result<Quote, Error> {
    let known: HashMap<SkuId, &SkuInfo> = skus.iter().map(|s| (s.sku_id, s)).collect();
    let price_of = |sku: SkuId| {
        known.get(&sku).filter(|s| s.sellable).and_then(|s| s.price.map(|price| (*s, price)))
    };
    let missing: Vec<SkuId> =
        lines.iter().map(|l| l.sku_id).filter(|sku| price_of(*sku).is_none()).collect();
    if !missing.is_empty() {
        return Err(Error::NotSellable(missing));
    }
    let mut quoted = Vec::with_capacity(lines.len());
    let mut subtotal = Money::zero(shipping.currency());
    for (line_no, line) in (1..).zip(lines) {
        let Some((sku, price)) = price_of(line.sku_id) else { continue };
        let total = price.times(line.quantity.get().into()).map_err(out_of_range)?;
        subtotal = subtotal.plus(total).map_err(out_of_range)?;
        quoted.push(OrderLine {
            line_no,
            sku_id: sku.sku_id,
            spu_id: sku.spu_id,
            title: sku.title.get(locale).to_owned(),
            variant: sku.variant.clone(),
            code: sku.code.clone(),
            image_url: sku.image.as_ref().map(|i| i.url.clone()),
            quantity: line.quantity,
            price,
            total,
        });
    }
    let total = subtotal.plus(shipping).map_err(out_of_range)?;
    Ok(Quote { lines: quoted, subtotal, adjustments: Vec::new(), shipping, total })
}

fn out_of_range(e: kit::MoneyError) -> Fault {
    Fault::invalid("/lines", "the sum is out of range").because(e)
}

/// Whether a reservation holds exactly what is ordered.
#[must_use]
pub fn covers(parcels: &[Parcel], lines: &[OrderLine]) -> bool {
    let mut units: BTreeMap<SkuId, i64> = BTreeMap::new();
    for held in parcels.iter().flat_map(|p| &p.lines) {
        *units.entry(held.sku_id).or_default() += i64::from(held.quantity.get());
    }
    for line in lines {
        *units.entry(line.sku_id).or_default() -= i64::from(line.quantity.get());
    }
    units.values().all(|n| *n == 0)
}

/// The roles of an actor towards an order of `member_id`, best first. Empty when it has none: for a
/// buyer of another's order it does not exist.
#[must_use]
pub fn roles(actor: &Actor, member_id: i64) -> Vec<&'static str> {
    match actor.kind {
        ActorKind::System => vec![flow::SYSTEM],
        ActorKind::User if actor.id == member_id => vec!["buyer"],
        ActorKind::Operator => {
            let mut roles = Vec::new();
            if actor.may("orders:operate") {
                roles.push("staff");
            }
            if actor.may("orders:ship") {
                roles.push("staff.warehouse");
            }
            roles
        }
        ActorKind::User | ActorKind::Anonymous => Vec::new(),
    }
}

/// Whether this actor may see an order of `member_id`.
#[must_use]
pub fn may_see(actor: &Actor, member_id: i64) -> bool {
    actor.may("orders:read") || (actor.kind == ActorKind::User && actor.id == member_id)
}

/// Whether an order counts against its buyer's quota: units are held for it and nothing was ever paid, by
/// card or at the door, and its flow goes on. Money that came and went back does not make it count again.
#[must_use]
pub const fn owes(captured: i64, holds_stock: bool, is_final: bool) -> bool {
    captured == 0 && holds_stock && !is_final
}

/// Whether a parcel of an order may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Its flow says no.
    No,
    /// As it stands.
    Yes,
    /// When it has taken the step [`OP_BEGIN_SHIPPING`].
    AfterStep,
}

/// What the flow says to a parcel of an order. A parcel that leaves must be reportable afterwards: where it
/// leaves, `ship` has to be possible.
#[must_use]
pub fn leaving(flow: &CheckedFlow, order: &OrderRow) -> Leaving {
    let variables = variables(order);
    let decide =
        |status: &str, operation: &str| flow.decide(status, operation, flow::SYSTEM, &variables);
    let (leads_to, yes) = match decide(&order.status, OP_BEGIN_SHIPPING) {
        Ok(decision) if decision.to != order.status => (decision.to, Leaving::AfterStep),
        // It stays: the flow only wants to be asked again.
        Ok(_) => (order.status.clone(), Leaving::Yes),
        // A flow without the operation, or past it.
        Err(Refusal::UnknownOperation { .. } | Refusal::NotFrom { .. }) => {
            (order.status.clone(), Leaving::Yes)
        }
        Err(_) => return Leaving::No,
    };
    if decide(&leads_to, OP_SHIP).is_ok() { yes } else { Leaving::No }
}

/// How an order stands, for other services.
#[must_use]
pub fn brief(flow: &CheckedFlow, order: &OrderRow, currency: Currency) -> Option<OrderBrief> {
    // "May it be paid" asks the flow with the money that a payment would bring.
    let captured = order.captured + order.total;
    let paid_up = OrderRow { paid: order.total, captured, ..order.clone() };
    let can = |operation: &str, order: &OrderRow| {
        flow.decide(&order.status, operation, flow::SYSTEM, &variables(order)).is_ok()
    };
    Some(OrderBrief {
        id: order.id,
        member_id: order.member_id,
        status: order.status.clone(),
        is_final: flow.is_final(&order.status),
        payable: order.paid == 0 && (can(OP_PAY, &paid_up) || can(OP_COLLECT, &paid_up)),
        shippable: leaving(flow, order) != Leaving::No,
        holds_stock: order.holds_stock,
        payment_method: order.payment_method,
        total: Money::new(order.total, currency).ok()?,
        paid: Money::new(order.paid, currency).ok()?,
        version: order.version,
    })
}

/// What a message says about an order that stands in `status` since `at`, whatever its row says.
///
/// # Errors
/// When an amount of the row is none.
pub fn event(
    flow: &CheckedFlow,
    order: &OrderRow,
    status: &str,
    at: Timestamp,
    mut lines: Vec<OrderLine>,
) -> Result<OrderEvent, Fault> {
    // An order may have a hundred lines, and a picture's address two thousand characters.
    for line in lines.iter_mut().skip(1) {
        line.image_url = None;
    }
    Ok(OrderEvent {
        order_id: order.id,
        member_id: order.member_id,
        payment_method: order.payment_method,
        total: order.money(order.total)?,
        paid: order.money(order.paid)?,
        captured: Some(order.money(order.captured)?),
        refunded: Some(order.money(order.refunded)?),
        status_label: flow.document().status_label(status, "").to_owned(),
        is_final: flow.is_final(status),
        flow_version: order.flow_version,
        channel: order.channel.clone(),
        created_at: order.created_at,
        updated_at: at,
        lines,
        parcels: order.parcels.clone(),
        address: order.address.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: i64, n: u32) -> LineInput {
        LineInput { sku_id: SkuId::from_i64(sku).unwrap(), quantity: Quantity::new(n).unwrap() }
    }

    fn sku(id: i64, price: Option<i64>) -> SkuInfo {
        let en: Locale = "en".parse().unwrap();
        SkuInfo {
            sku_id: SkuId::from_i64(id).unwrap(),
            spu_id: types::SpuId::from_i64(1).unwrap(),
            slug: "rose".parse().unwrap(),
            title: types::Texts::one(en, "Rose"),
            variant: "Red".into(),
            code: String::new(),
            price: price.map(|p| Money::new(p, "CNY".parse().unwrap()).unwrap()),
            image: None,
            sellable: true,
        }
    }

    #[test]
    fn lines_of_one_sku_are_one_line() {
        let summed = sum_lines(&[line(1, 2), line(2, 1), line(1, 3)]).unwrap();
        assert_eq!(summed, [line(1, 5), line(2, 1)]);
        assert!(sum_lines(&[line(1, 9_999), line(1, 2)]).is_err());
        assert!(sum_lines(&[]).is_err());
    }

    #[test]
    fn a_quote_sums_lines_and_shipping_and_names_what_cannot_be_bought() {
        let fee = Money::new(1_000, "CNY".parse().unwrap()).unwrap();
        let en = "en".parse().unwrap();
        let lines = [line(1, 2), line(2, 1)];
        let q = quote(&lines, &[sku(1, Some(500)), sku(2, Some(1))], fee, &en).unwrap();
        assert_eq!((q.subtotal.amount(), q.total.amount()), (1_001, 2_001));
        let refused = quote(&lines, &[sku(1, None)], fee, &en);
        assert!(matches!(refused, Err(Error::NotSellable(s)) if s.len() == 2));
    }

    #[test]
    fn a_reservation_for_other_lines_does_not_cover_an_order() {
        let fee = Money::new(0, "CNY".parse().unwrap()).unwrap();
        let en = "en".parse().unwrap();
        let lines = quote(&[line(1, 3)], &[sku(1, Some(1))], fee, &en).unwrap().lines;
        let held = |n: u32| inventory_api::Parcel {
            warehouse_id: types::WarehouseId::from_i64(1).unwrap(),
            lines: vec![inventory_api::Wanted {
                sku_id: SkuId::from_i64(1).unwrap(),
                quantity: Quantity::new(n).unwrap(),
            }],
        };
        assert!(covers(&[held(1), held(2)], &lines));
        assert!(!covers(&[held(2)], &lines) && !covers(&[held(4)], &lines) && !covers(&[], &lines));
    }

    #[test]
    fn nobody_but_the_buyer_and_staff_has_a_role() {
        assert_eq!(roles(&Actor::user(5), 5), ["buyer"]);
        assert!(roles(&Actor::user(6), 5).is_empty());
        assert!(roles(&Actor::anonymous(), 5).is_empty());
        let warehouse = Actor::operator(1, vec!["orders:ship".into()]);
        assert_eq!(roles(&warehouse, 5), ["staff.warehouse"]);
        assert!(!may_see(&warehouse, 5));
    }
}
