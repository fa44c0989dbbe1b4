//! MariaDB: starting, death and coming back.

use servers::{Durability, Error, Mariadb, MariadbOptions};

use crate::postgres::{eprint_took, note};

/// A server; `None`, with a note, where none is installed.
fn start(options: &MariadbOptions) -> Option<Mariadb> {
    match Mariadb::start(options) {
        Ok(server) => {
            eprint_took("MariaDB", server.took());
            Some(server)
        }
        Err(missing @ Error::Missing { .. }) => {
            note(&format!("SKIPPED: {missing}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn temporary() -> Option<Mariadb> {
    start(&MariadbOptions::default())
}

fn fill(server: &Mariadb) {
    server.sql("CREATE DATABASE d; CREATE TABLE d.t (id BIGINT PRIMARY KEY, s TEXT)").unwrap();
    server.sql("INSERT INTO d.t VALUES (1, 'äß漢'), (2, 'b')").unwrap();
}

fn rows(server: &Mariadb) -> String {
    server.sql("SELECT id, HEX(s) FROM d.t WHERE id = 1").unwrap()
}

#[test]
fn a_killed_server_comes_back_with_its_data_at_its_address() {
    let Some(mut server) = temporary() else { return };
    let url = server.url("");
    fill(&server);
    server.kill().unwrap();
    assert!(!server.is_running() && server.sql("SELECT 1").is_err());
    server.restart().unwrap();
    assert_eq!((rows(&server).as_str(), server.url("")), ("1\tC3A4C39FE6BCA2", url));
    server.restart().unwrap();
    assert_eq!(rows(&server), "1\tC3A4C39FE6BCA2");
}

#[test]
fn a_folder_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let options = MariadbOptions {
        folder: Some(folder.path().join("db")),
        durability: Durability::Durable,
        ..MariadbOptions::default()
    };
    let Some(server) = start(&options) else { return };
    eprint_took("MariaDB, durable", server.took());
    fill(&server);
    drop(server);
    let server = Mariadb::start(&options).unwrap();
    eprint_took("MariaDB, opened again", server.took());
    assert_eq!(rows(&server), "1\tC3A4C39FE6BCA2");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let options = MariadbOptions {
        settings: vec![("no-such-setting".to_owned(), "1".to_owned())],
        ..MariadbOptions::default()
    };
    let error = match Mariadb::start(&options) {
        Err(Error::Missing { .. }) => return,
        tried => tried.unwrap_err(),
    };
    assert!(
        matches!(&error, Error::NotReady { log, .. } if log.contains("no-such-setting")),
        "{error}"
    );
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
