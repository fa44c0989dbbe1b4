//! A tenant grows while several processes serve it, each with a map of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::{Clock as _, ErrorCode, Id, Limit, Place, Placement, Placements, SystemClock, Timestamp};
use order_api::{Brief, Cells, CellsSince, Error, Get, List, OrderClient};
use rpc::{Fault, ServiceError as _};
use shard::{Route, fence};
use testkit::{test_ctx, user_ctx};
use types::OrderId;

use crate::world::{PRICE, SHIPPING, World, buyer, order_of, placements, tenants};

const TOTAL: i64 = PRICE + SHIPPING;

/// Version 2 doubles the databases in place, from a time on.
pub fn grown(effective_from: Timestamp) -> Placements {
    let mut versions = placements().versions().to_vec();
    let placement = Placement::new(4, 2, 4, 0).unwrap();
    versions.push(kit::PlacementVersion { version: 2, placement, effective_from, ..versions[0] });
    Placements::from_versions(versions).unwrap()
}

fn long_ago() -> Timestamp {
    SystemClock.now().minus(Duration::from_secs(60))
}

fn far_off() -> Timestamp {
    SystemClock.now().plus(Duration::from_secs(3_600))
}

/// A member whom version 2 moves to a new cell: its cells by version 1 and 2.
fn mover() -> (i64, Place, Place) {
    let both = grown(Timestamp::default());
    let cells = |m| (both.versions()[0].cell(m), both.versions()[1].cell(m));
    let member = (1..).find(|m| cells(*m).0 != cells(*m).1).unwrap();
    (member, cells(member).0, cells(member).1)
}

pub async fn raise(world: &World, epoch: u32, oldest: u32) {
    for db in world.db.databases() {
        let raised = world
            .db
            .tx::<_, Fault, _, _>(&test_ctx("flora"), Route::Db(db), move |tx| async move {
                fence::raise(&tx, &testkit::tenant("flora"), fence::Stand { epoch, oldest }).await
            })
            .await
            .unwrap();
        assert!(raised.epoch >= epoch && raised.oldest >= oldest);
    }
}

pub async fn orders_in(client: &OrderClient, place: Place) -> i64 {
    let cells = client.cells(&test_ctx("flora"), Cells {}).await.unwrap();
    cells.iter().find(|c| c.place == place).map_or(0, |c| c.orders)
}

pub async fn listed(client: &OrderClient, member: i64) -> Vec<OrderId> {
    let mine = List { member_id: None, status: None, cursor: None, limit: Limit::default() };
    let page = client.list(&buyer(member), mine).await.unwrap();
    page.items.into_iter().map(|o| o.id).collect()
}

#[tokio::test]
async fn sh_06_a_node_with_an_old_map_is_refused_after_the_cutover_and_nothing_is_written() {
    let now = grown(long_ago());
    let fresh = now.clone();
    let world = World::with(tenants(move || fresh.clone()), &now.cells()).await;
    raise(&world, 2, 0).await;
    let stale = world.beside(tenants(placements)).await;
    let (member, old, new) = mover();
    let id = world.checkout_at(&stale, member, &[(1, 1)]).await;
    assert_eq!(id.place(), old, "the old map says so");
    for _ in 0..3 {
        let refused = stale.place(&buyer(member), order_of(id, TOTAL)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Unavailable, "it may be tried again: {refused:?}");
        assert_eq!(refused.into_fault().slug(), fence::STALE);
    }
    // Nor does a node that knows better put it there: the id was minted at a place that was over.
    let over = world.client.place(&buyer(member), order_of(id, TOTAL)).await.unwrap_err();
    assert_eq!(over, Error::CheckoutOver);
    assert_eq!(world.verbs_of(id).last(), Some(&"release"), "the cart begins a new checkout");
    assert_eq!((orders_in(&world.client, old).await, orders_in(&world.client, new).await), (0, 0));
    let id = world.checkout(member, &[(1, 1)]).await;
    assert_eq!(id.place(), new);
    world.client.place(&buyer(member), order_of(id, TOTAL)).await.unwrap();
    assert_eq!((orders_in(&world.client, old).await, orders_in(&world.client, new).await), (0, 1));
    // A member who stays is refused by the old map too: it cannot know that he does.
    let both = &now;
    let cells = |m: i64| both.homes(m);
    let stayer = (1..).find(|m| cells(*m).len() == 1).unwrap();
    let id = world.checkout_at(&stale, stayer, &[(1, 1)]).await;
    let refused = stale.place(&buyer(stayer), order_of(id, TOTAL)).await.unwrap_err();
    assert_eq!(refused.into_fault().slug(), fence::STALE);
    world.client.place(&buyer(stayer), order_of(id, TOTAL)).await.unwrap();
}

#[tokio::test]
async fn sh_06_a_node_that_is_refused_reads_its_map_again_and_the_buyer_does_not_notice() {
    let (known, asked) = (Arc::new(Mutex::new(placements())), Arc::new(AtomicUsize::new(0)));
    let next = grown(far_off());
    let (map, count) = (Arc::clone(&known), Arc::clone(&asked));
    let told = tenants(move || {
        count.fetch_add(1, Ordering::SeqCst);
        map.lock().unwrap().clone()
    });
    let world = World::with(told, &next.cells()).await;
    let (member, old, _) = mover();
    let id = world.checkout(member, &[(1, 1)]).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "from now on it is remembered");
    *known.lock().unwrap() = next;
    raise(&world, 2, 0).await;
    world.client.place(&buyer(member), order_of(id, TOTAL)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2, "asked again at once");
    assert_eq!(orders_in(&world.client, old).await, 1, "version 2 is not in effect yet");
}

#[tokio::test]
async fn an_id_from_before_the_cutover_is_placed_where_it_points_and_lists_merge_both_versions() {
    let (member, old, new) = mover();
    let cells = grown(Timestamp::default()).cells();
    let world = World::with(tenants(placements), &cells).await;
    let first = world.placed(member).await.id;
    let waiting = world.checkout(member, &[(1, 1)]).await;
    let cutover = SystemClock.now();
    let after = world.beside(tenants(move || grown(cutover))).await;
    raise(&world, 2, 0).await;
    after.place(&buyer(member), order_of(waiting, TOTAL)).await.unwrap();
    let last = world.checkout_at(&after, member, &[(1, 1)]).await;
    after.place(&buyer(member), order_of(last, TOTAL)).await.unwrap();
    assert_eq!((first.place(), waiting.place(), last.place()), (old, old, new));
    assert_eq!(listed(&after, member).await, [last, waiting, first], "newest first, each once");
    for id in [first, waiting, last] {
        let got = after.get(&user_ctx("flora", member), Get { order_id: id }).await.unwrap();
        assert_eq!(got.id, id);
    }
    let mine =
        |cursor| List { member_id: None, status: None, cursor, limit: Limit::new(1).unwrap() };
    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let page = after.list(&buyer(member), mine(cursor)).await.unwrap();
        pages.extend(page.items.into_iter().map(|o| o.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [last, waiting, first], "page by page over both cells");
    let since = CellsSince { made_from: last.0.made_at() };
    let counts = after.cells_since(&test_ctx("flora"), since).await.unwrap();
    assert_eq!(counts.iter().map(|c| c.orders).sum::<i64>(), 1);
}

#[tokio::test]
async fn a_version_that_takes_no_new_orders_any_more_sends_the_buyer_to_a_new_checkout() {
    let (member, old, new) = mover();
    let cells = grown(Timestamp::default()).cells();
    let world = World::with(tenants(placements), &cells).await;
    let waiting = world.checkout(member, &[(1, 1)]).await;
    let cutover = SystemClock.now();
    let after = world.beside(tenants(move || grown(cutover))).await;
    raise(&world, 2, 2).await;
    let over = after.place(&buyer(member), order_of(waiting, TOTAL)).await.unwrap_err();
    assert_eq!(over, Error::CheckoutOver);
    assert_eq!((orders_in(&after, old).await, orders_in(&after, new).await), (0, 0));
}

#[tokio::test]
async fn a_fence_is_raised_and_never_lowered() {
    let world = World::new().await;
    raise(&world, 3, 2).await;
    raise(&world, 1, 1).await;
    let stand = world
        .db
        .read::<_, Fault, _, _>(&test_ctx("flora"), Route::Db(4), |tx| async move {
            fence::look(&tx, &testkit::tenant("flora")).await
        })
        .await
        .unwrap();
    assert_eq!(stand, fence::Stand { epoch: 3, oldest: 2 });
    assert!(stand.check(2).is_err_and(|e| fence::is_stale(&e)) && stand.check(3).is_ok());
}

#[tokio::test]
async fn cells_that_another_process_has_made_are_found_and_others_do_not_exist() {
    let world = World::new().await;
    let Some(apart) = world.apart("first", tenants(placements)).await else { return };
    let mut placed = Vec::new();
    for member in 1..=8 {
        placed.push((member, world.placed(member).await.id));
    }
    for (member, id) in &placed {
        let got = apart.get(&buyer(*member), Get { order_id: *id }).await.unwrap();
        assert_eq!(got.id, *id);
        let other = apart.get(&buyer(member + 1), Get { order_id: *id }).await.unwrap_err();
        assert_eq!(other.code(), ErrorCode::NotFound, "it is nobody else's");
    }
    let apart = world.apart("second", tenants(placements)).await.unwrap();
    let ids: Vec<OrderId> = placed.iter().map(|(_, id)| *id).collect();
    let known = apart.brief(&test_ctx("flora"), Brief { order_ids: ids.clone() }).await.unwrap();
    assert_eq!(known.len(), ids.len(), "a false answer here would give their stock away");
    let apart = world.apart("third", tenants(placements)).await.unwrap();
    let counted = |cells: Vec<order_api::CellCount>| cells.iter().map(|c| c.orders).sum::<i64>();
    let cells = apart.cells(&test_ctx("flora"), Cells {}).await.unwrap();
    assert_eq!((cells.len(), counted(cells)), (4, 8));
    for place in [Place { db: 4, table: 9 }, Place { db: 30, table: 0 }] {
        let made_up = OrderId(Id::compose(placed[0].1.0.made_at().millis(), place, 1, 1).unwrap());
        let none = apart.get(&buyer(1), Get { order_id: made_up }).await.unwrap_err();
        assert_eq!(none.code(), ErrorCode::NotFound, "{place}");
        let none = apart.place(&buyer(1), order_of(made_up, TOTAL)).await.unwrap_err();
        assert_eq!(none.code(), ErrorCode::NotFound, "{place}");
    }
}
