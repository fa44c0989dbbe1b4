//! Orders as the services tell of them, for samples of pages and for tests. Texts are full of what would be
//! markup if it were not escaped.

use fulfillment_api::{Fulfillment, Shipment, ToShip, TrackingEvent, Units};
use kit::{Id, Money, Place, Timestamp};
use order_api::{AvailableAction, HistoryEntry, OrderLine, OrderView, PaymentMethod};
use payment_api::{OrderPayments, PaymentState, PaymentView, RefundView};
use search_api::OrderHit;
use types::{
    Address, MemberId, OrderId, PaymentId, Quantity, RefundId, ShipmentId, SkuId, SpuId,
    WarehouseId,
};

pub const AT: Timestamp = Timestamp::from_millis(1_763_690_000_000);

pub fn cny(amount: i64) -> Money {
    Money::new(amount, "CNY".parse().unwrap()).unwrap()
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

pub fn order_id() -> OrderId {
    OrderId(Id::compose(AT.millis(), Place { db: 4, table: 7 }, 2, 9).unwrap())
}

pub fn parcel_id() -> ShipmentId {
    ShipmentId::from_i64(31).unwrap()
}

pub fn payment_id() -> PaymentId {
    PaymentId::from_i64(62).unwrap()
}

fn line(n: i64, quantity: u32, price: i64) -> OrderLine {
    OrderLine {
        line_no: u32::try_from(n).unwrap(),
        sku_id: sku(n),
        spu_id: SpuId::from_i64(10 + n).unwrap(),
        title: format!("Rose <no> {n}"),
        variant: "Red / <wrong>".to_owned(),
        code: format!("R-{n}"),
        image_url: Some(format!("/media/{n}")),
        quantity: Quantity::new(quantity).unwrap(),
        price: cny(price),
        total: cny(price * i64::from(quantity)),
    }
}

/// A paid order of three roses of one kind and one of another.
pub fn order() -> OrderView {
    let action = |operation: &str, label: &str| AvailableAction {
        operation: operation.to_owned(),
        label: label.to_owned(),
    };
    OrderView {
        id: order_id(),
        member_id: MemberId::from_i64(5).unwrap(),
        status: "PAID".to_owned(),
        status_label: "Paid <no>".to_owned(),
        is_final: false,
        flow_version: 3,
        version: 4,
        available_actions: vec![action("pack", "Pack <no>"), action("cancel", "Cancel")],
        payment_method: PaymentMethod::Card,
        channel: "web".to_owned(),
        lines: vec![line(1, 3, 5_000), line(2, 1, 10_800)],
        subtotal: cny(25_800),
        adjustments: Vec::new(),
        shipping: cny(1_200),
        total: cny(27_000),
        paid: cny(26_000),
        address: Address {
            name: "Lin <Lee>".to_owned(),
            phone: "13800000000".to_owned(),
            country: "CN".to_owned(),
            region: "Zhejiang".to_owned(),
            city: "Hangzhou".to_owned(),
            street: "West Lake 1".to_owned(),
            postal_code: "310000".to_owned(),
        },
        note: "Ring <no> twice".to_owned(),
        created_at: AT,
        updated_at: AT,
    }
}

pub fn history() -> Vec<HistoryEntry> {
    let step = |version, operation: &str, to: &str, by: &str, actor: &str| HistoryEntry {
        version,
        operation: operation.to_owned(),
        operation_label: String::new(),
        from: String::new(),
        to: to.to_owned(),
        to_label: "Stands <no>".to_owned(),
        by: by.to_owned(),
        actor: actor.to_owned(),
        note: "a <no> note".to_owned(),
        at: AT,
    };
    vec![
        step(1, "begin", "PENDING_PAYMENT", "buyer", "user:5"),
        step(3, "pay", "PAID", "system", "system:order.money"),
        step(4, "unpack", "PAID", "staff", "operator:7"),
        step(5, "unpack", "PAID", "staff", "operator:99"),
    ]
}

pub fn payments() -> OrderPayments {
    let payment = |state, amount, refunded| PaymentView {
        id: payment_id(),
        order_id: order_id(),
        provider: "test_card".to_owned(),
        provider_reference: Some("tc_<no>".to_owned()),
        state,
        amount: cny(amount),
        refunded: cny(refunded),
        decline_reason: None,
        card_brand: Some("visa".to_owned()),
        card_last4: Some("4242".to_owned()),
        actor: "user:5".to_owned(),
        created_at: AT,
    };
    let declined = PaymentView {
        id: PaymentId::from_i64(61).unwrap(),
        decline_reason: Some("no <wrong> funds".to_owned()),
        ..payment(PaymentState::Declined, 27_000, 0)
    };
    OrderPayments {
        payments: vec![declined, payment(PaymentState::Captured, 27_000, 1_000)],
        refunds: vec![RefundView {
            id: RefundId::from_i64(71).unwrap(),
            payment_id: payment_id(),
            order_id: order_id(),
            amount: cny(1_000),
            done: true,
            reason: "late <no>".to_owned(),
            actor: "operator:7".to_owned(),
            created_at: AT,
        }],
        balance: cny(26_000),
    }
}

/// Three of sku 1 are left in two warehouses, one of sku 2 in the first; one of sku 1 has left.
pub fn fulfillment() -> Fulfillment {
    let open = |s, warehouse, ordered, shipped| ToShip {
        sku_id: sku(s),
        warehouse_id: WarehouseId::from_i64(warehouse).unwrap(),
        ordered,
        shipped,
    };
    Fulfillment {
        order_id: order_id(),
        to_ship: vec![open(1, 1, 3, 1), open(1, 2, 1, 0), open(2, 1, 1, 0)],
        shipments: vec![Shipment {
            id: parcel_id(),
            order_id: order_id(),
            carrier: "Swift <no>".to_owned(),
            tracking_number: "S-<wrong>".to_owned(),
            lines: vec![Units { sku_id: sku(1), quantity: Quantity::new(1).unwrap() }],
            tracking: vec![TrackingEvent {
                at: AT,
                location: "Wuhan <no>".to_owned(),
                description: "sorted <no>".to_owned(),
            }],
            shipped_at: AT,
            shipped_by: "operator:7".to_owned(),
            delivered_at: None,
            delivered_by: String::new(),
        }],
        address: order().address,
        shipped: false,
        delivered: false,
    }
}

pub fn hit(status: &str, is_final: bool) -> OrderHit {
    OrderHit {
        id: order_id(),
        member_id: MemberId::from_i64(5).unwrap(),
        status: status.to_owned(),
        status_label: "Paid <no>".to_owned(),
        is_final,
        flow_version: 3,
        payment_method: "card".to_owned(),
        title: "Rose <no>".to_owned(),
        image_url: Some("/media/1".to_owned()),
        units: 4,
        total: cny(27_000),
        paid: cny(26_000),
        created_at: AT,
        updated_at: AT,
    }
}
