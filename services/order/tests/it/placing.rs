//! Placing orders: one order per checkout, keys, refusals that change nothing.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures::future::join_all;
use kit::Limit;
use order_api::{Error, Get, List, PaymentMethod, Place};
use rpc::ServiceError as _;
use testkit::{operator_ctx, test_ctx};

use crate::world::{PRICE, SHIPPING, World, buyer, cny, in_tab, keyed, order_of, placements};

#[tokio::test]
async fn an_order_is_placed_at_its_members_cell_and_its_stock_is_bound() {
    let world = World::new().await;
    let id = world.checkout(7, &[(1, 2), (2, 1), (1, 3)]).await;
    let order = world.client.place(&buyer(7), order_of(id, 6 * PRICE + SHIPPING)).await.unwrap();
    assert_eq!((order.id, order.status.as_str()), (id, "PENDING_PAYMENT"));
    assert_eq!(id.place(), placements().home(7, kit::Timestamp::default()));
    assert_eq!(order.lines.len(), 2, "lines of one sku are one line");
    assert_eq!(order.total, cny(6 * PRICE + SHIPPING));
    assert_eq!(world.verbs_of(id), ["reserve", "bind"]);
    let actions: Vec<_> = order.available_actions.iter().map(|a| a.operation.as_str()).collect();
    assert_eq!(actions, ["cancel"]);
    assert_eq!(world.client.get(&buyer(7), Get { order_id: id }).await.unwrap(), order);
}

#[tokio::test]
async fn one_checkout_is_one_order_from_however_many_tabs() {
    let world = World::new().await;
    let id = world.checkout(7, &[(1, 1)]).await;
    let tabs = (0..20).map(|n| {
        let (client, ctx) = (world.client.clone(), keyed(7, &format!("tab-{n}"), "same"));
        async move { client.place(&ctx, order_of(id, PRICE + SHIPPING)).await.unwrap() }
    });
    let ids: BTreeSet<_> = join_all(tabs).await.into_iter().map(|o| o.id).collect();
    assert_eq!(ids, BTreeSet::from([id]));
    let mine = List { member_id: None, status: None, cursor: None, limit: Limit::default() };
    assert_eq!(world.client.list(&buyer(7), mine).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn the_same_key_a_hundred_times_gives_one_order_and_marks_the_others() {
    let world = World::new().await;
    let id = world.checkout(7, &[(1, 1)]).await;
    let tries = (0..100).map(|_| {
        let (client, ctx) = (world.client.clone(), keyed(7, "once", "body"));
        async move {
            let result = client.place(&ctx, order_of(id, PRICE + SHIPPING)).await;
            (result, ctx.session.is_replayed())
        }
    });
    let (mut new, mut replayed, mut in_flight) = (0, 0, 0);
    for (result, replay) in join_all(tries).await {
        match result {
            Ok(order) if replay => {
                assert_eq!(order.id, id);
                replayed += 1;
            }
            Ok(_) => new += 1,
            Err(e) => {
                assert_eq!(e.into_fault().slug(), "idempotency_in_flight");
                in_flight += 1;
            }
        }
    }
    assert_eq!((new, replayed + in_flight), (1, 99));
    let other = world.client.place(&keyed(7, "once", "other"), order_of(id, 1)).await.unwrap_err();
    assert_eq!(other.into_fault().slug(), "idempotency_key_reused");
}

#[tokio::test]
async fn another_total_than_the_buyer_saw_is_refused_with_the_new_one() {
    let world = World::new().await;
    let id = world.checkout(7, &[(1, 1)]).await;
    world.seen.price.store(PRICE + 1, Ordering::SeqCst);
    let refused = world.client.place(&buyer(7), order_of(id, PRICE + SHIPPING)).await;
    let Err(Error::PriceChanged(quote)) = refused else { panic!("{refused:?}") };
    assert_eq!(quote.total, cny(PRICE + 1 + SHIPPING));
    assert!(world.verbs_of(id).is_empty(), "nothing was reserved");
}

#[tokio::test]
async fn sold_out_names_the_sku_and_leaves_no_order() {
    let world = World::new().await;
    let id = world.checkout(7, &[(1, 5)]).await;
    world.seen.stock.store(4, Ordering::SeqCst);
    let refused = world.client.place(&buyer(7), order_of(id, 5 * PRICE + SHIPPING)).await;
    let Err(Error::SoldOut(short)) = refused else { panic!("{refused:?}") };
    assert_eq!((short[0].wanted, short[0].available), (5, 4));
    let missing = world.client.get(&buyer(7), Get { order_id: id }).await.unwrap_err();
    assert_eq!(missing.code(), kit::ErrorCode::NotFound);
}

#[tokio::test]
async fn an_order_whose_reservation_was_over_is_closed_and_its_checkout_with_it() {
    let world = World::new().await;
    world.seen.is_late.store(true, Ordering::SeqCst);
    for ctx in [buyer(7), keyed(7, "late", "body")] {
        let id = world.checkout(7, &[(1, 1)]).await;
        let refused = world.client.place(&ctx, order_of(id, PRICE + SHIPPING)).await;
        assert_eq!(refused, Err(Error::CheckoutOver), "not the order that had to be closed");
        let closed = world.client.get(&buyer(7), Get { order_id: id }).await.unwrap();
        assert!(closed.is_final, "{}", closed.status);
    }
}

#[tokio::test]
async fn a_member_cannot_hoard_unpaid_orders() {
    let world = World::new().await;
    for _ in 0..3 {
        world.placed(7).await;
    }
    let id = world.checkout(7, &[(1, 1)]).await;
    let refused = world.client.place(&buyer(7), order_of(id, PRICE + SHIPPING)).await;
    assert_eq!(refused, Err(Error::TooManyUnpaid(3)));
    world.placed(8).await;
}

#[tokio::test]
async fn a_checkout_of_somebody_else_and_an_unknown_address_are_refused() {
    let world = World::new().await;
    let order = world.placed(7).await;
    let theirs = world.client.place(&buyer(8), order_of(order.id, PRICE + SHIPPING)).await;
    assert_eq!(theirs.unwrap_err().code(), kit::ErrorCode::NotFound);
    let id = world.checkout(9, &[(1, 1)]).await;
    let wrong = Place {
        address_id: types::AddressId::from_i64(2).unwrap(),
        ..order_of(id, PRICE + SHIPPING)
    };
    let fault = world.client.place(&buyer(9), wrong).await.unwrap_err().into_fault();
    assert_eq!(fault.fields[0].pointer, "/address_id");
    assert!(world.verbs_of(id).is_empty());
}

#[tokio::test]
async fn cash_on_delivery_is_confirmed_in_the_same_commit() {
    let world = World::new().await;
    let id = world.checkout(7, &[(1, 1)]).await;
    let wanted =
        Place { payment_method: PaymentMethod::CashOnDelivery, ..order_of(id, PRICE + SHIPPING) };
    let order = world.client.place(&buyer(7), wanted).await.unwrap();
    assert_eq!((order.status.as_str(), order.version), ("CONFIRMED", 2));
    let seen = world.client.get(&buyer(7), Get { order_id: id }).await.unwrap();
    assert_eq!(seen, order, "the recorded answer is what stands in the table");
    let request = order_api::Brief { order_ids: vec![id] };
    let brief = world.client.brief(&test_ctx("flora"), request).await.unwrap();
    assert!(brief[0].shippable && brief[0].holds_stock && !brief[0].payable);
}

#[tokio::test]
async fn nobody_sees_anothers_order_but_staff_that_may() {
    let world = World::new().await;
    let order = world.placed(7).await;
    let get = || Get { order_id: order.id };
    assert!(world.client.get(&buyer(8), get()).await.is_err());
    assert!(world.client.get(&operator_ctx("flora", 1, &["products:read"]), get()).await.is_err());
    assert!(world.client.get(&operator_ctx("flora", 1, &["orders:read"]), get()).await.is_ok());
    assert!(world.client.get(&operator_ctx("gadget", 1, &["orders:read"]), get()).await.is_err());
}

#[tokio::test]
async fn an_order_that_was_settled_as_missing_can_never_be_placed() {
    let world = World::new().await;
    let (late, placed) = (world.checkout(7, &[(1, 1)]).await, world.placed(8).await.id);
    let settle = || order_api::Brief { order_ids: vec![late, placed] };
    for _ in 0..2 {
        let standing = world.client.settle(&test_ctx("flora"), settle()).await.unwrap();
        assert_eq!(standing.iter().map(|o| o.id).collect::<Vec<_>>(), [placed]);
    }
    let refused = world.client.place(&buyer(7), order_of(late, PRICE + SHIPPING)).await;
    assert_eq!(refused, Err(Error::CheckoutOver));
    let missing = world.client.get(&buyer(7), Get { order_id: late }).await.unwrap_err();
    assert_eq!(missing.code(), kit::ErrorCode::NotFound);
    assert_eq!(world.verbs_of(late), ["reserve", "release"], "the stock went back");
    assert!(world.client.settle(&buyer(7), settle()).await.is_err());
}

#[tokio::test]
async fn placing_and_settling_at_the_same_moment_have_one_winner() {
    let world = World::new().await;
    for member in 100..150 {
        let id = world.checkout(member, &[(1, 1)]).await;
        let ctx = buyer(member);
        let place = world.client.place(&ctx, order_of(id, PRICE + SHIPPING));
        let system = test_ctx("flora");
        let settle = world.client.settle(&system, order_api::Brief { order_ids: vec![id] });
        let (placed, standing) = futures::join!(place, settle);
        let exists = world.client.get(&buyer(member), Get { order_id: id }).await.is_ok();
        assert_eq!(placed.is_ok(), exists);
        assert_eq!(standing.unwrap().len(), usize::from(exists), "what was told is final");
    }
}

#[tokio::test]
async fn a_tab_that_loses_the_race_at_the_quota_leaves_the_winners_stock() {
    let world = World::new().await;
    for member in 200..220 {
        for _ in 0..2 {
            world.placed(member).await;
        }
        let id = world.checkout(member, &[(1, 1)]).await;
        let tabs = (0..4).map(|n| {
            let (client, ctx) = (world.client.clone(), keyed(member, &format!("t{n}"), "same"));
            async move { client.place(&ctx, order_of(id, PRICE + SHIPPING)).await }
        });
        let answers = join_all(tabs).await;
        assert!(answers.iter().any(Result::is_ok), "{answers:?}");
        let released = world.verbs_of(id).contains(&"release");
        assert!(!released, "an order stands whose stock was given back: {answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_checkouts_leaves_no_more_unpaid_orders_than_allowed() {
    let world = World::new().await;
    for member in [300, 301] {
        // The second one has ordered before; for the first these are the very first orders.
        let before = usize::from(member == 301);
        for _ in 0..before {
            world.placed(member).await;
        }
        let mut checkouts = Vec::new();
        for _ in 0..12 {
            checkouts.push(world.checkout(member, &[(1, 1)]).await);
        }
        let placing = checkouts.iter().map(|id| {
            let (client, ctx) = (world.client.clone(), in_tab(member, *id));
            let draft = order_of(*id, PRICE + SHIPPING);
            async move { client.place(&ctx, draft).await }
        });
        let placed = join_all(placing).await.into_iter().filter(Result::is_ok).count();
        let limit = Limit::new(100).unwrap();
        let list = List { member_id: None, status: None, cursor: None, limit };
        let orders = world.client.list(&buyer(member), list).await.unwrap().items;
        assert_eq!(orders.len(), before + placed);
        assert_eq!(orders.len(), 3, "the others were refused");
    }
}
