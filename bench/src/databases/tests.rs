//! What is read from and written to database servers, on real ones: a store with one order as the program
//! leaves it, in tables that are smaller than the services' but hold every kind of column.

use std::time::Duration;

use kit::{Id, Place, Placement, Timestamp};
use rusqlite::types::Value;
use servers::{Mariadb, MariadbOptions, Postgres, PostgresOptions};

use super::{Connect, Databases, Server, ServerRaw};
use crate::bulk::{self, Stored};
use crate::engine::Engine;
use crate::progress::Progress;
use crate::raw::Source;
use crate::sample::{OrderSample, Placed, count_orders, order_database};
use crate::seed::{self, home};
use crate::shop::Pair;

const NOW_MS: i64 = 1_795_000_000_000;
const CELL: [&str; 3] = [
    "orders_{t} (tenant VARCHAR(32) NOT NULL, id BIGINT NOT NULL, member_id BIGINT NOT NULL, status TEXT NOT NULL,
     awaits_payment BOOLEAN NOT NULL, holds_stock BOOLEAN NOT NULL, version BIGINT NOT NULL, paid BIGINT NOT NULL,
     total BIGINT NOT NULL, note TEXT, PRIMARY KEY (tenant, id))",
    "order_lines_{t} (tenant VARCHAR(32) NOT NULL, order_id BIGINT NOT NULL, line_no BIGINT NOT NULL,
     sku_id BIGINT NOT NULL, seal {blob}, PRIMARY KEY (tenant, order_id, line_no))",
    "order_history_{t} (tenant VARCHAR(32) NOT NULL, entity_id BIGINT NOT NULL, seq BIGINT NOT NULL,
     operation TEXT NOT NULL, from_status TEXT NOT NULL, to_status TEXT NOT NULL, request_id TEXT NOT NULL,
     at BIGINT NOT NULL, PRIMARY KEY (tenant, entity_id, seq))",
];
const EVERYWHERE: [&str; 2] = [
    "schema_migrations (owner VARCHAR(32) PRIMARY KEY)",
    "outbox (tenant VARCHAR(32) NOT NULL, aggregate_id BIGINT NOT NULL, cell_db BIGINT NOT NULL,
     cell_table BIGINT NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (tenant, aggregate_id))",
];
const IDEMPOTENCY: &str =
    "idempotency (tenant VARCHAR(32) NOT NULL, idem_key VARCHAR(64) NOT NULL, answer TEXT,
     PRIMARY KEY (tenant, idem_key))";
const STOCK: [&str; 4] = [
    "stock (tenant VARCHAR(32) NOT NULL, sku_id BIGINT NOT NULL, warehouse_id BIGINT NOT NULL,
     bucket BIGINT NOT NULL, available BIGINT NOT NULL, reserved BIGINT NOT NULL,
     PRIMARY KEY (tenant, sku_id, warehouse_id, bucket))",
    "reservations (tenant VARCHAR(32) NOT NULL, order_id BIGINT NOT NULL, state TEXT NOT NULL,
     PRIMARY KEY (tenant, order_id))",
    "reservation_lines (tenant VARCHAR(32) NOT NULL, order_id BIGINT NOT NULL, sku_id BIGINT NOT NULL,
     PRIMARY KEY (tenant, order_id, sku_id))",
    "ledger (tenant VARCHAR(32) NOT NULL, sku_id BIGINT NOT NULL, change_id BIGINT NOT NULL,
     line_no BIGINT NOT NULL, kind TEXT NOT NULL, available BIGINT NOT NULL, reserved BIGINT NOT NULL,
     sold BIGINT NOT NULL, order_id BIGINT, PRIMARY KEY (tenant, sku_id, change_id, line_no))",
];

fn placement() -> Placement {
    Placement::new(4, 8, 4, 0).unwrap()
}

fn id(ms: i64, place: Place) -> i64 {
    Id::compose(NOW_MS + ms, place, 1, 0).unwrap().get()
}

/// Makes the schemas of a store under the prefix `x_`, as its services would.
fn schemas(engine: Engine, run: &dyn Fn(&str)) {
    let (create, blob) = match engine {
        Engine::Mysql => ("CREATE DATABASE", "BLOB"),
        _ => ("CREATE SCHEMA", "BYTEA"),
    };
    let mut names: Vec<String> = placement().cells().map(order_database).collect();
    names.dedup();
    names.push("inventory".to_owned());
    for name in names {
        run(&format!("{create} x_{name}"));
        let table =
            |ddl: &str| run(&format!("CREATE TABLE x_{name}.{}", ddl.replace("{blob}", blob)));
        EVERYWHERE.iter().for_each(|ddl| table(ddl));
        if name == "inventory" {
            STOCK.iter().for_each(|ddl| table(ddl));
            continue;
        }
        table(IDEMPOTENCY);
        for ddl in (0..8).flat_map(|t| CELL.map(|ddl| ddl.replace("{t}", &format!("{t:02}")))) {
            table(&ddl);
        }
    }
}

/// One order; its and the member's id.
fn order(engine: Engine, run: &dyn Fn(&str)) -> (i64, i64) {
    let member = id(1, Place::ZERO);
    let place = home(placement(), member);
    let (order, change) = (id(2, place), id(3, Place::ZERO));
    let (db, t) = (format!("x_{}", order_database(place)), format!("{:02}", place.table));
    let seal = if engine == Engine::Mysql { "x'00ff'" } else { "'\\x00ff'" };
    let at = NOW_MS * 1_000;
    for row in [
        format!(
            "{db}.orders_{t} VALUES ('outlet', {order}, {member}, 'PENDING_PAYMENT', true, true, 1, 0, 300, 'it''s\ttwo')"
        ),
        format!(
            "{db}.order_lines_{t} VALUES ('outlet', {order}, 1, 501, {seal}), ('outlet', {order}, 2, 502, NULL)"
        ),
        format!(
            "{db}.order_history_{t} VALUES ('outlet', {order}, 1, 'begin', '', 'PENDING_PAYMENT', 'place', {at})"
        ),
        format!(
            "{db}.outbox VALUES ('outlet', {order}, {}, {}, '{{\"id\":\"{order}\"}}')",
            place.db, place.table
        ),
        format!("{db}.idempotency VALUES ('outlet', 'bench-{order}', '{{\"id\":\"{order}\"}}')"),
        "x_inventory.stock VALUES ('outlet', 501, 7, 0, 5, 0), ('outlet', 502, 7, 0, 5, 0)"
            .to_owned(),
        format!("x_inventory.reservations VALUES ('outlet', {order}, 'bound')"),
        format!(
            "x_inventory.reservation_lines VALUES ('outlet', {order}, 501), ('outlet', {order}, 502)"
        ),
        format!(
            "x_inventory.ledger VALUES ('outlet', 501, {change}, 1, 'reserve', -1, 1, 0, {order})"
        ),
    ] {
        run(&format!("INSERT INTO {row}"));
    }
    (order, member)
}

fn check(connect: Connect, run: &dyn Fn(&str)) {
    let engine = connect.engine;
    schemas(engine, run);
    let (order_id, member_id) = order(engine, run);
    let server = Server::connect(connect).unwrap();
    assert_eq!(server.schema("inventory"), "x_inventory");
    let databases = Databases::Server(std::sync::Arc::new(server));
    let Databases::Server(server) = &databases else { panic!() };
    let place = home(placement(), member_id);
    let seen = databases.look(&order_database(place)).unwrap();
    let sql = format!("SELECT awaits_payment, note FROM orders_{:02}", place.table);
    let row = seen.query_row(&sql, [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert_eq!(
        row,
        (Value::Integer(1), Value::Text("it's\ttwo".to_owned())),
        "as SQLite would have it"
    );
    let total = serde_json::json!({ "amount": 300, "currency": "CNY" });
    let pairs = [Pair { skus: [501, 502], total }];
    let since = Timestamp::from_millis(NOW_MS);
    let placed = Placed { order_id, member_id, pair: &pairs[0], since };
    let sample = OrderSample::read(&databases, &placed).unwrap();
    seed::stock(&databases, "outlet").unwrap();
    assert!(seed::stock(&databases, "nobody").is_err());
    let (placement, count) = (placement(), 300);
    let stored =
        Stored { sample: &sample, placement, buyers: &[], pairs: &pairs, now: since, count };
    let (bytes, used) = (databases.bytes().unwrap(), server.used().unwrap());
    bulk::write(&databases, &stored, &Progress::new()).unwrap();
    assert!(databases.bytes().unwrap() > bytes || engine == Engine::Mysql, "MySQL grows by steps");
    assert!(server.used().unwrap().log_bytes > used.log_bytes);
    assert_eq!(count_orders(&databases, placement, "outlet").unwrap(), 301);
    let copies = databases.look(&order_database(place)).unwrap();
    let (t, is_done) = (place.table, "status = 'COMPLETED' AND awaits_payment = 0 AND paid = 300");
    let whole = format!(
        "SELECT count(*) FROM orders_{t:02} o JOIN order_lines_{t:02} l ON l.order_id = o.id
         WHERE {is_done} AND o.note = 'it''s\ttwo' AND (l.line_no = 2 OR l.seal = x'00ff')"
    );
    let done = format!("SELECT 2 * count(*) FROM orders_{t:02} WHERE {is_done}");
    let number = |sql: &str| copies.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert!(number(&done) > 0 && number(&whole) == number(&done));
    let source = Source {
        databases: &databases,
        tenant: "outlet",
        placement,
        sample: &sample,
        pairs: &pairs,
    };
    let mut raw = ServerRaw::create(server, &source, 4).unwrap();
    assert!(raw.run(2, Duration::from_secs(1)).unwrap() > 0);
    let rows = |table: &str| {
        (0..4)
            .map(|n| server.number(&format!("count(*) FROM raw_{n}.{table}")).unwrap())
            .sum::<u64>()
    };
    let orders: u64 = (0..8).map(|t| rows(&format!("orders_{t:02}"))).sum();
    assert!(orders > 0 && rows("reservation_lines") == 2 * orders && rows("outbox") == orders);
    let taken = |n| server.number(&format!("sum(reserved) FROM raw_{n}.stock")).unwrap();
    assert_eq!((0..4).map(taken).sum::<u64>(), 2 * orders);
    server.tidy("inventory").unwrap();
    assert!(!server.describe().unwrap().is_empty());
}

#[test]
fn a_store_on_postgresql_is_read_copied_and_written_raw() {
    let server = Postgres::start(&PostgresOptions::default()).unwrap();
    server.ensure_database("stoa").unwrap();
    let pid = server.process_id().unwrap();
    let connect = Connect { engine: Engine::Postgres, url: server.url("stoa"), pid };
    check(connect.clone(), &|sql| drop(server.sql("stoa", sql).unwrap()));
    let told = Server::connect(connect).err().map(|e| e.to_string());
    assert!(told.is_none(), "the raw writers' schemas are no second store: {told:?}");
}

#[test]
fn a_store_on_mariadb_is_read_copied_and_written_raw() {
    let server = Mariadb::start(&MariadbOptions::default()).unwrap();
    let pid = server.process_id().unwrap();
    let connect = Connect { engine: Engine::Mysql, url: server.url(""), pid };
    check(connect, &|sql| drop(server.sql(sql).unwrap()));
}
