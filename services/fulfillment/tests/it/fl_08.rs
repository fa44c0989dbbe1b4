//! FL-08, shipping: however an order is split into parcels, its units are conserved.

use std::collections::BTreeMap;

use fulfillment_api::{Deliver, Error, Fulfillment, Ship};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use types::{OrderId, WarehouseId};

use crate::world::{World, packer, parcel, sku};

#[derive(Debug, Clone)]
enum Op {
    Ship(Vec<(i64, u32)>, Option<i64>),
    ShipRest(Option<i64>),
    Deliver(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let lines = prop::collection::vec((1i64..5, 1u32..6), 1..4);
    let from = prop::option::of(1i64..4);
    prop_oneof![
        6 => (lines, from.clone()).prop_map(|(l, w)| Op::Ship(l, w)),
        1 => from.prop_map(Op::ShipRest),
        2 => (0usize..6).prop_map(Op::Deliver),
    ]
}

#[test]
fn fl_08_random_parcels_never_exceed_what_was_ordered_and_sum_to_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let config =
        Config { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let ordered = prop::collection::btree_map((1i64..5, 1i64..4), 1u32..9, 1..8);
    let sequences = (ordered, prop::collection::vec(op(), 1..14));
    let run = |(ordered, ops)| runtime.block_on(play(&world, ordered, ops));
    TestRunner::new(config).run(&sequences, run).unwrap();
}

async fn play(
    world: &World,
    ordered: BTreeMap<(i64, i64), u32>,
    ops: Vec<Op>,
) -> Result<(), TestCaseError> {
    let lines: Vec<(i64, i64, u32)> = ordered.iter().map(|((s, w), n)| (*s, *w, *n)).collect();
    let order_id = world.ready(&lines).await;
    for (n, op) in ops.into_iter().enumerate() {
        act(world, order_id, n, op).await?;
        holds(&world.shipping(order_id).await)?;
    }
    // Whatever is left can always leave, and then nothing is left.
    let rest = world.local().ship(&packer(), parcel(order_id, "rest", None)).await;
    let seen = world.shipping(order_id).await;
    prop_assert_eq!(rest.is_ok(), seen.shipments.iter().any(|s| s.tracking_number == "rest"));
    holds(&seen)?;
    prop_assert!(seen.shipped);
    for shipment in &seen.shipments {
        let deliver = Deliver { shipment_id: shipment.id };
        world.local().deliver(&packer(), deliver).await.unwrap();
    }
    let seen = world.shipping(order_id).await;
    prop_assert!(seen.delivered);
    for (s, _) in ordered.keys() {
        let of_sku: u32 = ordered.iter().filter(|((o, _), _)| o == s).map(|(_, n)| n).sum();
        prop_assert_eq!(in_parcels(&seen, *s), of_sku);
    }
    Ok(())
}

async fn act(world: &World, order_id: OrderId, n: usize, op: Op) -> Result<(), TestCaseError> {
    let client = world.local();
    let before = world.shipping(order_id).await;
    match op {
        Op::Deliver(k) => {
            if let Some(shipment) = before.shipments.get(k) {
                client.deliver(&packer(), Deliver { shipment_id: shipment.id }).await.unwrap();
            }
        }
        Op::Ship(lines, warehouse) => {
            let ship = from(parcel(order_id, &format!("n{n}"), Some(&lines)), warehouse);
            let short = lines.iter().any(|(s, _)| {
                let wanted: u32 = lines.iter().filter(|(o, _)| o == s).map(|(_, n)| n).sum();
                wanted > left(&before, *s, warehouse)
            });
            match client.ship(&packer(), ship).await {
                Ok(_) => prop_assert!(!short),
                Err(Error::TooMany { sku_id, left: told }) => {
                    prop_assert!(short);
                    prop_assert_eq!(told, left(&before, sku_id.get(), warehouse));
                    prop_assert_eq!(world.shipping(order_id).await, before);
                }
                Err(e) => prop_assert!(false, "{:?}", e),
            }
        }
        Op::ShipRest(warehouse) => {
            let ship = from(parcel(order_id, &format!("n{n}"), None), warehouse);
            let any = (1..5).any(|s| left(&before, s, warehouse) > 0);
            prop_assert_eq!(client.ship(&packer(), ship).await.is_ok(), any);
        }
    }
    Ok(())
}

fn from(ship: Ship, warehouse: Option<i64>) -> Ship {
    Ship { warehouse_id: warehouse.map(|w| WarehouseId::from_i64(w).unwrap()), ..ship }
}

fn left(seen: &Fulfillment, s: i64, warehouse: Option<i64>) -> u32 {
    let of = seen
        .to_ship
        .iter()
        .filter(|l| l.sku_id == sku(s) && warehouse.is_none_or(|w| l.warehouse_id.get() == w));
    of.map(|l| l.ordered - l.shipped).sum()
}

fn in_parcels(seen: &Fulfillment, s: i64) -> u32 {
    let lines = seen.shipments.iter().flat_map(|p| &p.lines);
    lines.filter(|u| u.sku_id == sku(s)).map(|u| u.quantity.get()).sum()
}

fn holds(seen: &Fulfillment) -> Result<(), TestCaseError> {
    prop_assert!(seen.to_ship.iter().all(|l| l.shipped <= l.ordered));
    for s in 1..5 {
        let shipped: u32 =
            seen.to_ship.iter().filter(|l| l.sku_id == sku(s)).map(|l| l.shipped).sum();
        prop_assert_eq!(shipped, in_parcels(seen, s));
    }
    let all = seen.to_ship.iter().all(|l| l.shipped == l.ordered);
    prop_assert_eq!(seen.shipped, all);
    let arrived = all && seen.shipments.iter().all(|s| s.delivered_at.is_some());
    prop_assert_eq!(seen.delivered, arrived);
    Ok(())
}

#[tokio::test]
async fn fl_08_parcels_that_are_packed_at_once_never_take_one_unit_twice() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 6), (1, 2, 4)]).await;
    let tries = (0..30).map(|n| {
        let client = world.local();
        async move {
            let ship = parcel(order_id, &format!("n{n}"), Some(&[(1, 1)]));
            client.ship(&packer(), ship).await
        }
    });
    let results = futures::future::join_all(tries).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 10);
    let none = Error::TooMany { sku_id: sku(1), left: 0 };
    assert!(results.into_iter().filter_map(Result::err).all(|e| e == none));
    let seen = world.shipping(order_id).await;
    holds(&seen).unwrap();
    assert!(seen.shipped);
}
