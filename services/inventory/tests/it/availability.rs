//! Whoever listens is told when a sku begins or ceases to be available, and only then.

use std::time::Duration;

use inventory_api::{Adjust, Error, SetAvailable};
use kit::SharedClock;
use std::sync::Arc;
use testkit::test_clock;

use crate::world::{World, add, for_order, levels, reserve, sku, warehouse};

#[tokio::test]
async fn every_way_from_none_to_some_and_back_is_told_once() {
    let world = World::new().await;
    let (client, ctx) = (&world.client, &world.ctx);
    let place = warehouse(client, ctx, "main", 0).await;
    assert!(world.told(1).await.is_empty());
    add(client, ctx, place, 1, 5).await;
    add(client, ctx, place, 1, 5).await;
    assert_eq!(world.told(1).await, [true], "more of what is there is no news");
    reserve(client, ctx, 1, &[(1, 9)]).await.unwrap();
    assert_eq!(world.told(1).await, [true]);
    reserve(client, ctx, 2, &[(1, 1)]).await.unwrap();
    reserve(client, ctx, 2, &[(1, 1)]).await.unwrap();
    assert_eq!(world.told(1).await, [true, false], "the last one is gone");
    client.bind(ctx, for_order(2)).await.unwrap();
    client.sell(ctx, for_order(2)).await.unwrap();
    assert_eq!(world.told(1).await, [true, false], "selling what was held is no news");
    client.release(ctx, for_order(1)).await.unwrap();
    client.release(ctx, for_order(1)).await.unwrap();
    assert_eq!(world.told(1).await, [true, false, true]);
    let reason = "broken".to_owned();
    let all = Adjust { sku_id: sku(1), warehouse_id: place, delta: -9, reason };
    client.adjust(ctx, all).await.unwrap();
    let set = async |n| {
        let reason = "import".to_owned();
        let req = SetAvailable { warehouse_id: None, levels: vec![(sku(1), n)], reason };
        client.set_available(ctx, req).await.unwrap();
    };
    set(3).await;
    set(7).await;
    set(0).await;
    set(0).await;
    assert_eq!(world.told(1).await, [true, false, true, false, true, false]);
    assert_eq!(levels(client, ctx, 1).await, (0, 0, 1));
}

#[tokio::test]
async fn what_counts_is_the_sum_over_the_warehouses() {
    let world = World::new().await;
    let (client, ctx) = (&world.client, &world.ctx);
    let east = warehouse(client, ctx, "east", 0).await;
    let west = warehouse(client, ctx, "west", 1).await;
    add(client, ctx, east, 1, 2).await;
    add(client, ctx, west, 1, 2).await;
    add(client, ctx, east, 2, 1).await;
    assert_eq!(world.told(1).await, [true]);
    reserve(client, ctx, 1, &[(1, 2)]).await.unwrap();
    assert_eq!(world.told(1).await, [true], "there is some in the other one");
    client.release(ctx, for_order(1)).await.unwrap();
    assert_eq!(world.told(1).await, [true], "nor was it gone");
    reserve(client, ctx, 2, &[(1, 4), (2, 1)]).await.unwrap();
    assert_eq!((world.told(1).await, world.told(2).await), (vec![true, false], vec![true, false]));
    client.release(ctx, for_order(2)).await.unwrap();
    assert_eq!(world.told(1).await, [true, false, true], "once for both warehouses");
    assert_eq!(world.told(2).await, [true, false, true]);
}

#[tokio::test]
async fn what_is_refused_is_not_told_and_an_expiry_is() {
    let clock = test_clock();
    let shared: SharedClock = Arc::clone(&clock) as SharedClock;
    let world = World::at(shared).await;
    let (client, ctx) = (&world.client, &world.ctx);
    let place = warehouse(client, ctx, "main", 0).await;
    add(client, ctx, place, 1, 2).await;
    let short = reserve(client, ctx, 1, &[(1, 2), (2, 1)]).await;
    assert!(matches!(short, Err(Error::SoldOut(_))));
    assert_eq!(world.told(1).await, [true]);
    reserve(client, ctx, 2, &[(1, 2)]).await.unwrap();
    clock.advance(Duration::from_secs(200));
    let orders =
        order_api::OrderClient::mock(order_api::OrderMock::new().on_settle(|_, _| Ok(Vec::new())));
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 1);
    assert_eq!(world.told(1).await, [true, false, true]);
}
