//! Moves that are cut off, anywhere: the same command completes them, one back takes them back, and a copy
//! that is not equal is never switched to.

use std::sync::Arc;

use kit::ErrorCode;
use shard::moving::{MoveEnd, Step};
use testkit::eventually;
use tokio::sync::Notify;

use super::ground::{Ground, add, counted, ids, inside, moved_by};

const STEPS: [Step; 6] =
    [Step::Preparing, Step::Copying, Step::Fencing, Step::Comparing, Step::Leaving, Step::Arriving];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_cut_off_at_any_step_is_completed_by_the_same_command() {
    let Some(ground) = Ground::start() else { return };
    let (process, other) = (ground.process(), ground.process());
    let (db, stale) = (process.spread().await, other.spread().await);
    let mut next = 0;
    for (n, step) in STEPS.into_iter().enumerate() {
        let to = if n % 2 == 0 { "b" } else { "a" };
        next += 1;
        add(&db, next).await.unwrap();
        let stopped = moved_by(&ground, to, |now| now != step).await.unwrap_err().to_string();
        assert!(stopped.contains("same command"), "{stopped}");
        let written = add(&db, next + 1).await;
        if step < Step::Comparing {
            written.unwrap();
            next += 1;
        } else {
            assert_eq!(written.unwrap_err().code, ErrorCode::Unavailable, "{step:?}");
        }
        let moved = moved_by(&ground, to, |_| true).await.unwrap();
        assert_eq!((moved.end, moved.to.as_str()), (MoveEnd::Moved, to), "{step:?}");
        next += 1;
        add(&stale, next).await.unwrap();
        assert_eq!(ids(&db).await, (1..=next).collect(), "{step:?}");
        assert_eq!(counted(&stale).await, next, "{step:?}");
        let again = moved_by(&ground, to, |_| true).await.unwrap();
        assert_eq!(again.end, MoveEnd::WasThere, "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_whose_process_dies_in_the_middle_of_a_step_is_completed_by_the_same_command() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    let mut next = 0;
    for (n, step) in STEPS.into_iter().enumerate() {
        let to = if n % 2 == 0 { "b" } else { "a" };
        for _ in 0..50 {
            next += 1;
            add(&db, next).await.unwrap();
        }
        let reached = Arc::new(Notify::new());
        let tell = Arc::clone(&reached);
        let moving = moved_by(&ground, to, move |now| {
            if now == step {
                tell.notify_one();
            }
            true
        });
        tokio::select! {
            biased;
            // it is dropped where it waits next
            () = reached.notified() => {}
            done = moving => panic!("{step:?} was not reached: {done:?}"),
        }
        let moved = moved_by(&ground, to, |_| true).await.unwrap();
        assert_eq!(moved.to, to, "{step:?}");
        assert_eq!(ids(&db).await, (1..=next).collect(), "{step:?}");
        let on = |server: &str| ground.tables_on(server) > 0;
        assert_eq!((on("a"), on("b")), (to == "a", to == "b"), "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_taken_back_by_moving_it_to_where_it_is() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    for (n, step) in [Step::Copying, Step::Comparing, Step::Leaving].into_iter().enumerate() {
        let n = i64::try_from(n).unwrap() * 2;
        add(&db, n + 1).await.unwrap();
        moved_by(&ground, "b", |now| now != step).await.unwrap_err();
        let third = moved_by(&ground, "c", |_| true).await.unwrap_err().to_string();
        assert!(third.contains("--to b") && third.contains("--to a"), "{third}");
        let back = moved_by(&ground, "a", |_| true).await.unwrap();
        assert_eq!(back.end, MoveEnd::TakenBack);
        add(&db, n + 2).await.unwrap();
        assert_eq!(ids(&db).await, (1..=n + 2).collect());
        assert_eq!(
            (ground.schemas_on("a").as_str(), ground.schemas_on("b").as_str()),
            ("it_spread_03", "")
        );
    }
    let moved = moved_by(&ground, "b", |_| true).await.unwrap();
    assert_eq!((moved.end, moved.rows_late), (MoveEnd::Moved, 0));
    assert_eq!(ids(&db).await.len(), 6);
}

/// What makes every row that is copied another one.
const TAMPER: &str = "
    CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.n := NEW.n + 1; RETURN NEW; END $$;
    CREATE TRIGGER tamper BEFORE INSERT ON moving_it_spread_03.things_00
        FOR EACH ROW EXECUTE FUNCTION tamper()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_differs_is_mended_and_one_that_stays_different_stops_the_move() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    for id in 1..=30 {
        add(&db, id).await.unwrap();
    }
    // Behind the mover's back a row is changed, one is lost and one is too many.
    let spoil = "UPDATE moving_it_spread_03.things_00 SET n = 0 WHERE id = 7;
        DELETE FROM moving_it_spread_03.things_00 WHERE id = 8;
        INSERT INTO moving_it_spread_03.things_00 (id, n) VALUES (1000, 1)";
    let moved = moved_by(&ground, "b", |step| {
        if step == Step::Fencing {
            ground.sql("b", spoil);
        }
        true
    });
    let moved = moved.await.unwrap();
    assert!((2..10).contains(&moved.rows_late), "{moved:?}");
    assert_eq!(ids(&db).await, (1..=30).collect());

    moved_by(&ground, "a", |_| true).await.unwrap();
    let refused = moved_by(&ground, "b", |step| {
        if step == Step::Fencing {
            ground.sql("b", TAMPER);
            inside(add(&db, 31)).unwrap();
        }
        true
    });
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("not become equal") && refused.contains("checksums"), "{refused}");
    assert!(refused.contains("takes writes on `a` again"), "{refused}");
    add(&db, 32).await.unwrap();
    assert_eq!(ids(&db).await, (1..=32).collect(), "it is where it was, and of use");
    ground.sql("b", "DROP FUNCTION tamper CASCADE");
    moved_by(&ground, "b", |_| true).await.unwrap();
    add(&db, 33).await.unwrap();
    assert_eq!((ids(&db).await, counted(&db).await), ((1..=33).collect(), 33));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_lost_before_it_was_switched_to_is_found_when_the_move_goes_on() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    for id in 1..=30 {
        add(&db, id).await.unwrap();
    }
    moved_by(&ground, "b", |now| now != Step::Arriving).await.unwrap_err();
    // as if another one had taken its place that had not got the last commits
    ground.sql("b", "DELETE FROM moving_it_spread_03.things_00 WHERE id > 25");
    moved_by(&ground, "b", |_| true).await.unwrap();
    assert_eq!((ids(&db).await, counted(&db).await), ((1..=30).collect(), 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_where_the_settings_say_is_neither_there_already_nor_are_old_copies_dropped() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    add(&process.spread().await, 1).await.unwrap();
    moved_by(&ground, "b", |now| now != Step::Arriving).await.unwrap_err();
    let wrong = ground.mover_with(|servers| servers.directory = shard::Directory::new("c"));
    let there = wrong.run("c", &mut |_| true).await.unwrap_err().to_string();
    let dropped = wrong.drop_left().await.unwrap_err().to_string();
    assert!(there.contains("nothing to move") && dropped.contains("nothing to move"), "{dropped}");
    assert_eq!(ground.schemas_on("a"), "moved_it_spread_03");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_move_the_same_database_come_one_after_the_other() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    add(&db, 1).await.unwrap();
    let (one, other) =
        futures::join!(moved_by(&ground, "b", |_| true), moved_by(&ground, "b", |_| true));
    let mut ends = [one.unwrap().end, other.unwrap().end];
    ends.sort_by_key(|end| *end == MoveEnd::WasThere);
    assert_eq!(ends, [MoveEnd::Moved, MoveEnd::WasThere]);
    eventually(testkit::PATIENCE, || async { add(&db, 2).await.is_ok() }).await;
    assert_eq!(ids(&db).await, [1, 2].into());
}
