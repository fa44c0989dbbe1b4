//! Tests of the settings of servers: what they become, and that everything wrong is named at once.

use stoa_config::Loader;

use crate::options::{DEFAULTS, Settings};

use super::*;

fn load(text: &str) -> Result<Settings, stoa_config::Error> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stoa.toml");
    std::fs::write(&file, text).unwrap();
    Loader::new(DEFAULTS).file(file).load()
}

#[test]
fn a_directory_of_names_and_ranges_puts_databases_on_servers() {
    let settings = load(
        r#"
        [storage]
        engine = "postgres"
        prefix = "mall_"
        [[storage.server]]
        name = "a"
        url = "postgres://stoa:one@db-a:5432/mall"
        replicas = ["postgres://stoa:one@db-a2:5432/mall"]
        connections_max = 50
        [[storage.server]]
        name = "b"
        url = "postgres://stoa:two@db-b:5432/mall"
        [storage.directory]
        default = "a"
        "order_16..order_31" = "b"
        order_20 = "a"
        product = "b"
        "#,
    )
    .unwrap();
    let Backend::Servers(servers) = settings.storage.backend() else { panic!("embedded") };
    let on = |database: &str| servers.directory.server(database).to_owned();
    assert_eq!(
        [on("order_15"), on("order_16"), on("order_20"), on("order_31")],
        ["a", "b", "a", "b"]
    );
    assert_eq!([on("product"), on("tenant"), on("payment_16")], ["b", "a", "a"]);
    assert_eq!((servers.servers.len(), servers.servers[0].replicas.len()), (2, 1));
    assert_eq!((servers.servers[0].connections_max, servers.servers[1].connections_max), (50, 32));
    assert_eq!((servers.engine, servers.prefix.as_str()), (Engine::Postgres, "mall_"));
}

#[test]
fn one_server_needs_no_directory_and_may_come_from_the_environment() {
    let settings: Settings = Loader::new(DEFAULTS)
        .environment([
            ("STOA_STORAGE__ENGINE".to_owned(), "mysql".to_owned()),
            (
                "STOA_STORAGE__SERVER".to_owned(),
                r#"[{ name = "main", url = "mysql://stoa:p@db:3306/" }]"#.to_owned(),
            ),
        ])
        .load()
        .unwrap();
    let Backend::Servers(servers) = settings.storage.backend() else { panic!("embedded") };
    assert_eq!(servers.server_of("order_00").unwrap().url.expose(), "mysql://stoa:p@db:3306/");
    assert_eq!(servers.prefix, "stoa_");
}

#[test]
fn everything_wrong_is_named_and_no_password_is_shown() {
    let error = load(
        r#"
        [storage]
        engine = "mysql"
        prefix = "Mall-"
        [[storage.server]]
        name = "a"
        url = "postgres://stoa:topsecret@db-a:5432/mall"
        [[storage.server]]
        name = "a"
        url = "mysql://stoa:topsecret@db-b:3306/"
        replicas = ["mysql://stoa:topsecret@db-c:3306/"]
        connections_max = 0
        [storage.directory]
        order_32 = "a"
        cart = "z"
        "order_05..order_01" = "a"
        "order_00..x" = "a"
        "#,
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "storage.prefix: at most 20 small letters",
        "storage.server[0].url: it is a URL of PostgreSQL, and storage.engine is mysql",
        "storage.server[1].name: `a` is the name of another server",
        "storage.server[1].replicas: replicas are for PostgreSQL only",
        "storage.server[1].connections_max: 0 is not allowed",
        "storage.directory.order_32: there is no database `order_32`",
        "order_00 to order_31",
        "storage.directory.cart: there is no server `z`; there is a, a",
        "storage.directory.order_05..order_01: a range goes up",
        "storage.directory.order_00..x: a range reads",
        "storage.directory.default: with several servers",
    ] {
        assert!(error.contains(expected), "{expected} is not in {error}");
    }
    assert!(!error.contains("topsecret"), "{error}");
}

#[test]
fn servers_without_an_engine_and_an_engine_without_servers_are_refused() {
    let without = load("[storage]\nengine = \"postgres\"\n").unwrap_err().to_string();
    assert!(without.contains("PostgreSQL needs at least one [[storage.server]]"), "{without}");
    let unused = "[[storage.server]]\nname = \"a\"\nurl = \"postgres://h/d\"\n";
    let unused = load(unused).unwrap_err().to_string();
    assert!(
        unused.contains("storage.engine: servers are named, but `sqlite` uses none"),
        "{unused}"
    );
    let other = load("[storage]\nengine = \"oracle\"\n").unwrap_err().to_string();
    assert!(other.contains("`sqlite`, `postgres` or `mysql`"), "{other}");
    let crossing = load(
        r#"
        [storage]
        engine = "postgres"
        server = [{ name = "a", url = "postgres://h/d" }, { name = "b", url = "postgres://i/d" }]
        [storage.directory]
        default = "a"
        "order_00..order_09" = "a"
        "order_09..order_10" = "b"
        "#,
    );
    let crossing = crossing.unwrap_err().to_string();
    assert!(crossing.contains("puts order_09 on `a` already"), "{crossing}");
}
