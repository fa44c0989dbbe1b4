//! Commands of orders: they come at least once and take effect once.

use std::sync::Arc;
use std::time::Duration;

use inventory_api::{Error, ReservationState};
use kit::{Money, Place};
use order_api::{ACTION_RELEASE_STOCK, ACTION_SELL_STOCK, OrderEvent, OrderMessage, PaymentMethod};
use outbox::{ConsumeError, Deliver as _, Message};
use rpc::TraceId;
use testkit::{BEGIN, tenant};
use types::{Address, MemberId};

use crate::world::{
    World, add, check_ledger, for_order, ledger_sums, levels, order, reserve, warehouse,
};

fn address() -> Address {
    serde_json::from_value(serde_json::json!({
        "name": "A", "phone": "12345", "country": "CN", "city": "S", "street": "1"
    }))
    .unwrap()
}

fn command(topic: &str, id: i64, seq: i64) -> Message {
    let zero = Money::zero("CNY".parse().unwrap());
    let data = OrderEvent {
        order_id: order(id),
        member_id: MemberId::from_i64(5).unwrap(),
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
        lines: Vec::new(),
        parcels: Vec::new(),
        address: address(),
    };
    let payload = OrderMessage {
        operation: "pay".to_owned(),
        from: "PENDING_PAYMENT".to_owned(),
        to: "PAID".to_owned(),
        version: seq,
        data,
    };
    Message {
        source: "order".to_owned(),
        id: format!("order:{id}:{seq}").parse().unwrap(),
        tenant: tenant("flora"),
        topic: topic.to_owned(),
        place: Place::ZERO,
        payload: serde_json::to_string(&payload).unwrap(),
        trace: TraceId::from_random(1, 1),
        request_id: "r-1".to_owned(),
        attempt: 1,
        created_at: BEGIN,
        deliver_at: None,
    }
}

async fn deliver(world: &World, message: Message) -> Result<usize, ConsumeError> {
    let within = Duration::from_secs(10);
    world.messages.deliver(&Arc::new(message), within).await.map(|d| d.consumers)
}

async fn stocked() -> World {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 10).await;
    world
}

#[tokio::test]
async fn a_paid_order_sells_its_stock_once_however_often_it_is_told() {
    let world = stocked().await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    world.client.bind(&world.ctx, for_order(1)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(deliver(&world, command(ACTION_SELL_STOCK, 1, 7)).await, Ok(1));
    }
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (8, 0, 2));
    assert_eq!(ledger_sums(&world.client, &world.ctx, 1).await.1, 3);
    check_ledger(&world.client, &world.ctx, 1).await;
}

#[tokio::test]
async fn a_paid_order_whose_bind_was_missed_sells_its_stock() {
    let world = stocked().await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    deliver(&world, command(ACTION_SELL_STOCK, 1, 7)).await.unwrap();
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (8, 0, 2));
}

#[tokio::test]
async fn a_closed_order_gives_its_stock_back_and_a_late_reserve_gets_none() {
    let world = stocked().await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    world.client.bind(&world.ctx, for_order(1)).await.unwrap();
    for id in [1, 2] {
        for _ in 0..3 {
            deliver(&world, command(ACTION_RELEASE_STOCK, id, 7)).await.unwrap();
        }
    }
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (10, 0, 0));
    let late = reserve(&world.client, &world.ctx, 2, &[(1, 2)]).await;
    assert_eq!(late, Err(Error::ReservationOver));
}

#[tokio::test]
async fn what_the_state_refuses_is_a_dead_letter_at_once() {
    let world = stocked().await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    deliver(&world, command(ACTION_SELL_STOCK, 1, 7)).await.unwrap();
    let refused = deliver(&world, command(ACTION_RELEASE_STOCK, 1, 8)).await.unwrap_err();
    assert!(refused.is_permanent(), "{refused}");
    let refused = deliver(&world, command(ACTION_SELL_STOCK, 9, 7)).await.unwrap_err();
    assert!(refused.is_permanent(), "nothing was reserved: {refused}");
    let garbage = Message { payload: "{}".to_owned(), ..command(ACTION_SELL_STOCK, 1, 9) };
    assert!(deliver(&world, garbage).await.unwrap_err().is_permanent());
    let kept = world.client.get_reservation(&world.ctx, for_order(1)).await.unwrap();
    assert_eq!(kept.state, ReservationState::Sold);
}
