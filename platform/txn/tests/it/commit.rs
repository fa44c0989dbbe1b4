//! Transactions that commit, and who decides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::{ErrorCode, Place};
use rpc::{Ctx, Fault, Xid};
use sea_query::{Expr, ExprTrait as _, Query};
use shard::{Route, Tx};
use testkit::{PATIENCE, eventually};
use txn::{Attached, NOT_ACTIVE, Resource, Status, Work};

use crate::cells::{CELLS, SHARDED};
use crate::common::{
    ITEMS, Setup, TENANT, World, add, at, count, ctx, items, n, refused, status, until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_01_three_databases_commit_together_and_nothing_is_left_behind() {
    let world = &World::new().await;
    let node =
        &world.node_with(Setup { timeout: Duration::from_secs(4), ..Setup::default() }).await;
    world.put(&world.alpha, 1, 10).await;
    world.put(&world.gamma, 3, 30).await;
    let began = std::time::Instant::now();
    let seen = node
        .txn
        .run(&ctx(), |ctx| async move {
            at(&node.alpha, &ctx, add(1, 5)).await?;
            let new = Work::new().insert(&ITEMS, (TENANT, 2), |r| r.set("n", 20).set("s", "new"));
            at(&node.beta, &ctx, new).await?;
            let gone = Work::new().delete(&ITEMS, (TENANT, 3), |r| r.when("n", 30));
            at(&node.gamma, &ctx, gone).await?;
            let read = Work::new().read(&ITEMS, (TENANT, 1));
            node.alpha
                .at(&ctx, Route::Whole, read, |_, seen| async move {
                    Ok::<_, Fault>(seen.get(&ITEMS, (TENANT, 1), "n").and_then(txn::Value::as_int))
                })
                .await
        })
        .await
        .unwrap();
    assert_eq!(seen, Some(15), "a later branch sees what an earlier one has written");
    assert_eq!(n(&world.alpha, 1).await, Some(15));
    assert_eq!(n(&world.beta, 2).await, Some(20));
    assert_eq!(n(&world.gamma, 3).await, None);
    assert_eq!(count(&world.txn, "txn_locks").await, 0, "locks go with the decision");
    world.no_residue().await;
    assert!(
        began.elapsed() < Duration::from_secs(4) + Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_without_a_branch_costs_no_row() {
    let world = &World::new().await;
    let node = &world.node().await;
    node.txn.run(&ctx(), |_| async { Ok::<_, Fault>(()) }).await.unwrap();
    assert_eq!(count(&world.txn, "txn_globals").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_16_branches_on_the_same_row_are_undone_in_reverse() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 1).await;
    let before = items(&world.alpha).await;
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            for round in 1..=5 {
                at(&node.alpha, &ctx, add(1, round * 10)).await?;
            }
            at(&node.alpha, &ctx, Work::new().delete(&ITEMS, (TENANT, 1), |r| r)).await?;
            let again = Work::new().insert(&ITEMS, (TENANT, 1), |r| r.set("s", "other"));
            at(&node.alpha, &ctx, again).await?;
            Err(refused("no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().message, "no");
    assert_eq!(items(&world.alpha).await, before);
    assert_eq!(count(&world.txn, "txn_locks").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_17_a_row_may_be_inserted_deleted_and_inserted_in_one_branch() {
    let world = &World::new().await;
    let node = &world.node().await;
    let back_and_forth = || {
        Work::new()
            .insert(&ITEMS, (TENANT, 1), |r| r.set("n", 1))
            .update(&ITEMS, (TENANT, 1), |r| r.add("n", 1))
            .delete(&ITEMS, (TENANT, 1), |r| r.when("n", 2))
            .insert(&ITEMS, (TENANT, 1), |r| r.set("n", 3).set("s", "last"))
    };
    let (alpha, work) = (node.alpha.clone(), back_and_forth());
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            at(&alpha, &ctx, work).await?;
            Err(refused("no"))
        })
        .await;
    assert!(failed.is_err());
    assert!(items(&world.alpha).await.is_empty());
    node.txn
        .run(&ctx(), |ctx| async move { at(&node.alpha, &ctx, back_and_forth()).await })
        .await
        .unwrap();
    assert_eq!(n(&world.alpha, 1).await, Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_who_is_called_inside_joins_and_never_decides_and_one_of_its_own_stays() {
    let world = &World::new().await;
    let node = &world.node().await;
    for db in world.dbs() {
        world.put(db, 1, 0).await;
    }
    let outer: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            let xid = &ctx.xid.clone().unwrap();
            let inner = node.txn.run(&ctx, |inner| async move {
                assert_eq!(inner.xid.as_ref(), Some(xid));
                at(&node.alpha, &inner, add(1, 1)).await?;
                assert_eq!(status(node, xid).await, Some(Status::Begin));
                Ok::<_, Fault>(())
            });
            inner.await?;
            assert_eq!(status(node, xid).await, Some(Status::Begin));
            node.txn
                .run_new(&Ctx { xid: Some(xid.clone()), ..ctx }, |own| async move {
                    assert_ne!(own.xid.as_ref(), Some(xid));
                    at(&node.beta, &own, add(1, 1)).await
                })
                .await?;
            Err(refused("the outer one fails"))
        })
        .await;
    assert!(outer.is_err());
    assert_eq!(n(&world.alpha, 1).await, Some(0), "who joined is taken back");
    assert_eq!(n(&world.beta, 1).await, Some(1), "who was on its own stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_without_a_transaction_is_refused() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 0).await;
    let fault = at(&node.alpha, &ctx(), add(1, 1)).await.unwrap_err();
    assert!(fault.chain().contains("Txn::run"), "{fault:?}");
    assert_eq!(n(&world.alpha, 1).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_comes_too_late_for_a_transaction_that_has_ended() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 0).await;
    let mut late: Option<Ctx> = None;
    let keep = &mut late;
    let alpha = &node.alpha;
    node.txn
        .run(&ctx(), |ctx| async move {
            *keep = Some(ctx.clone());
            at(alpha, &ctx, add(1, 1)).await
        })
        .await
        .unwrap();
    let late = late.unwrap();
    until(node, late.xid.as_ref().unwrap(), Status::Committed).await;
    let fault = at(&node.alpha, &late, add(1, 1)).await.unwrap_err();
    assert_eq!((fault.code, fault.slug()), (ErrorCode::Conflict, NOT_ACTIVE));
    assert_eq!(n(&world.alpha, 1).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_work_in_numbered_tables_and_are_undone_there() {
    let world = &World::new().await;
    let node = &world.node().await;
    let places = [Place { db: 1, table: 0 }, Place { db: 1, table: 5 }, Place { db: 2, table: 0 }];
    let db = world.shards.sharded(SHARDED, &places).await;
    let builder = Resource::builder(db.clone(), node.tc.client()).tables([&CELLS]);
    let resource = &builder.build().unwrap();
    node.tc.join(resource.name(), resource.client());
    let sum = || async {
        let mut all = Vec::new();
        for place in places {
            let body = |tx: Tx| async move {
                let select = Query::select().column("n").from(tx.table("cells")?).to_owned();
                tx.all(&select)
                    .await?
                    .iter()
                    .map(|r| r.get::<i64>("n"))
                    .collect::<Result<Vec<_>, Fault>>()
            };
            all.extend(db.read(&ctx(), Route::Place(place), body).await.unwrap());
        }
        all
    };
    for fails in [true, false] {
        let done = node
            .txn
            .run(&ctx(), |ctx| async move {
                for (place, n) in places.into_iter().zip(1_i64..) {
                    // the same key in every cell: these are different rows
                    let work = Work::new().insert(&CELLS, (7,), |r| r.set("n", n));
                    let nothing = |_, _| async { Ok::<_, Fault>(()) };
                    resource.at(&ctx, Route::Place(place), work, nothing).await?;
                }
                if fails { Err(refused("no")) } else { Ok(()) }
            })
            .await;
        assert_eq!(done.is_err(), fails);
        assert_eq!(sum().await, if fails { vec![] } else { vec![1, 2, 3] });
    }
}

/// Notes in the same database: waiting ones belong to a transaction.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

#[rpc::async_trait]
impl Attached for Notes {
    async fn committed(&self, _tx: &Tx, xids: &[Xid]) -> Result<(), Fault> {
        self.0.lock().unwrap().extend(xids.iter().map(|x| format!("committed {}", x.0)));
        Ok(())
    }

    async fn rolled_back(&self, tx: &Tx, xid: &Xid) -> Result<(), Fault> {
        let delete = Query::delete()
            .from_table("items")
            .and_where(Expr::col("s").eq(xid.0.as_str()))
            .to_owned();
        tx.exec(&delete).await?;
        self.0.lock().unwrap().push(format!("rolled back {}", xid.0));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_07_what_is_attached_to_a_transaction_is_released_or_dropped_with_it() {
    let world = &World::new().await;
    let node = &world.node().await;
    let notes = Notes::default();
    let builder = Resource::builder(world.alpha.clone(), node.tc.client());
    let resource = &builder.tables([&ITEMS]).attached(notes.clone()).build().unwrap();
    node.tc.join(resource.name(), resource.client());
    let heard = || notes.0.lock().unwrap().clone();
    for fails in [true, false] {
        let work = || Work::new().insert(&ITEMS, (TENANT, 1), |r| r.set("n", 1));
        let done = node
            .txn
            .run(&ctx(), |ctx| async move {
                let xid = ctx.xid.clone().unwrap();
                let put = move |tx: Tx, _| {
                    let xid = xid.clone();
                    async move {
                        let insert = Query::insert()
                            .into_table("items")
                            .columns(["tenant", "id", "s"])
                            .values_panic([TENANT.into(), 99_i64.into(), xid.0.into()])
                            .to_owned();
                        tx.exec(&insert).await.map(|_| ())
                    }
                };
                resource.at(&ctx, Route::Whole, work(), put).await?;
                if fails { Err(refused("no")) } else { Ok(()) }
            })
            .await;
        assert_eq!(done.is_err(), fails);
        let wanted = if fails { "rolled back" } else { "committed" };
        eventually(PATIENCE, || async { heard().last().is_some_and(|h| h.starts_with(wanted)) })
            .await;
        assert_eq!(count(&world.alpha, "items").await, if fails { 0 } else { 2 });
    }
}
