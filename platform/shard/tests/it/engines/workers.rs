//! Worker numbers where several processes lease them in the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kit::{Clock as _, ErrorCode, SystemClock, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::{Ids, Route, worker};
use testkit::test_ctx;
use tokio::sync::Notify;

use super::ground::Ground;
use crate::ids::PLATFORM;
use crate::support::MS_200;

super::on_servers!(
    sh_03_sixteen_who_lease_at_once_get_sixteen_numbers,
    sh_03_a_number_whose_owner_renews_in_the_same_moment_is_not_leased,
);

const LEASE: Duration = Duration::from_secs(10);

async fn sh_03_sixteen_who_lease_at_once_get_sixteen_numbers(ground: Ground) {
    let db = ground.open(PLATFORM).await;
    let ctx = test_ctx("any");
    // first where there are no rows yet, then where all 64 have one: of the others all come round
    let mut all = Vec::new();
    for round in 1..=4 {
        if round == 2 {
            worker::raise(&ctx, &db).await.unwrap();
        }
        let leases = (0..16).map(|_| Ids::lease(&ctx, db.clone(), 6 * LEASE));
        all.extend(join_all(leases).await.into_iter().map(Result::unwrap));
        let numbers: BTreeSet<u8> = all.iter().map(Ids::worker).collect();
        assert_eq!(numbers.len(), 16 * round, "somebody has the number of another");
    }
    let full = Ids::lease(&ctx, db, LEASE).await.map(|_| ()).unwrap_err();
    assert!(full.message.starts_with("all 64"), "{full}");
}

async fn sh_03_a_number_whose_owner_renews_in_the_same_moment_is_not_leased(ground: Ground) {
    let db = ground.open(PLATFORM).await;
    let ctx = test_ctx("any");
    let now = SystemClock.now();
    let (past, later) = (now.minus(LEASE), now.plus(60 * LEASE));
    // one number is free, because its owner is late
    db.tx(&ctx, Route::Whole, move |tx| async move {
        for number in 0..64 {
            let until = if number == 7 { past } else { later };
            tx.exec(&row(number, until)).await?;
        }
        Ok::<_, Fault>(())
    })
    .await
    .unwrap();
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let owner = db.tx(&ctx, Route::Whole, {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move |tx| {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            async move {
                let renew = Query::update()
                    .table("workers")
                    .value("high_water", later.micros())
                    .and_where(Expr::col("number").eq(7))
                    .to_owned();
                tx.exec(&renew).await?;
                begun.notify_one();
                go.notified().await;
                Ok::<_, Fault>(())
            }
        }
    });
    let heir = async {
        begun.notified().await;
        let mut lease = Box::pin(Ids::lease(&ctx, db.clone(), LEASE));
        let waiting = tokio::time::timeout(MS_200, &mut lease).await;
        assert!(waiting.is_err(), "it did not wait for the owner's commit");
        go.notify_one();
        lease.await.map(|ids| ids.worker())
    };
    let (owner, heir) = futures::join!(owner, heir);
    owner.unwrap();
    assert_eq!(heir.unwrap_err().code, ErrorCode::Unavailable);
}

fn row(number: i64, until: Timestamp) -> sea_query::InsertStatement {
    Query::insert()
        .into_table("workers")
        .columns(["number", "high_water", "fence", "leased_at"])
        .values_panic([number.into(), until.micros().into(), 1.into(), 1.into()])
        .to_owned()
}
