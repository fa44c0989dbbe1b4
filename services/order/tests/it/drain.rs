//! The orders of a tenant that has grown move to the cells of its newer placement, and the mover dies at
//! every step of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use kit::{Clock as _, ErrorCode, Place, PlacementState, Placements, SystemClock, Timestamp};
use order_api::{
    Act, Brief, Drain, Drained, Error, Get, HistoryEntry, OrderClient, OrderView, Stage,
};
use rpc::{Fault, ServiceError as _};
use sea_query::Query;
use shard::{Route, fence};
use tenant_api::growth::KNOWN_AFTER;
use testkit::{eventually, eventually_some, test_ctx};
use types::OrderId;

use crate::growth::{grown, listed, orders_in, raise};
use crate::live::{Live, TOTAL};
use crate::world::{World, buyer, order_of, placements, tenants};

/// Members of every old cell: some stay, some leave.
const MEMBERS: i64 = 12;
const ORDERS_EACH: usize = 3;

/// Version 2 is in effect, version 1 in a state.
fn followed(cutover: Timestamp, state: PlacementState) -> Placements {
    let mut versions = grown(cutover).versions().to_vec();
    versions[0].state = state;
    Placements::from_versions(versions).unwrap()
}

/// What buyers see of their orders.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    view: OrderView,
    history: Vec<HistoryEntry>,
}

struct Moving {
    live: Live,
    /// A process that knows that version 1 is read-only.
    client: OrderClient,
    cutover: Timestamp,
    before: BTreeMap<OrderId, (i64, Seen)>,
}

impl Moving {
    /// Orders by version 1; then version 2 follows and version 1 is closed for long enough.
    async fn new() -> Self {
        let cells = grown(Timestamp::default()).cells();
        let live = Live::on(World::with(tenants(placements), &cells).await);
        let mut orders = Vec::new();
        for member in 1..=MEMBERS {
            for _ in 0..ORDERS_EACH {
                orders.push((member, live.world.placed(member).await.id));
            }
        }
        let cutover = SystemClock.now();
        let known = followed(cutover, PlacementState::ReadOnly);
        let client = live.world.beside(tenants(move || known.clone())).await;
        let mut before = BTreeMap::new();
        for (member, id) in orders {
            before.insert(id, (member, seen(&client, member, id).await));
        }
        raise(&live.world, 2, 2).await;
        let moving = Self { live, client, cutover, before };
        let early = moving.drain(Place { db: 4, table: 0 }, None).await.unwrap_err();
        assert_eq!(early.into_fault().slug(), "drain_not_begun", "not everybody knows yet");
        moving.age_fences().await;
        moving
    }

    /// As if the fences had been raised long enough ago.
    async fn age_fences(&self) {
        let past = SystemClock.now().minus(KNOWN_AFTER);
        let db = &self.live.world.db;
        for number in db.databases() {
            db.tx::<_, Fault, _, _>(&test_ctx("flora"), Route::Db(number), move |tx| async move {
                let update = Query::update()
                    .table("placement_epochs")
                    .value("raised_at", past.micros())
                    .to_owned();
                tx.exec(&update).await
            })
            .await
            .unwrap();
        }
    }

    async fn drain(&self, cell: Place, stop_after: Option<Stage>) -> Result<Drained, Error> {
        self.client.drain(&test_ctx("flora"), Drain { cell, stop_after }).await
    }

    /// Until the cell is done: orders wait until the relay has delivered what was said of them.
    async fn drain_all(&self, cell: Place) -> Drained {
        eventually_some(testkit::PATIENCE, || async {
            Some(self.drain(cell, None).await.unwrap()).filter(|d| d.done)
        })
        .await
    }

    /// Every order is found, is what it was, and is in its member's list once.
    async fn nothing_is_missing(&self) {
        for (id, (member, was)) in &self.before {
            assert_eq!(&seen(&self.client, *member, *id).await, was, "order {id}");
        }
        for member in 1..=MEMBERS {
            assert_eq!(listed(&self.client, member).await, self.of(member), "member {member}");
        }
    }

    /// A member's orders, newest first.
    fn of(&self, member: i64) -> Vec<OrderId> {
        let own = self.before.iter().rev().filter(|(_, (m, _))| *m == member);
        own.map(|(id, _)| *id).collect()
    }
}

async fn seen(client: &OrderClient, member: i64, id: OrderId) -> Seen {
    let ctx = buyer(member);
    Seen {
        view: client.get(&ctx, Get { order_id: id }).await.unwrap(),
        history: client.history(&ctx, Get { order_id: id }).await.unwrap(),
    }
}

fn cancel(order_id: OrderId) -> Act {
    Act {
        order_id,
        operation: "cancel".into(),
        request_id: "stop".into(),
        note: String::new(),
        expected_version: None,
    }
}

#[tokio::test]
async fn sh_07_a_drain_that_dies_at_any_step_is_completed_by_the_next() {
    let moving = Moving::new().await;
    let (old, new) = (placements(), grown(Timestamp::default()));
    let home = |member: i64| new.versions()[1].cell(member);
    let mut left = 0;
    for cell in old.cells() {
        let leaving: Vec<i64> = (1..=MEMBERS)
            .filter(|m| old.versions()[0].cell(*m) == cell && home(*m) != cell)
            .collect();
        for stage in [Stage::Frozen, Stage::Copied, Stage::Verified] {
            let died = moving.drain(cell, Some(stage)).await.unwrap_err();
            assert_eq!(died.into_fault().slug(), "drill");
            moving.nothing_is_missing().await;
        }
        let done = moving.drain_all(cell).await;
        let expected = u64::try_from(leaving.len() * ORDERS_EACH).unwrap();
        assert_eq!((done.moved, done.version), (expected, 2), "cell {cell}");
        left += expected;
        moving.nothing_is_missing().await;
        let again = moving.drain(cell, None).await.unwrap();
        assert_eq!((again.moved, again.done), (expected, true), "repeated it changes nothing");
    }
    assert!(left > 0 && left < 36, "some leave and some stay: {left}");
    let mut counts = BTreeMap::<Place, i64>::new();
    for member in 1..=MEMBERS {
        *counts.entry(home(member)).or_default() += i64::try_from(ORDERS_EACH).unwrap();
    }
    for cell in new.cells() {
        let rows = orders_in(&moving.client, cell).await;
        assert_eq!(rows, counts.get(&cell).copied().unwrap_or(0), "cell {cell}");
    }
    // With version 1 retired, lists look into one cell each.
    let retired = followed(moving.cutover, PlacementState::Retired);
    assert!((1..=MEMBERS).all(|m| retired.homes(m).len() == 1));
    let client = moving.live.world.beside(tenants(move || retired.clone())).await;
    let moving = Moving { client, ..moving };
    moving.nothing_is_missing().await;
    moving.live.stop().await;
}

#[tokio::test]
async fn sh_07_an_order_is_what_it_was_after_it_moved_and_goes_on() {
    let moving = Moving::new().await;
    for cell in placements().cells() {
        moving.drain_all(cell).await;
    }
    let (client, world) = (&moving.client, &moving.live.world);
    let new = grown(Timestamp::default());
    let moved = |id: &OrderId, m: i64| new.versions()[1].cell(m) != id.place();
    let (id, member) = moving
        .before
        .iter()
        .find(|(id, (m, _))| moved(id, *m))
        .map(|(id, (m, _))| (*id, *m))
        .unwrap();
    // The answer to the buyer was lost, and he asks again.
    let again = client.place(&buyer(member), order_of(id, TOTAL)).await.unwrap();
    assert_eq!(again.id, id);
    assert_eq!(orders_in(client, id.place()).await % 3, 0, "it is not made anew where it was");
    let system = test_ctx("flora");
    let ask = || Brief { order_ids: vec![id] };
    assert_eq!(client.settle(&system, ask()).await.unwrap().len(), 1, "it stands");
    assert_eq!(client.brief(&system, ask()).await.unwrap().len(), 1);
    let cancelled = client.act(&buyer(member), cancel(id)).await.unwrap();
    assert_eq!(cancelled.status, "CANCELLED");
    let repeated = client.act(&buyer(member), cancel(id)).await.unwrap();
    assert_eq!(repeated, cancelled, "its history went with it");
    assert_eq!(client.history(&buyer(member), Get { order_id: id }).await.unwrap().len(), 2);
    // Nobody else sees it, and what does not exist still does not.
    let other = client.get(&buyer(member + 1), Get { order_id: id }).await.unwrap_err();
    assert_eq!(other.code(), ErrorCode::NotFound);
    let next = world.checkout_at(client, member, &[(1, 1)]).await;
    assert_eq!(next.place(), new.versions()[1].cell(member), "new orders go to the new cell");
    let none = client.get(&buyer(member), Get { order_id: next }).await.unwrap_err();
    assert_eq!(none.code(), ErrorCode::NotFound);
    moving.live.stop().await;
}

/// Whoever asks whether an order stands may bar it from ever being placed; an order that moves at this very
/// moment stands.
#[tokio::test(flavor = "multi_thread")]
async fn sh_07_an_order_that_moves_while_it_is_asked_for_stands() {
    let moving = Moving::new().await;
    let (client, system) = (&moving.client, test_ctx("flora"));
    let ids: Vec<OrderId> = moving.before.keys().copied().collect();
    let is_over = AtomicBool::new(false);
    let ask = async {
        let mut asked = 0;
        while !is_over.load(Ordering::SeqCst) {
            for id in &ids {
                // one that is being moved may be asked for again
                if let Ok(standing) = client.settle(&system, Brief { order_ids: vec![*id] }).await {
                    assert_eq!(standing.len(), 1, "{id} was placed, and moves");
                    asked += 1;
                }
            }
        }
        asked
    };
    let drain = async {
        for cell in placements().cells() {
            moving.drain_all(cell).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let (asked, ()) = tokio::join!(ask, drain);
    assert!(asked > 0);
    moving.nothing_is_missing().await;
    moving.live.stop().await;
}

#[tokio::test]
async fn sh_07_while_an_order_is_marked_nobody_changes_it_and_afterwards_he_may() {
    let moving = Moving::new().await;
    let new = grown(Timestamp::default());
    let moved = |id: &OrderId, m: i64| new.versions()[1].cell(m) != id.place();
    let found = moving.before.iter().find(|(id, (m, _))| moved(id, *m));
    let (id, member) = found.map(|(id, (m, _))| (*id, *m)).unwrap();
    // Once its messages are delivered it is marked.
    eventually(testkit::PATIENCE, || async {
        let died = moving.drain(id.place(), Some(Stage::Copied)).await.unwrap_err();
        assert_eq!(died.into_fault().slug(), "drill");
        orders_in(&moving.client, new.versions()[1].cell(member)).await > 0
    })
    .await;
    eventually(testkit::PATIENCE, || async {
        moving.drain(id.place(), Some(Stage::Frozen)).await.unwrap_err();
        let refused = moving.client.act(&buyer(member), cancel(id)).await;
        refused.is_err_and(|e| e.into_fault().slug() == "order_moving")
    })
    .await;
    moving.nothing_is_missing().await;
    moving.drain_all(id.place()).await;
    let cancelled = moving.client.act(&buyer(member), cancel(id)).await.unwrap();
    assert_eq!(cancelled.status, "CANCELLED");
    moving.live.stop().await;
}

#[tokio::test]
async fn only_the_system_drains_and_only_behind_its_fence() {
    let world = World::new().await;
    let cell = Place { db: 4, table: 0 };
    let drain = Drain { cell, stop_after: None };
    let refused = world.client.drain(&buyer(7), drain).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden);
    let refused = world.client.drain(&test_ctx("flora"), drain).await.unwrap_err();
    assert_eq!(refused.into_fault().slug(), "drain_not_begun");
    assert!(!fence::is_stale(&Fault::bug("another")));
}
