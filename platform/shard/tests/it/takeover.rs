//! Who may take a primary's place, and when nobody may: the words that an operator gets.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use kit::{Secret, SystemClock};
use rpc::Fault;
use servers::{Postgres, PostgresOptions, ReplicaOptions};
use shard::{Backend, Engine, Options, Route, Servers, Shards, Takeover};
use sqlx::Connection as _;
use tempfile::TempDir;
use testkit::{PATIENCE, eventually};
use tokio::sync::Notify;
use tokio::task::block_in_place;

use crate::cluster::{Cluster, MAIN, label, quick, stranger, url};
use crate::support::{SINGLE, thing};

fn replica(name: &str, synchronous: bool) -> ReplicaOptions {
    ReplicaOptions { name: name.to_owned(), synchronous, ..ReplicaOptions::default() }
}

/// A primary and two replicas, the first of them synchronous.
async fn three() -> Option<Cluster> {
    let replicas = [replica("first", true), replica("second", false)];
    Cluster::start_all(&replicas, PostgresOptions::default(), |servers| {
        *servers.splitting = quick();
    })
    .await
}

async fn insert(cluster: &Cluster, id: i64) {
    let body = move |tx: shard::Tx| async move { tx.exec(&thing(id, id)).await };
    cluster.db.tx(&stranger(), Route::Whole, body).await.unwrap();
}

/// What the operator is told.
async fn refused(cluster: &Cluster, without: &[String]) -> String {
    cluster.shards.fail_over(MAIN, without).await.unwrap_err().to_string()
}

fn is_replica(server: &Postgres) -> bool {
    block_in_place(|| server.sql("postgres", "SELECT pg_is_in_recovery()")).unwrap() == "t"
}

/// What a database would be backed up from.
async fn address(cluster: &Cluster) -> String {
    let Backend::Servers(servers) = cluster.db.backend().await else { panic!("embedded") };
    servers.servers[0].url.expose().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_busy_is_not_taken_for_a_dead_one() {
    let replicas = [replica("first", false)];
    let options = PostgresOptions { max_connections: 12, ..PostgresOptions::default() };
    let cluster = Cluster::start_all(&replicas, options, |servers| {
        (servers.servers[0].connections_max, servers.waiting_max) = (2, 2);
    });
    let Some(cluster) = cluster.await else { return };
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ctx = stranger();
    let hold = || {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        cluster.db.tx(&ctx, Route::Whole, move |_| {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            async move {
                begun.notify_one();
                go.notified().await;
                Ok::<_, Fault>(())
            }
        })
    };
    let busy = async {
        begun.notified().await;
        begun.notified().await;
        let told = refused(&cluster, &[]).await;
        assert!(told.contains("answers; stop it first"), "{told}");
        go.notify_waiters();
    };
    let (held, ()) = futures::join!(join_all([hold(), hold()]), busy);
    assert!(held.iter().all(Result::is_ok), "{held:?}");

    let mut others = Vec::new();
    while let Ok(other) = sqlx::PgConnection::connect(url(&cluster.primary).expose()).await {
        others.push(other);
    }
    assert!(!others.is_empty());
    let told = refused(&cluster, &[]).await;
    assert!(told.contains("is there (the queue of") && told.contains("stop it first"), "{told}");
    drop(others);
    assert!(is_replica(&cluster.replica), "it was promoted beside a primary");
    eventually(PATIENCE, || async {
        let body = |tx: shard::Tx| async move { tx.insert_unique(&thing(1, 1)).await };
        cluster.db.tx(&stranger(), Route::Whole, body).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_listens_and_says_nothing_is_not_taken_for_a_dead_one() {
    let replicas = [replica("first", false)];
    let cluster = Cluster::start_all(&replicas, PostgresOptions::default(), |s| {
        s.connect_timeout = Duration::from_millis(300);
    });
    let Some(mut cluster) = cluster.await else { return };
    block_in_place(|| {
        cluster.replica.catch_up(&cluster.primary).unwrap();
        cluster.primary.kill().unwrap();
    });
    let silent = TcpListener::bind(("127.0.0.1", cluster.primary.port())).unwrap();
    let told = refused(&cluster, &[]).await;
    assert!(told.contains("takes connections and does not answer"), "{told}");
    assert!(is_replica(&cluster.replica));
    drop(silent);
    cluster.shards.fail_over(MAIN, &[]).await.unwrap();
    insert(&cluster, 1).await;
}

#[tokio::test]
async fn a_server_that_listens_and_says_nothing_keeps_nobody_waiting_for_ever() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    for (engine, scheme) in [(Engine::Postgres, "postgres"), (Engine::Mysql, "mysql")] {
        let folder = TempDir::new().unwrap();
        let url = Secret::new(format!("{scheme}://somebody@127.0.0.1:{port}/there"));
        let mut servers = Servers::single(engine, url);
        servers.connect_timeout = Duration::from_millis(300);
        let backend = Backend::Servers(servers);
        let options = Options { backend, ..Options::in_folder(folder.path()) };
        let shards = Shards::open(options, Arc::new(SystemClock)).unwrap();
        let opened = tokio::time::timeout(PATIENCE, shards.database(SINGLE)).await;
        let told = opened.expect("it waits for ever").unwrap_err();
        assert!(told.chain().contains("does not answer"), "{}", told.chain());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_does_not_answer_must_be_named_before_its_commits_are_given_up() {
    let Some(mut cluster) = three().await else { return };
    insert(&cluster, 1).await;
    block_in_place(|| {
        cluster.others[0].catch_up(&cluster.primary).unwrap();
        cluster.replica.kill().unwrap();
        cluster.primary.kill().unwrap();
    });
    let (missing, there) = (label(&cluster.replica), label(&cluster.others[0]));
    let told = refused(&cluster, &[]).await;
    assert!(told.contains(&format!("--without {missing}")), "{told}");
    assert!(!told.contains(&there), "{told}");
    let told = refused(&cluster, std::slice::from_ref(&there)).await;
    assert!(told.contains(&format!("--without {missing}")), "another was named: {told}");
    let told = refused(&cluster, &["nobody:1".to_owned()]).await;
    assert!(
        told.contains(&format!("nobody:1 is no replica of `main`; there is {missing}")),
        "{told}"
    );
    assert!(is_replica(&cluster.others[0]), "nothing has changed");

    let done = cluster.shards.fail_over(MAIN, std::slice::from_ref(&missing)).await.unwrap();
    let expected = Takeover { server: MAIN.to_owned(), primary: there, others: vec![missing] };
    assert_eq!(done, expected);
    insert(&cluster, 2).await;
    assert_eq!(cluster.read(&stranger()).await.ids, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_that_has_got_the_most_is_promoted_and_a_second_failover_is_refused() {
    let replicas = [replica("late", false), replica("near", false)];
    let cluster = Cluster::start_all(&replicas, PostgresOptions::default(), |_| {}).await;
    let Some(mut cluster) = cluster else { return };
    insert(&cluster, 1).await;
    block_in_place(|| {
        cluster.replica.catch_up(&cluster.primary).unwrap();
        cluster.replica.stop().unwrap();
    });
    for id in 2..10 {
        insert(&cluster, id).await;
    }
    block_in_place(|| {
        cluster.others[0].catch_up(&cluster.primary).unwrap();
        cluster.primary.kill().unwrap();
        // it comes back with what it had
        cluster.replica.restart().unwrap();
    });
    assert_eq!(address(&cluster).await, *url(&cluster.primary).expose());
    let done = cluster.shards.fail_over(MAIN, &[]).await.unwrap();
    let (late, near) = (label(&cluster.replica), label(&cluster.others[0]));
    assert_eq!((&done.primary, &done.others), (&near, &vec![late]));
    insert(&cluster, 10).await;
    assert_eq!(cluster.read(&stranger()).await.ids, (1..=10).collect::<Vec<_>>());
    assert_eq!(address(&cluster).await, *url(&cluster.others[0]).expose(), "what is backed up");

    // what the settings name follows the old primary, and lacks what the new one has confirmed
    let told = refused(&cluster, &[]).await;
    assert!(told.contains(&format!("no replica of `main` is known that follows {near}")), "{told}");
    block_in_place(|| cluster.others[0].kill()).unwrap();
    let told = refused(&cluster, &[]).await;
    assert!(told.contains(&format!("no replica of `main` is known that follows {near}")), "{told}");
    assert!(is_replica(&cluster.replica));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_it_goes_on_where_an_earlier_try_has_stopped() {
    let Some(mut cluster) = three().await else { return };
    insert(&cluster, 1).await;
    block_in_place(|| {
        cluster.others[0].catch_up(&cluster.primary).unwrap();
        cluster.primary.kill().unwrap();
        // an earlier try has come so far; the one that is named first has got as much
        cluster.others[0].promote().unwrap();
    });
    let done = cluster.shards.fail_over(MAIN, &[]).await.unwrap();
    let (first, promoted) = (label(&cluster.replica), label(&cluster.others[0]));
    assert_eq!((done.primary, done.others), (promoted, vec![first]));
    insert(&cluster, 2).await;
    assert_eq!(cluster.read(&stranger()).await.ids, [1, 2]);
    assert!(is_replica(&cluster.replica));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_primary_that_came_back_is_not_taken_for_one_that_was_promoted() {
    let replicas = [replica("first", false)];
    let cluster = Cluster::start_all(&replicas, PostgresOptions::default(), |_| {}).await;
    let Some(mut cluster) = cluster else { return };
    block_in_place(|| {
        cluster.replica.catch_up(&cluster.primary).unwrap();
        cluster.primary.kill().unwrap();
    });
    cluster.shards.fail_over(MAIN, &[]).await.unwrap();
    insert(&cluster, 1).await;
    // it is named as a replica, but nobody has rebuilt it; and it has a longer log than the others
    let next = block_in_place(|| {
        cluster.primary.restart().unwrap();
        for n in 0..4 {
            let own = format!("CREATE TABLE own_{n} (n BIGINT)");
            cluster.primary.sql("postgres", &own).unwrap();
            cluster.primary.sql("postgres", "SELECT pg_switch_wal()").unwrap();
        }
        let next = cluster.replica.replica(&replica("next", false)).unwrap();
        next.catch_up(&cluster.replica).unwrap();
        next
    });
    let (now, former) = (url(&cluster.replica), label(&cluster.primary));
    let followers = [url(&cluster.primary), url(&next)];
    cluster.shards.switch(MAIN, &now, &followers).await.unwrap();
    insert(&cluster, 2).await;
    block_in_place(|| {
        next.catch_up(&cluster.replica).unwrap();
        cluster.replica.kill().unwrap();
    });
    let told = refused(&cluster, &[]).await;
    assert!(told.contains(&format!("{former} of `main` takes writes already")), "{told}");
    block_in_place(|| cluster.primary.kill()).unwrap();
    let done = cluster.shards.fail_over(MAIN, std::slice::from_ref(&former)).await.unwrap();
    assert_eq!(done.primary, label(&next));
    assert_eq!(cluster.read(&stranger()).await.ids, [1, 2]);
}

/// Whoever follows the one that is dead follows the other from now on, as if he had been told to.
fn follow_instead(dead: &Postgres, alive: &Postgres) {
    let listener = TcpListener::bind(("127.0.0.1", dead.port())).unwrap();
    let to = ("127.0.0.1", alive.port());
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    };
    thread::spawn(move || {
        for came in listener.incoming().flatten() {
            let Ok(there) = TcpStream::connect(to) else { continue };
            pass(came.try_clone().unwrap(), there.try_clone().unwrap());
            pass(there, came);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_takes_the_one_that_the_first_has_promoted_though_the_others_follow_it() {
    let replicas = [replica("first", false)];
    let cluster = Cluster::start_all(&replicas, PostgresOptions::default(), |_| {}).await;
    let Some(mut cluster) = cluster else { return };
    insert(&cluster, 1).await;
    // the first program has switched, and an operator has made a follower; this one knows of both
    let follower = block_in_place(|| {
        cluster.replica.catch_up(&cluster.primary).unwrap();
        cluster.replica.promote().unwrap();
        let follower = cluster.replica.replica(&replica("follower", false)).unwrap();
        cluster.replica.sql("postgres", "CREATE TABLE of_the_first (n BIGINT)").unwrap();
        follower.catch_up(&cluster.replica).unwrap();
        follower
    });
    let known = [url(&follower), url(&cluster.replica)];
    cluster.shards.switch(MAIN, &url(&cluster.primary), &known).await.unwrap();
    block_in_place(|| cluster.primary.kill()).unwrap();
    // the first program writes there meanwhile
    let writing = AtomicBool::new(true);
    let mut writer = sqlx::PgConnection::connect(url(&cluster.replica).expose()).await.unwrap();
    let writes = async {
        while writing.load(Ordering::SeqCst) {
            sqlx::query("INSERT INTO of_the_first VALUES (1)").execute(&mut writer).await.unwrap();
        }
    };
    let taking = async {
        let taken = cluster.shards.fail_over(MAIN, &[]).await;
        writing.store(false, Ordering::SeqCst);
        taken
    };
    let ((), taken) = futures::join!(writes, taking);
    let taken = taken.unwrap();
    assert_eq!((taken.primary, taken.others), (label(&cluster.replica), vec![label(&follower)]));
    insert(&cluster, 2).await;
    assert_eq!(cluster.read(&stranger()).await.ids, [1, 2]);
    assert!(is_replica(&follower));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_an_earlier_failover_has_left_behind_is_not_taken_for_its_longer_log() {
    let replicas = [replica("new", false), replica("follows", false), replica("left", false)];
    let cluster = Cluster::start_all(&replicas, PostgresOptions::default(), |_| {}).await;
    let Some(mut cluster) = cluster else { return };
    insert(&cluster, 1).await;
    block_in_place(|| {
        // the one that is to be promoted stops last, so that it has got no less
        cluster.others[0].catch_up(&cluster.primary).unwrap();
        cluster.others[0].stop().unwrap();
        cluster.replica.catch_up(&cluster.primary).unwrap();
        cluster.replica.stop().unwrap();
        for n in 0..4 {
            let own = format!("CREATE TABLE own_{n} (n BIGINT)");
            cluster.primary.sql("postgres", &own).unwrap();
            cluster.primary.sql("postgres", "SELECT pg_switch_wal()").unwrap();
        }
        cluster.others[1].catch_up(&cluster.primary).unwrap();
        cluster.others[1].stop().unwrap();
        cluster.primary.kill().unwrap();
        cluster.replica.restart().unwrap();
        cluster.others[0].restart().unwrap();
    });
    let left = label(&cluster.others[1]);
    let taken = cluster.shards.fail_over(MAIN, std::slice::from_ref(&left)).await.unwrap();
    assert_eq!(taken.primary, label(&cluster.replica));
    // one follows the new primary; the one that was given up is back, and nobody has rebuilt it
    follow_instead(&cluster.primary, &cluster.replica);
    insert(&cluster, 2).await;
    block_in_place(|| {
        cluster.others[0].catch_up(&cluster.replica).unwrap();
        cluster.others[1].restart().unwrap();
    });
    let (now, known) = (url(&cluster.replica), [url(&cluster.others[1]), url(&cluster.others[0])]);
    cluster.shards.switch(MAIN, &now, &known).await.unwrap();
    block_in_place(|| cluster.replica.kill()).unwrap();
    let taken = cluster.shards.fail_over(MAIN, &[]).await.unwrap();
    assert_eq!((taken.primary, taken.others), (label(&cluster.others[0]), vec![left]));
    assert_eq!(cluster.read(&stranger()).await.ids, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_failovers_at_once_one_is_done_and_the_other_is_told() {
    let Some(mut cluster) = three().await else { return };
    block_in_place(|| cluster.primary.kill()).unwrap();
    let both = join_all([cluster.shards.fail_over(MAIN, &[]), cluster.shards.fail_over(MAIN, &[])]);
    let both = both.await;
    assert_eq!(both.iter().filter(|done| done.is_ok()).count(), 1, "{both:?}");
    let primaries = [&cluster.replica, &cluster.others[0]].into_iter().filter(|s| !is_replica(s));
    assert_eq!(primaries.count(), 1);
}
