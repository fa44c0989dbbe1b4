//! Cells that another process has made.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::{ErrorCode, Place};
use rpc::Fault;
use shard::{Database, Route};
use testkit::test_ctx;

use super::ground::{Ground, Held};
use crate::support::{SPREAD, place, row, rows};

super::on_servers!(
    a_cell_that_another_process_has_made_is_found_and_has_its_rows,
    a_cell_that_does_not_exist_is_not_found_and_nothing_is_made,
    a_cell_that_is_just_being_made_is_found_whole,
    a_server_that_does_not_answer_in_time_denies_nothing,
);

async fn spread(ground: &Ground, cells: &[Place]) -> Database {
    let db = ground.open(SPREAD).await;
    db.ensure_cells(cells).await.unwrap();
    db
}

async fn put(db: &Database, place: Place, id: i64) {
    let ctx = test_ctx("flora");
    let put = db.tx(&ctx, place.into(), move |tx| async move {
        tx.exec(&row(tx.table("things")?, id, 1)).await
    });
    assert_eq!(put.await.unwrap(), 1);
}

async fn count(db: &Database, place: Place) -> Result<usize, Fault> {
    let read = |tx: shard::Tx| async move { Ok(tx.all(&rows(tx.table("things")?)).await?.len()) };
    db.read(&test_ctx("flora"), Route::Place(place), read).await
}

async fn a_cell_that_another_process_has_made_is_found_and_has_its_rows(ground: Ground) {
    let ctx = test_ctx("flora");
    let (shards, _folder) = ground.other(|_| {});
    let here = shards.database(SPREAD).await.unwrap();
    here.ensure_cells(&[place(0, 0)]).await.unwrap();
    // in a logical database that is open, and in one that was not there
    let made = [place(0, 1), place(3, 1), place(3, 4)];
    let there = spread(&ground, &made).await;
    for place in made {
        put(&there, place, 7).await;
    }
    let unknown = count(&here, made[1]).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound, "it is not looked for where a route is taken");
    for place in [made[1], made[0]] {
        assert!(!here.has_cell(place) && here.find_cell(&ctx, place).await.unwrap());
        assert!(here.has_cell(place), "it is open from now on");
        assert_eq!(count(&here, place).await.unwrap(), 1);
        put(&here, place, 8).await;
        assert_eq!(count(&there, place).await.unwrap(), 2);
    }
    assert!(here.has_cell(made[2]), "those beside it are open, too");
    assert_eq!(here.databases(), [0, 3]);
}

async fn a_cell_that_does_not_exist_is_not_found_and_nothing_is_made(ground: Ground) {
    let ctx = test_ctx("flora");
    let db = spread(&ground, &[place(0, 0)]).await;
    let began = Instant::now();
    let all = (0..32).flat_map(|db| (0..32).map(move |table| place(db, table)));
    let asked = all.filter(|p| *p != place(0, 0)).map(|place| db.find_cell(&ctx, place));
    let found = join_all(asked).await;
    assert!(found.into_iter().all(|found| !found.unwrap()), "1,023 made-up places");
    // One look, and one for those who came while it lasted, at each of the logical databases.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(!db.find_cell(&ctx, place(40, 0)).await.unwrap());
    assert!(!db.find_cell(&ctx, place(0, 40)).await.unwrap());
    assert_eq!((db.cells(), db.databases()), (vec![place(0, 0)], vec![0]));
    let (shards, _folder) = ground.other(|_| {});
    let after = shards.pending(SPREAD, &[place(0, 0), place(9, 0)]).await.unwrap();
    assert!(after.iter().all(|p| p.database == "spread_09") && after.len() == 2, "{after:?}");
}

/// Several find a cell while another process makes it: each either does not see it, or uses it as it is to be.
async fn a_cell_that_is_just_being_made_is_found_whole(ground: Ground) {
    let ctx = test_ctx("flora");
    let there = ground.open(SPREAD).await;
    let others: Vec<_> = (0..3).map(|_| ground.other(|_| {})).collect();
    let cells: Vec<Place> = (0..8).map(|table| place(5, table)).collect();
    let find = others.iter().zip([20, 30, 40]).map(|((shards, _), id)| {
        let (ctx, last) = (&ctx, cells[7]);
        async move {
            let here = shards.database(SPREAD).await.unwrap();
            testkit::eventually(testkit::PATIENCE, || async {
                here.find_cell(ctx, last).await.unwrap()
            })
            .await;
            put(&here, last, id).await;
        }
    });
    let (made, _) = tokio::join!(there.ensure_cells(&cells), join_all(find));
    made.unwrap();
    assert_eq!(count(&there, cells[7]).await.unwrap(), 3);
}

async fn a_server_that_does_not_answer_in_time_denies_nothing(ground: Ground) {
    let (shards, _folder) = ground.other(|servers| servers.servers[0].connections_max = 1);
    let here = shards.database(SPREAD).await.unwrap();
    here.ensure_cells(&[place(0, 0)]).await.unwrap();
    spread(&ground, &[place(3, 1)]).await;
    // Its only connection is in use.
    let one = Held::default();
    let ctx = test_ctx("flora");
    let held = here.tx(&ctx, place(0, 0).into(), one.body());
    let finding = async {
        one.begun.notified().await;
        let hasty = ctx.within(Duration::from_millis(300));
        let late = here.find_cell(&hasty, place(3, 1)).await;
        one.go.notify_one();
        late
    };
    let (held, late) = tokio::join!(held, finding);
    held.unwrap();
    assert_eq!(late.unwrap_err().code, ErrorCode::DeadlineExceeded);
    assert!(here.find_cell(&ctx, place(3, 1)).await.unwrap());
}
