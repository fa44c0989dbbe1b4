//! PostgreSQL: starting, replicas, promotion, death and coming back.

use std::time::Duration;

use servers::{Durability, Error, Postgres, PostgresOptions, ReplicaOptions};

const DB: &str = "postgres";

/// A server; `None`, with a note, where none is installed.
fn start(options: &PostgresOptions) -> Option<Postgres> {
    match Postgres::start(options) {
        Ok(server) => {
            eprint_took("PostgreSQL", server.took());
            Some(server)
        }
        Err(missing @ Error::Missing { .. }) => {
            note(&format!("SKIPPED: {missing}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn temporary() -> Option<Postgres> {
    start(&PostgresOptions::default())
}

/// Start-up times are worth knowing: every test run pays them.
pub fn eprint_took(what: &str, took: Duration) {
    note(&format!("{what} took {} ms", took.as_millis()));
}

#[expect(clippy::disallowed_macros, reason = "words for whoever reads the test's output")]
pub fn note(words: &str) {
    eprintln!("{words}");
}

fn fill(server: &Postgres, rows: u32) {
    server.sql(DB, "CREATE TABLE t (id BIGINT PRIMARY KEY)").unwrap();
    server.sql(DB, &format!("INSERT INTO t SELECT generate_series(1, {rows})")).unwrap();
}

fn rows(server: &Postgres) -> String {
    server.sql(DB, "SELECT count(*) FROM t").unwrap()
}

#[test]
fn a_killed_server_comes_back_with_its_data_at_its_address() {
    let Some(mut server) = temporary() else { return };
    let url = server.url("postgres");
    fill(&server, 1_000);
    server.kill().unwrap();
    assert!(!server.is_running() && server.sql(DB, "SELECT 1").is_err());
    server.restart().unwrap();
    assert_eq!((rows(&server).as_str(), server.url("postgres")), ("1000", url));
    server.restart().unwrap();
    assert_eq!(rows(&server), "1000");
}

#[test]
fn a_synchronous_replica_has_every_commit_and_takes_over() {
    let Some(mut primary) = temporary() else { return };
    let options = ReplicaOptions { synchronous: true, ..ReplicaOptions::default() };
    let mut replica = primary.replica(&options).unwrap();
    eprint_took("a synchronous replica", replica.took());
    fill(&primary, 500);
    primary.kill().unwrap();
    replica.promote().unwrap();
    assert_eq!(rows(&replica), "500");
    // it waits for no replica of its own
    replica.sql(DB, "INSERT INTO t VALUES (501)").unwrap();
    replica.restart().unwrap();
    assert_eq!(rows(&replica), "501");
}

#[test]
fn a_replica_made_later_does_not_inherit_whom_its_primary_waits_for() {
    let Some(primary) = temporary() else { return };
    let named = |name: &str, synchronous| ReplicaOptions {
        name: name.to_owned(),
        synchronous,
        ..ReplicaOptions::default()
    };
    let first = primary.replica(&named("first", true)).unwrap();
    let mut second = primary.replica(&named("second", false)).unwrap();
    primary.set_synchronous(None).unwrap();
    drop(first);
    fill(&primary, 1);
    second.catch_up(&primary).unwrap();
    second.promote().unwrap();
    second.sql(DB, "INSERT INTO t VALUES (2)").unwrap();
}

#[test]
fn a_replica_is_paused_and_catches_up() {
    let Some(primary) = temporary() else { return };
    let replica = primary.replica(&ReplicaOptions::default()).unwrap();
    fill(&primary, 10);
    replica.catch_up(&primary).unwrap();
    replica.pause_replay().unwrap();
    primary.sql(DB, "INSERT INTO t VALUES (11)").unwrap();
    assert_eq!(rows(&replica), "10");
    replica.resume_replay().unwrap();
    replica.catch_up(&primary).unwrap();
    assert_eq!(rows(&replica), "11");
}

#[test]
fn a_replica_is_held_back() {
    let Some(primary) = temporary() else { return };
    let apply_delay = Duration::from_secs(3_600);
    let replica =
        primary.replica(&ReplicaOptions { apply_delay, ..ReplicaOptions::default() }).unwrap();
    fill(&primary, 10);
    let received = "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()";
    assert_eq!(replica.sql(DB, "SELECT to_regclass('t') IS NULL").unwrap(), "t");
    primary.set_synchronous(Some("replica")).unwrap();
    primary.sql(DB, "INSERT INTO t VALUES (11)").unwrap();
    assert_eq!(replica.sql(DB, received).unwrap(), "t", "it receives without delay");
}

#[test]
fn a_folder_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    // as a data folder of a person: only the way to it is open
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let options = PostgresOptions {
        folder: Some(folder.path().join("pg")),
        durability: Durability::Durable,
        ..PostgresOptions::default()
    };
    let Some(server) = start(&options) else { return };
    eprint_took("PostgreSQL, durable", server.took());
    server.ensure_database("mall").unwrap();
    server.ensure_database("mall").unwrap();
    fill(&server, 3);
    let standby = folder.path().join("standby");
    let beside = ReplicaOptions { folder: Some(standby), ..ReplicaOptions::default() };
    let replica = server.replica(&beside).unwrap();
    drop(server);
    drop(replica);
    let server = Postgres::start(&options).unwrap();
    eprint_took("PostgreSQL, opened again", server.took());
    assert_eq!(rows(&server), "3");
    server.sql("mall", "SELECT 1").unwrap();
    // a replica finds its primary wherever it listens now
    let replica = server.replica(&beside).unwrap();
    server.sql(DB, "INSERT INTO t VALUES (4)").unwrap();
    replica.catch_up(&server).unwrap();
    assert_eq!(rows(&replica), "4");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let options = PostgresOptions {
        settings: vec![("shared_buffers".to_owned(), "nonsense".to_owned())],
        ..PostgresOptions::default()
    };
    let error = match Postgres::start(&options) {
        Err(Error::Missing { .. }) => return,
        tried => tried.unwrap_err(),
    };
    assert!(matches!(&error, Error::NotReady { log, .. } if log.contains("nonsense")), "{error}");
}

#[test]
fn nothing_is_left_of_a_dropped_server() {
    let Some(server) = temporary() else { return };
    let id = server.process_id().unwrap();
    let folder = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    drop(server);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    assert!(!folder.exists());
}
