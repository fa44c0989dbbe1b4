//! Tests of what a folder remembers, and of what is told of a server.

use super::*;

#[test]
fn a_folder_stays_on_its_engine() {
    let folder = tempfile::tempdir().unwrap();
    fits(folder.path(), Engine::Mysql).unwrap();
    Note::configured(Engine::Postgres).put(folder.path()).unwrap();
    Note::configured(Engine::Postgres).put(folder.path()).unwrap();
    let refused = fits(folder.path(), Engine::Sqlite).unwrap_err().to_string();
    assert!(refused.contains("is on PostgreSQL, not on SQLite"), "{refused}");
    let own = Note { engine: Engine::Postgres, own: true };
    assert!(own.put(folder.path()).unwrap_err().to_string().contains("named at the first start"));
    let unknown = Home::of_folder(folder.path()).err().unwrap().to_string();
    assert!(unknown.contains("--config"), "{unknown}");
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("platform.db"), "").unwrap();
    assert!(fits(files.path(), Engine::Postgres).unwrap_err().to_string().contains("SQLite"));
    assert_eq!(Note::of(files.path()).unwrap(), None);
}

#[test]
fn where_a_server_is_tells_no_password() {
    let place = |url: &str| place_of(&Secret::new(url.to_owned()));
    assert_eq!(
        place("postgres://stoa:p@ss@db.internal:5432/mall?x=secret"),
        "db.internal:5432/mall"
    );
    assert_eq!(place("mysql://root@127.0.0.1:3306/"), "127.0.0.1:3306");
    assert_eq!(place("nonsense"), "");
    assert_eq!(engine_of("mariadb://h/"), Some(Engine::Mysql));
    assert_eq!(engine_of("sqlite://h/"), None);
}
