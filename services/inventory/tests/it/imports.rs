//! Stock of imports: each part is set once, however often it comes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::join_all;
use inventory_api::{Error, Ledger, SetAvailable, SetImported};
use kit::{Clock, ErrorCode, Limit, Timestamp};
use rpc::ServiceError as _;
use testkit::{BEGIN, operator_ctx};
use types::ImportId;

use crate::world::{World, add, check_ledger, for_order, levels, reserve, sku, warehouse};

fn set(levels: &[(i64, i64)]) -> SetAvailable {
    let levels = levels.iter().map(|(s, n)| (sku(*s), *n)).collect();
    SetAvailable { warehouse_id: None, levels, reason: "import".to_owned() }
}

fn part(import: i64, part: u32, levels: &[(i64, i64)]) -> SetImported {
    SetImported { import_id: ImportId::from_i64(import).unwrap(), part, set: set(levels) }
}

#[tokio::test]
async fn a_part_that_comes_again_does_not_bring_back_what_was_sold() {
    let world = World::new().await;
    let (client, ctx) = (&world.client, &world.ctx);
    warehouse(client, ctx, "main", 0).await;
    client.set_imported(ctx, part(7, 1, &[(1, 10), (2, 5)])).await.unwrap();
    reserve(client, ctx, 1, &[(1, 3), (2, 5)]).await.unwrap();
    client.bind(ctx, for_order(1)).await.unwrap();
    client.sell(ctx, for_order(1)).await.unwrap();
    for _ in 0..3 {
        client.set_imported(ctx, part(7, 1, &[(1, 10), (2, 5)])).await.unwrap();
    }
    assert_eq!(levels(client, ctx, 1).await, (7, 0, 3));
    assert_eq!(levels(client, ctx, 2).await, (0, 0, 5));
    assert_eq!(world.told(2).await, [true, false]);
    client.set_imported(ctx, part(7, 2, &[(2, 4)])).await.unwrap();
    client.set_imported(ctx, part(8, 1, &[(1, 10)])).await.unwrap();
    assert_eq!(levels(client, ctx, 1).await, (10, 0, 3), "another import says so anew");
    assert_eq!(levels(client, ctx, 2).await, (4, 0, 5), "another part is another");
    for s in [1, 2] {
        check_ledger(client, ctx, s).await;
    }
}

#[tokio::test]
async fn a_part_that_was_cut_off_goes_on_behind_what_was_set() {
    let world = World::new().await;
    let (client, ctx) = (&world.client, &world.ctx);
    warehouse(client, ctx, "main", 0).await;
    let all: Vec<(i64, i64)> = (1..=50).map(|s| (s, 10)).collect();
    // As if the process had died after the first of its transactions.
    client.set_imported(ctx, part(7, 1, &all[..20])).await.unwrap();
    for s in [1, 20] {
        reserve(client, ctx, s, &[(s, 4)]).await.unwrap();
    }
    client.set_imported(ctx, part(7, 1, &all)).await.unwrap();
    for s in 1..=50 {
        let held = if s == 1 || s == 20 { 4 } else { 0 };
        assert_eq!(levels(client, ctx, s).await, (10 - held, held, 0), "sku {s}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_comes_many_times_at_once_is_set_once_while_orders_take_from_it() {
    let world = World::new().await;
    let (client, ctx) = (&world.client, &world.ctx);
    let place = warehouse(client, ctx, "main", 0).await;
    let all: Vec<(i64, i64)> = (1..=45).map(|s| (s, 100)).collect();
    for (s, n) in &all {
        add(client, ctx, place, *s, *n).await;
    }
    let sets = (0..6).map(|_| client.set_imported(ctx, part(7, 1, &all)));
    let orders = (0..30_i64)
        .map(|n| async move { reserve(client, ctx, n + 1, &[(n + 1, 2), (45, 1)]).await });
    let (sets, orders) = futures::join!(join_all(sets), join_all(orders));
    assert!(sets.iter().all(Result::is_ok), "{sets:?}");
    assert!(orders.iter().all(Result::is_ok), "{orders:?}");
    for (s, _) in &all {
        let (available, reserved, _) = levels(client, ctx, *s).await;
        // What was taken before the part came is there again, once; what was taken after it is not.
        let whole = if *s == 45 { 30 } else { reserved };
        assert_eq!(reserved, whole);
        assert!((100 - reserved..=100).contains(&available), "sku {s}: {available}");
        check_ledger(client, ctx, *s).await;
    }
    reserve(client, ctx, 1_000, &[(1, 5), (45, 5)]).await.unwrap();
    let before = (levels(client, ctx, 1).await, levels(client, ctx, 45).await);
    client.set_imported(ctx, part(7, 1, &all)).await.unwrap();
    assert_eq!((levels(client, ctx, 1).await, levels(client, ctx, 45).await), before);
}

/// Never says the same time twice, so that the rows of one transaction show as such.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_long_list_of_levels_holds_few_skus_at_a_time() {
    let world = World::at(Arc::new(Ticking(AtomicI64::new(BEGIN.micros())))).await;
    let (client, ctx) = (&world.client, &world.ctx);
    warehouse(client, ctx, "main", 0).await;
    let all: Vec<(i64, i64)> = (1..=50).map(|s| (s, s)).collect();
    client.set_available(ctx, set(&all)).await.unwrap();
    let more: Vec<(i64, i64)> = all.iter().map(|(s, n)| (*s, n + 1)).collect();
    client.set_imported(ctx, part(7, 1, &more)).await.unwrap();
    let mut together: BTreeMap<Timestamp, usize> = BTreeMap::new();
    for (s, n) in more {
        assert_eq!(levels(client, ctx, s).await, (n, 0, 0));
        let limit = Limit::new(9).unwrap();
        let page =
            client.ledger(ctx, Ledger { sku_id: sku(s), cursor: None, limit }).await.unwrap();
        assert_eq!(page.items.len(), 2);
        for entry in page.items {
            *together.entry(entry.at).or_default() += 1;
        }
    }
    assert_eq!(together.into_values().collect::<Vec<_>>(), [20, 20, 10, 20, 20, 10]);
}

#[tokio::test]
async fn a_part_is_checked_like_any_levels_and_is_for_the_platform_only() {
    let world = World::new().await;
    let (client, ctx) = (&world.client, &world.ctx);
    let none = client.set_imported(ctx, part(7, 1, &[(1, 5)])).await.unwrap_err();
    assert_eq!(none.into_fault().slug(), "no_warehouse");
    warehouse(client, ctx, "main", 0).await;
    for bad in [&[][..], &[(1, -1)], &[(1, 1), (1, 2)]] {
        let e = client.set_imported(ctx, part(7, 1, bad)).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::Invalid);
    }
    let refused =
        client.set_imported(&operator_ctx("flora", 9, &["stock:*"]), part(7, 1, &[(1, 5)])).await;
    assert!(matches!(refused, Err(Error::Fault(f)) if f.code == ErrorCode::Forbidden));
    client.set_imported(ctx, part(7, 1, &[(1, 5)])).await.unwrap();
    assert_eq!(levels(client, ctx, 1).await, (5, 0, 0), "what was refused counts for nothing");
}
