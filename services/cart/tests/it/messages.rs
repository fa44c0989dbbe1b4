//! An order that was placed leaves the cart, however often it is told.

use std::sync::Arc;
use std::time::Duration;

use cart_api::BeginCheckout;
use kit::{Money, Place};
use order_api::{CREATED, OrderEvent, OrderLine, OrderMessage, PaymentMethod};
use outbox::{Deliver as _, Message};
use rpc::TraceId;
use testkit::{BEGIN, tenant, test_ctx, user_ctx};
use types::{Address, MemberId, OrderId, SpuId};

use crate::world::{World, add, content_of, lines, many, show, sku};

fn placed(order_id: OrderId, units: &[(i64, u32)], seq: i64) -> Message {
    placed_by(1, order_id, units, seq)
}

fn placed_by(member: i64, order_id: OrderId, units: &[(i64, u32)], seq: i64) -> Message {
    let zero = Money::zero("CNY".parse().unwrap());
    let line = |(n, (s, q)): (u32, &(i64, u32))| OrderLine {
        line_no: n,
        sku_id: sku(*s),
        spu_id: SpuId::from_i64(1).unwrap(),
        title: "Rose".to_owned(),
        variant: String::new(),
        code: String::new(),
        image_url: None,
        quantity: many(*q),
        price: zero,
        total: zero,
    };
    let payload = OrderMessage {
        operation: "begin".to_owned(),
        from: String::new(),
        to: "PENDING_PAYMENT".to_owned(),
        version: 1,
        data: OrderEvent {
            order_id,
            member_id: MemberId::from_i64(member).unwrap(),
            payment_method: PaymentMethod::Card,
            total: zero,
            paid: zero,
            captured: None,
            refunded: None,
            status_label: String::new(),
            is_final: false,
            flow_version: 1,
            channel: "web".to_owned(),
            created_at: BEGIN,
            updated_at: BEGIN,
            lines: (1..).zip(units).map(line).collect(),
            parcels: Vec::new(),
            address: Address {
                name: "A".to_owned(),
                phone: "12345".to_owned(),
                country: "CN".to_owned(),
                region: String::new(),
                city: "S".to_owned(),
                street: "1".to_owned(),
                postal_code: String::new(),
            },
        },
    };
    Message {
        source: "order".to_owned(),
        id: format!("order:{order_id}:{seq}").parse().unwrap(),
        tenant: tenant("flora"),
        topic: CREATED.to_owned(),
        place: Place::ZERO,
        payload: serde_json::to_string(&payload).unwrap(),
        trace: TraceId::from_random(1, 1),
        request_id: "r-1".to_owned(),
        attempt: 1,
        created_at: BEGIN,
        deliver_at: None,
    }
}

#[tokio::test]
async fn a_placed_order_leaves_the_cart_once() {
    let world = World::new().await;
    let ctx = user_ctx("flora", 1);
    add(&world.client, &ctx, None, 1, 5).await.unwrap();
    add(&world.client, &ctx, None, 2, 1).await.unwrap();
    let id = world.client.begin_checkout(&ctx, BeginCheckout {}).await.unwrap().checkout_id;
    let deliver =
        async |message| world.messages.deliver(&Arc::new(message), Duration::from_secs(10)).await;
    for seq in [7, 7, 8] {
        let delivered = deliver(placed(id, &[(1, 2), (2, 1)], seq)).await.unwrap();
        assert_eq!(delivered.consumers, 1);
    }
    assert_eq!(lines(&show(&world.client, &ctx, None).await), [(1, 3)]);
    let content = world.client.get_content(&test_ctx("flora"), content_of(1)).await.unwrap();
    assert_eq!(content.checkout_id, None);
    let garbage = Message { payload: "[]".to_owned(), ..placed(id, &[], 9) };
    assert!(deliver(garbage).await.unwrap_err().is_permanent());
}

#[tokio::test]
async fn orders_that_are_told_together_leave_their_carts_once_each() {
    let world = World::new().await;
    let within = Duration::from_secs(10);
    let order = |n: i64| OrderId::from_i64(n).unwrap();
    for member in 1..=5 {
        add(&world.client, &user_ctx("flora", member), None, 1, 9).await.unwrap();
    }
    // Two orders of the first member, one of each other, one of somebody without a cart.
    let mut told: Vec<_> =
        (1..=5).map(|n| Arc::new(placed_by(n, order(100 - n), &[(1, 2)], 1))).collect();
    told.push(Arc::new(placed_by(1, order(50), &[(1, 3)], 1)));
    told.push(Arc::new(placed_by(8, order(51), &[(1, 1)], 1)));
    assert!(world.messages.together_max(CREATED) > 1);
    let left = async |member| lines(&show(&world.client, &user_ctx("flora", member), None).await);
    // The second time all are known, the third time only some.
    let mut more = told.clone();
    more.push(Arc::new(placed_by(2, order(52), &[(1, 1)], 1)));
    more.push(Arc::new(Message { payload: "[]".to_owned(), ..placed_by(3, order(53), &[], 1) }));
    for messages in [&told, &told, &more] {
        let results = world.messages.deliver_many(messages, within).await;
        assert_eq!(results.len(), messages.len());
        for (result, message) in results.iter().zip(messages) {
            assert_eq!(result.is_err(), message.payload == "[]");
        }
    }
    assert_eq!(left(1).await, [(1, 4)]);
    assert_eq!(left(2).await, [(1, 6)]);
    for member in 3..=5 {
        assert_eq!(left(member).await, [(1, 7)]);
    }
}
