//! Processes that do not know of a move: refused while it lasts, at the right place afterwards, and never
//! wrong.

use kit::ErrorCode;
use shard::moving::{Stand, Step, locate};
use shard::{MigrationSet, Schema};

use super::ground::{CELL, DATABASE, Ground, add, add_at, ids, inside, moved_by, try_ids};
use crate::support::{CELL_THINGS, NOTES, SPREAD, place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_an_old_map_is_refused_and_then_finds_the_new_place_by_himself() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    add(&db, 1).await.unwrap();
    let mut asked = Vec::new();
    let moved = moved_by(&ground, "b", |step| {
        let (read, written) = (inside(try_ids(&db)), inside(add(&db, 100)));
        let code = written.as_ref().err().map(|e| e.code);
        match step {
            Step::Preparing | Step::Copying | Step::Fencing => {
                assert_eq!(code, None, "before the fence all is as ever");
                let undo = "DELETE FROM it_spread_03.things_00 WHERE id = 100;
                    DELETE FROM it_spread_03.notes WHERE id = 100";
                ground.sql("a", undo);
            }
            Step::Comparing | Step::Leaving => {
                assert_eq!(code, Some(ErrorCode::Unavailable), "{step:?}");
                assert_eq!(read.unwrap(), [1].into(), "reads go on");
            }
            Step::Arriving => {
                assert_eq!(code, Some(ErrorCode::Unavailable), "{step:?}");
                assert_eq!(read.unwrap_err().code, ErrorCode::Unavailable, "{step:?}");
            }
            Step::Done => {}
        }
        asked.push(step);
        true
    });
    moved.await.unwrap();
    assert!(asked.contains(&Step::Arriving));
    assert_eq!((ids(&db).await.contains(&1), ground.tables_on("a")), (true, 0));
    add(&db, 2).await.unwrap();
    // One that starts with the old settings, and one whose settings were changed.
    let (late, told) = (ground.process(), ground.process_with(|s| s.directory.put(DATABASE, "b")));
    for (n, process) in [late, told].iter().enumerate() {
        let db = process.spread().await;
        add(&db, 3 + i64::try_from(n).unwrap()).await.unwrap();
    }
    assert!([1, 2, 3, 4].iter().all(|id| inside(ids(&db)).contains(id)));
    assert_eq!(ground.tables_on("a"), 0, "nobody has made it anew at the old place");
    let (backend, names) = (ground.backend(), [DATABASE.to_owned(), "spread_04".to_owned()]);
    let located = locate(&backend, &names).await.unwrap();
    let [moved, other] = &located[..] else { panic!("two were asked for") };
    assert_eq!((moved.server.as_str(), moved.settings.as_deref()), ("b", Some("a")));
    assert_eq!((&moved.stand, &moved.left_on[..]), (&Stand::Settled, &["a".to_owned()][..]));
    assert_eq!((other.server.as_str(), other.settings.as_deref()), ("a", None));
}

/// Of a newer program.
const NEWER: Schema = Schema {
    sets: &[MigrationSet {
        name: "test",
        common: &[
            NOTES,
            shard::Migration { version: 2, name: "more", sql: "CREATE TABLE more (id BIGINT)" },
        ],
        cells: &[CELL_THINGS],
    }],
    ..SPREAD
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_and_migrations_wait_for_a_move_and_are_made_at_the_new_place() {
    let Some(ground) = Ground::start() else { return };
    let (process, other) = (ground.process(), ground.process());
    let (db, stale) = (process.spread().await, other.spread().await);
    let new = place(CELL.db, 7);
    moved_by(&ground, "b", |step| step != Step::Comparing).await.unwrap_err();
    let refused = db.ensure_cells(&[new]).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(refused.chain().contains("move is completed"), "{}", refused.chain());
    moved_by(&ground, "b", |_| true).await.unwrap();
    for db in [&db, &stale] {
        db.ensure_cells(&[new]).await.unwrap();
    }
    add_at(&db, new, 1).await.unwrap();
    assert!(add_at(&stale, new, 1).await.is_err_and(|e| e.code == ErrorCode::Conflict));
    assert_eq!(ground.tables_on("a"), 0);
    // A newer program migrates it where it is now.
    let newer = ground.mover_of(NEWER, CELL.db);
    let behind = newer.run("a", &mut |_| true).await.unwrap_err().to_string();
    assert!(behind.contains("stoa migrate"), "{behind}");
    let process = ground.process();
    process.shards.database(NEWER).await.unwrap().ensure_cells(&[CELL]).await.unwrap();
    newer.run("a", &mut |_| true).await.unwrap();
    assert_eq!(ground.sql("a", "SELECT COUNT(*) FROM it_spread_03.more"), "0");
    assert_eq!(ground.tables_on("b"), 0);
}
