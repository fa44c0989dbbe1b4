//! What cannot be moved is refused with what to do; what a move would bring is told before; what it has left
//! goes when it is told to.

use std::sync::Arc;

use kit::SystemClock;
use shard::moving::{MoveEnd, Mover, Stand, Step};
use shard::{Backend, Engine, Servers};

use super::ground::{CELL, DATABASE, Ground, add, ids, moved_by};
use crate::support::{SINGLE, SPREAD};

#[test]
fn embedded_databases_and_mysql_are_refused_with_what_to_do() {
    let refused = |backend: &Backend| {
        Mover::new(backend, SINGLE, 0, Arc::new(SystemClock)).err().unwrap().to_string()
    };
    let embedded = refused(&Backend::Embedded);
    assert!(embedded.contains("one folder"), "{embedded}");
    let url = kit::Secret::new("mysql://h/".to_owned());
    let mysql = refused(&Backend::Servers(Servers::single(Engine::Mysql, url)));
    assert!(mysql.contains("PostgreSQL servers only"), "{mysql}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_is_refused_and_nothing_has_changed() {
    let Some(ground) = Ground::start() else { return };
    let go = async |to: &str| moved_by(&ground, to, |_| true).await.unwrap_err().to_string();
    let unknown = go("nowhere").await;
    assert!(unknown.contains("`nowhere`") && unknown.contains("a, b, c"), "{unknown}");
    let unmade = go("b").await;
    assert!(unmade.contains("no spread_03 yet"), "{unmade}");

    let process = ground.process();
    let db = process.spread().await;
    add(&db, 1).await.unwrap();
    // Two names of one server.
    let mut servers = ground.servers();
    let same = servers.servers[0].url.clone();
    servers.servers[1].url = same;
    let backend = Backend::Servers(servers);
    let mover = Mover::new(&backend, SPREAD, CELL.db, Arc::new(SystemClock)).unwrap();
    for refused in [mover.plan("b").await.err(), mover.run("b", &mut |_| true).await.err()] {
        let refused = refused.unwrap().to_string();
        assert!(refused.contains("the same server"), "{refused}");
    }
    for foreign in ["CREATE VIEW it_spread_03.v AS SELECT 1", "CREATE SEQUENCE it_spread_03.v"] {
        ground.sql("a", foreign);
        let refused = go("b").await;
        assert!(refused.contains("it_spread_03.v") && refused.contains("remove it"), "{refused}");
        ground.sql("a", &foreign.replace("CREATE", "DROP").replace(" AS SELECT 1", ""));
    }
    ground.sql("a", "CREATE TABLE it_spread_03.mine (id BIGINT)");
    let refused = go("b").await;
    assert!(refused.contains("it_spread_03.mine"), "{refused}");
    ground.sql("a", "DROP TABLE it_spread_03.mine");
    add(&db, 2).await.unwrap();
    moved_by(&ground, "b", |_| true).await.unwrap();
    assert_eq!(ids(&db).await, [1, 2].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_were_changed_without_a_move_make_nothing_anew() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    add(&db, 1).await.unwrap();
    let wrong = ground.process_with(|s| s.directory.put(DATABASE, "c"));
    let refused = wrong.shards.database(SPREAD).await.unwrap().ensure_cells(&[CELL]).await;
    let refused = refused.unwrap_err().chain();
    assert!(refused.contains("`a` has it") && refused.contains("--to c"), "{refused}");
    assert_eq!(ground.tables_on("c"), 0);
    moved_by(&ground, "c", |_| true).await.unwrap();
    let right = ground.process_with(|s| s.directory.put(DATABASE, "c"));
    assert_eq!(ids(&right.spread().await).await, [1].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_changes_nothing_and_what_was_left_is_dropped_when_asked_for() {
    let Some(ground) = Ground::start() else { return };
    let process = ground.process();
    let db = process.spread().await;
    for id in 1..=5 {
        add(&db, id).await.unwrap();
    }
    let plan = ground.mover().plan("b").await.unwrap();
    assert_eq!((plan.at.as_str(), plan.to.as_str(), &plan.stand), ("a", "b", &Stand::Settled));
    // two cells, the notes, and the record of migrations with its three rows
    assert_eq!((plan.tables, plan.rows), (4, 6 + 5 + 3));
    assert!(plan.bytes > 0 && ground.schemas_on("b").is_empty());
    moved_by(&ground, "b", |step| step != Step::Arriving).await.unwrap_err();
    let plan = ground.mover().plan("b").await.unwrap();
    assert_eq!(plan.stand, Stand::OnTheWay("b".to_owned()));
    let refused = ground.mover().drop_left().await.unwrap_err().to_string();
    assert!(refused.contains("--to b"), "{refused}");
    // Wherever it is to go then, it arrives first.
    let moved = moved_by(&ground, "c", |_| true).await.unwrap();
    assert_eq!((moved.end, moved.from.as_str()), (MoveEnd::Moved, "b"));
    assert_eq!(ground.schemas_on("a"), "moved_it_spread_03");
    assert_eq!(ground.mover().drop_left().await.unwrap(), ["a", "b"]);
    assert!(ground.mover().drop_left().await.unwrap().is_empty());
    assert_eq!((ground.schemas_on("a"), ground.schemas_on("b")), (String::new(), String::new()));
    assert_eq!(ids(&db).await, (1..=5).collect());
}
