//! What a rollback restores, and what it leaves alone.

use kit::ErrorCode;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rpc::{Fault, Xid};
use sea_query::{Expr, ExprTrait as _, Query};
use testkit::{PATIENCE, eventually};
use txn::api::{Resolution, Resolve};
use txn::{Status, Value, Work};

use crate::common::{
    ITEMS, Node, TENANT, World, add, at, count, ctx, items, n, refused, set_n, undo_rows, until,
};

fn runner(seed: u8) -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn any_row() -> impl proptest::strategy::Strategy<Value = [Value; 5]> {
    use proptest::prelude::*;
    // PostgreSQL has no zero character
    let text = "[^\\x00]{0,20}";
    (
        any::<Option<i64>>(),
        proptest::option::of(text),
        any::<Option<bool>>(),
        any::<Option<Vec<u8>>>(),
    )
        .prop_map(|(n, s, b, x)| [n.into(), s.into(), b.into(), x.into(), Value::Null])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_02_a_failed_transaction_restores_every_row_of_every_type_to_the_byte() {
    let world = &World::new().await;
    let node = &world.node().await;
    let (mut runner, strategy) = (runner(7), any_row());
    let mut row = || strategy.new_tree(&mut runner).unwrap().current();
    let special: [[Value; 5]; 4] = [
        [i64::MIN.into(), "".into(), false.into(), vec![0_u8].into(), 1.into()],
        [i64::MAX.into(), " x ".into(), true.into(), Vec::<u8>::new().into(), 2.into()],
        [
            0.into(),
            "Straße ß ẞ 😀 'q\" \\ \n".into(),
            true.into(),
            vec![0_u8, 255, 39].into(),
            3.into(),
        ],
        [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
    ];
    let mut rows: Vec<[Value; 5]> = special.to_vec();
    rows.extend((0..40).map(|_| row()));
    for (values, id) in rows.iter().zip(1..) {
        world.insert(&world.alpha, id, values.clone()).await;
    }
    let before = items(&world.alpha).await;
    let last = i64::try_from(rows.len()).unwrap();
    let mut work = Work::new();
    for id in 1..=last {
        let [n, s, b, x, _] = row();
        work = match id % 3 {
            0 => work.delete(&ITEMS, (TENANT, id), |r| r),
            1 => work.update(&ITEMS, (TENANT, id), |r| {
                r.set("n", n).set("s", s).set("b", b).set("x", x).set("u", 1_000 + id)
            }),
            // every column to NULL, and text to what differs in case and in spaces only
            _ => work.update(&ITEMS, (TENANT, id), |r| {
                r.set("n", None::<i64>).set("b", None::<bool>).set("x", Value::Null).set("s", " X ")
            }),
        };
    }
    for id in last + 1..last + 10 {
        let [n, s, b, x, _] = row();
        work = work
            .insert(&ITEMS, (TENANT, id), |r| r.set("n", n).set("s", s).set("b", b).set("x", x));
    }
    let changed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            at(&node.alpha, &ctx, work).await?;
            Err(refused("no"))
        })
        .await;
    assert_eq!(changed.unwrap_err().message, "no");
    assert_eq!(items(&world.alpha).await, before);
    assert_eq!((undo_rows(&world.alpha, 0).await, undo_rows(&world.alpha, 2).await), (0, 1));
    assert_eq!(count(&world.txn, "txn_locks").await, 0);
}

/// Begins a transaction that changes item 1 of alpha from 10 to 15, lets somebody interfere, and fails.
async fn interfered(
    world: &World,
    node: &Node,
    work: Work,
    interfere: impl AsyncFnOnce(&World),
) -> Xid {
    let mut xid = None;
    let keep = &mut xid;
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            *keep = ctx.xid.clone();
            at(&node.alpha, &ctx, work).await?;
            interfere(world).await;
            Err(refused("no"))
        })
        .await;
    assert!(failed.is_err());
    xid.unwrap()
}

/// A transaction that cannot be undone: somebody else has changed its row.
async fn parked(world: &World, node: &Node) -> Xid {
    world.put(&world.alpha, 1, 10).await;
    let foreign = async |world: &World| world.foreign(&world.alpha, set_n(1, 99)).await;
    let xid = interfered(world, node, add(1, 5), foreign).await;
    until(node, &xid, Status::RollbackFailed).await;
    xid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_03_a_row_that_somebody_else_changed_is_parked_untouched_until_an_operator_resolves_it()
{
    let world = &World::new().await;
    let node = &world.node().await;
    let xid = parked(world, node).await;
    assert_eq!(n(&world.alpha, 1).await, Some(99), "what somebody else wrote is not overwritten");
    assert_eq!((undo_rows(&world.alpha, 0).await, count(&world.txn, "txn_locks").await), (1, 1));
    let client = node.tc.client();
    let shown = client.show(&ctx(), xid.clone()).await.unwrap();
    assert_eq!(shown.locks, ["alpha.items[flora, 1]"]);
    assert!(shown.global.note.unwrap().contains("items[flora, 1]"));
    // nobody tries again by himself
    let attempts = shown.global.attempts;
    world.timer_ticks(5).await;
    assert_eq!(client.show(&ctx(), xid.clone()).await.unwrap().global.attempts, attempts);
    // a retry before the row is put right parks it again
    let retry = || Resolve { xid: xid.clone(), resolution: Resolution::Retry };
    let stands = client.resolve(&ctx(), retry()).await.unwrap();
    assert_eq!(stands.status, Status::RollbackFailed);
    world.foreign(&world.alpha, set_n(1, 15)).await;
    let stands = client.resolve(&ctx(), retry()).await.unwrap();
    assert_eq!(stands.status, Status::RolledBack);
    assert_eq!(n(&world.alpha, 1).await, Some(10));
    assert_eq!((undo_rows(&world.alpha, 0).await, count(&world.txn, "txn_locks").await), (0, 0));
    let again = client.resolve(&ctx(), retry()).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_03_an_operator_may_accept_the_rows_as_they_are() {
    let world = &World::new().await;
    let node = &world.node().await;
    let xid = parked(world, node).await;
    let accept = Resolve { xid: xid.clone(), resolution: Resolution::Accept };
    let stands = node.tc.client().resolve(&ctx(), accept).await.unwrap();
    assert_eq!(stands.status, Status::RolledBack);
    assert_eq!(n(&world.alpha, 1).await, Some(99));
    assert_eq!((undo_rows(&world.alpha, 0).await, count(&world.txn, "txn_locks").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_04_a_row_that_somebody_else_has_put_back_is_left_as_it_is() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 10).await;
    world.put(&world.alpha, 2, 20).await;
    let work = add(1, 5)
        .delete(&ITEMS, (TENANT, 2), |r| r)
        .insert(&ITEMS, (TENANT, 3), |r| r.set("n", 30));
    let before = items(&world.alpha).await;
    let restored = async |world: &World| {
        world.foreign(&world.alpha, set_n(1, 10)).await;
        world.put(&world.alpha, 2, 20).await;
        let delete =
            Query::delete().from_table("items").and_where(Expr::col("id").eq(3)).to_owned();
        let body = move |tx: shard::Tx| {
            let delete = delete.clone();
            async move { tx.exec(&delete).await.map(|_| ()) }
        };
        world.alpha.tx::<_, Fault, _, _>(&ctx(), shard::Route::Whole, body).await.unwrap();
    };
    let xid = interfered(world, node, work, restored).await;
    until(node, &xid, Status::RolledBack).await;
    assert_eq!(items(&world.alpha).await, before);
    assert_eq!(count(&world.txn, "txn_locks").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_inserted_or_deleted_and_then_changed_by_somebody_else_is_parked_too() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 10).await;
    let insert = Work::new().insert(&ITEMS, (TENANT, 2), |r| r.set("n", 1));
    let foreign = async |world: &World| world.foreign(&world.alpha, set_n(2, 99)).await;
    let xid = interfered(world, node, insert, foreign).await;
    until(node, &xid, Status::RollbackFailed).await;
    let delete = Work::new().delete(&ITEMS, (TENANT, 1), |r| r);
    let foreign = async |world: &World| world.put(&world.alpha, 1, 99).await;
    let xid = interfered(world, node, delete, foreign).await;
    until(node, &xid, Status::RollbackFailed).await;
    assert_eq!((n(&world.alpha, 1).await, n(&world.alpha, 2).await), (Some(99), Some(99)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_19_a_unique_value_that_is_taken_by_now_parks_the_rollback_of_deletes_and_updates() {
    for is_update in [false, true] {
        let world = &World::new().await;
        let node = &world.node().await;
        world
            .insert(&world.alpha, 1, [1.into(), Value::Null, Value::Null, Value::Null, 5.into()])
            .await;
        let work = if is_update {
            Work::new().update(&ITEMS, (TENANT, 1), |r| r.set("u", 6))
        } else {
            Work::new().delete(&ITEMS, (TENANT, 1), |r| r)
        };
        // the lock is on the row, not on the value: somebody else takes it
        let foreign = async |world: &World| {
            let taken = [2.into(), Value::Null, Value::Null, Value::Null, 5.into()];
            world.insert(&world.alpha, 2, taken).await;
        };
        let xid = interfered(world, node, work, foreign).await;
        until(node, &xid, Status::RollbackFailed).await;
        assert_eq!(undo_rows(&world.alpha, 0).await, 1);
        assert_eq!(n(&world.alpha, 2).await, Some(2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_with_too_much_to_undo_is_refused_and_leaves_nothing() {
    let world = &World::new().await;
    let node = &world.node().await;
    let large = "x".repeat(300 * 1024);
    let refused: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            let work = Work::new().insert(&ITEMS, (TENANT, 1), |r| r.set("s", large));
            at(&node.alpha, &ctx, work).await
        })
        .await;
    let fault = refused.unwrap_err();
    assert_eq!((fault.code, fault.slug()), (ErrorCode::TooLarge, "undo_too_large"));
    assert!(items(&world.alpha).await.is_empty());
    eventually(PATIENCE, || async { count(&world.txn, "txn_locks").await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_does_not_hold_a_row_that_is_missing_or_there_already_fails_the_whole() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 10).await;
    world.put(&world.beta, 1, 10).await;
    let before = items(&world.alpha).await;
    let cases = [
        (
            Work::new().update(&ITEMS, (TENANT, 1), |r| r.add("n", -11).at_least("n", 0)),
            ErrorCode::Conflict,
        ),
        (
            Work::new().update(&ITEMS, (TENANT, 1), |r| r.set("n", 1).when("n", 9)),
            ErrorCode::Conflict,
        ),
        (add(2, 1), ErrorCode::NotFound),
        (Work::new().insert(&ITEMS, (TENANT, 1), |r| r), ErrorCode::Conflict),
    ];
    for (work, code) in cases {
        let failed: Result<(), Fault> = node
            .txn
            .run(&ctx(), |ctx| async move {
                at(&node.alpha, &ctx, add(1, 7)).await?;
                at(&node.beta, &ctx, work).await
            })
            .await;
        assert_eq!(failed.unwrap_err().code, code);
        assert_eq!(items(&world.alpha).await, before);
    }
    assert_eq!(n(&world.beta, 1).await, Some(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_changes_nothing_is_locked_all_the_same_and_needs_no_undo() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 10).await;
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            at(&node.alpha, &ctx, Work::new().update(&ITEMS, (TENANT, 1), |r| r.set("n", 10)))
                .await?;
            assert_eq!(count(&world.txn, "txn_locks").await, 1);
            Err(refused("no"))
        })
        .await;
    assert!(failed.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_that_were_inserted_are_taken_away_unless_somebody_has_changed_one() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 10).await;
    let before = items(&world.alpha).await;
    let work = || {
        let new = |work: Work, id| work.insert(&ITEMS, (TENANT, id), |r| r.set("n", id));
        // and one that is changed in between
        (300..1_000).fold(
            (100..200).fold(Work::new(), new).update(&ITEMS, (TENANT, 1), |r| r.add("n", 5)),
            new,
        )
    };
    let gone = async |world: &World| {
        let ids = [150, 333, 999];
        let delete =
            Query::delete().from_table("items").and_where(Expr::col("id").is_in(ids)).to_owned();
        let body = move |tx: shard::Tx| {
            let delete = delete.clone();
            async move { tx.exec(&delete).await.map(|_| ()) }
        };
        world.alpha.tx::<_, Fault, _, _>(&ctx(), shard::Route::Whole, body).await.unwrap();
    };
    let xid = interfered(world, node, work(), gone).await;
    until(node, &xid, Status::RolledBack).await;
    assert_eq!(items(&world.alpha).await, before);
    let foreign = async |world: &World| world.foreign(&world.alpha, set_n(500, -1)).await;
    let xid = interfered(world, node, work(), foreign).await;
    until(node, &xid, Status::RollbackFailed).await;
    assert_eq!(count(&world.alpha, "items").await, 801, "all or nothing");
    assert_eq!(n(&world.alpha, 1).await, Some(15));
}
