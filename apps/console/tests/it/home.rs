//! The dashboard: what is asked for whom, and what becomes of a service that does not answer.

use inventory_api::SkuStock;
use kit::{ErrorCode, Money, Page};
use messages_api::ServiceMessages;
use rpc::Fault;
use search_api::{HourFigures, OrderFigures, StatusCount};
use staff_api::Role;
use types::SkuId;

use crate::world::World;

fn cny(amount: i64) -> Money {
    Money::new(amount, "CNY".parse().unwrap()).unwrap()
}

fn full(role: Role) -> World {
    let mut world = World::of(role);
    world.search = world.search.on_order_stats(|_, asked| {
        let hour = HourFigures { hour: asked.from, orders: 4, revenue: cny(80_000) };
        let paid = StatusCount {
            status: "PAID".into(),
            status_label: "Paid <b>".into(),
            is_final: false,
            orders: 4,
        };
        Ok(OrderFigures {
            orders: 4,
            revenue: cny(80_000),
            by_hour: vec![hour],
            by_status: vec![paid],
        })
    });
    world.inventory = world.inventory.on_list_stock(|_, asked| {
        assert_eq!(asked.below, Some(5));
        let sku_id = SkuId::from_i64(77).unwrap();
        let low = SkuStock { sku_id, available: 3, reserved: 1, sold: 9, warehouses: vec![] };
        Ok(Page { items: vec![low], next_cursor: None })
    });
    world.products = world.products.on_get_skus(|_, _| Ok(vec![]));
    world.messages = world.messages.on_summary(|_, _| {
        let dead = ServiceMessages {
            service: "payment".into(),
            pending: 0,
            delayed: 0,
            dead: 2,
            oldest_pending_at: None,
        };
        Ok(vec![dead])
    });
    world
}

#[tokio::test]
async fn the_owner_sees_orders_money_stock_and_stuck_messages() {
    let seen = full(Role::Owner).desk().get("/console?days=7").await;
    seen.is(200).shows("¥800.00").shows("¥200.00").shows("Paid &lt;b&gt;");
    seen.shows(">77<").shows("payment").shows("data-live=\"/console/events\"");
}

#[tokio::test]
async fn nobody_is_shown_or_asked_what_he_may_not_see() {
    let mut world = full(Role::Warehouse);
    world.messages = world.messages.on_summary(|_, _| panic!("the warehouse may not ask this"));
    world.desk().get("/console").await.is(200).shows("Low stock").hides("Messages between");
}

#[tokio::test]
async fn a_service_that_is_away_takes_its_panel_with_it_and_no_other() {
    let mut world = full(Role::Owner);
    world.search =
        world.search.on_order_stats(|_, _| Err(Fault::new(ErrorCode::Unavailable, "away").into()));
    let seen = world.desk().get("/console").await;
    seen.is(200).shows("This cannot be shown right now.").shows("payment").hides("¥800.00");
}
