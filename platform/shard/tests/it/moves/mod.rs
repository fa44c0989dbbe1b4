//! Logical databases go to other servers while they are used. Two databases of one PostgreSQL stand for two
//! servers: nothing but their addresses tells them apart.

mod cut;
mod ground;
mod stale;
mod words;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use futures::future::join_all;
use kit::ErrorCode;
use shard::Database;
use shard::moving::{MoveEnd, Step};
use testkit::{PATIENCE, eventually, eventually_some};

use self::ground::{Ground, add, counted, ids, moved_by};
use crate::support::place;

/// Writes until it is told to end, each row again until it is answered; whatever else than a pause is refused.
async fn write(db: &Database, next: &AtomicI64, end: &AtomicBool, acked: &AtomicI64) -> Vec<i64> {
    let mut mine = Vec::new();
    while !end.load(Ordering::SeqCst) {
        let id = next.fetch_add(1, Ordering::SeqCst);
        eventually_some(PATIENCE, || async {
            match add(db, id).await {
                Ok(()) => Some(()),
                Err(e) if e.code == ErrorCode::Unavailable => None,
                Err(e) => panic!("a writer was told {e:?}: {}", e.chain()),
            }
        })
        .await;
        acked.fetch_add(1, Ordering::SeqCst);
        mine.push(id);
    }
    mine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_two_processes_lose_nothing_while_a_database_moves_there_and_back() {
    let Some(ground) = Ground::start() else { return };
    let (one, other) = (ground.process(), ground.process());
    let (one_db, other_db) = (one.spread().await, other.spread().await);
    let (next, end, acked) = (AtomicI64::new(1), AtomicBool::new(false), AtomicI64::new(0));
    let writers = join_all(
        (0..6).map(|n| write(if n % 2 == 0 { &one_db } else { &other_db }, &next, &end, &acked)),
    );
    // Another logical database of the same servers is not disturbed: no call fails.
    let undisturbed = async {
        let mut n = 0;
        while !end.load(Ordering::SeqCst) {
            n += 1;
            ground::add_at(&one_db, place(4, 0), n).await.unwrap();
        }
        n
    };
    let movers = async {
        for round in 0..2 {
            for to in ["b", "a"] {
                let before = acked.load(Ordering::SeqCst);
                let written = || async { acked.load(Ordering::SeqCst) > before + 20 };
                eventually(PATIENCE, written).await;
                let mut steps = Vec::new();
                let moved = moved_by(&ground, to, |step| {
                    steps.push(step);
                    true
                });
                let moved = moved.await.unwrap();
                assert_eq!((moved.end, moved.to.as_str()), (MoveEnd::Moved, to), "round {round}");
                assert!(steps.is_sorted() && steps.last() == Some(&Step::Done), "{steps:?}");
                assert!(moved.rows >= before.unsigned_abs(), "{moved:?}");
            }
        }
        end.store(true, Ordering::SeqCst);
    };
    let (written, n, ()) = futures::join!(writers, undisturbed, movers);
    let written: BTreeSet<i64> = written.into_iter().flatten().collect();
    assert!(n > 10, "{n} rows of another database");
    for db in [&one_db, &other_db] {
        assert_eq!(ids(db).await, written, "what is there, and what was answered");
        assert_eq!(counted(db).await, i64::try_from(written.len()).unwrap(), "each counted once");
    }
    assert_eq!(ground.tables_on("b"), 0, "nothing is left of it under its name");
}
