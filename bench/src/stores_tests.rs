//! Tests of what is written into stopped servers' files, on files with the services' own migrations and
//! one order as the program leaves it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Id, Place, Placement, Timestamp};
use rusqlite::{Connection, params};

use crate::bulk::{self, Stored};
use crate::databases::Databases;
use crate::progress::Progress;
use crate::raw::{Raw, Source};
use crate::sample::{OrderSample, Placed, count_orders, order_database};
use crate::seed::{self, Original, home};
use crate::shop::{Pair, Shopper};

const ORDERS: [&str; 2] = [
    include_str!("../../services/order/migrations/0001_orders.sql"),
    include_str!("../../services/order/migrations/0002_order_lines.sql"),
];
const HISTORY: &str = "CREATE TABLE order_history_{t} (tenant TEXT NOT NULL, entity_id BIGINT NOT NULL,
    seq BIGINT NOT NULL, operation TEXT NOT NULL, from_status TEXT NOT NULL, to_status TEXT NOT NULL,
    request_id TEXT NOT NULL, at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity_id, seq), UNIQUE (tenant, entity_id, request_id))";
const OUTBOX: [&str; 3] = [
    include_str!("../../platform/outbox/migrations/0001_outbox.sql"),
    include_str!("../../platform/outbox/migrations/0002_inbox.sql"),
    include_str!("../../platform/outbox/migrations/0003_idempotency.sql"),
];
const STOCK: [&str; 2] = [
    include_str!("../../services/inventory/migrations/0001_stock.sql"),
    include_str!("../../services/inventory/migrations/0002_reservations.sql"),
];
const MEMBERS: &str = include_str!("../../services/member/migrations/0001_members.sql");
const CARTS: &str = include_str!("../../services/cart/migrations/0001_carts.sql");
const NOW_MS: i64 = 1_795_000_000_000;

fn id(ms: i64, place: Place) -> i64 {
    Id::compose(NOW_MS + ms, place, 1, 0).unwrap().get()
}

fn placement() -> Placement {
    Placement::new(4, 8, 4, 0).unwrap()
}

fn pairs() -> Vec<Pair> {
    let total = serde_json::json!({ "amount": 300, "currency": "CNY" });
    vec![Pair { skus: [501, 502], total: total.clone() }, Pair { skus: [502, 503], total }]
}

/// A migration as the embedded engine reads it.
fn sqlite(migration: &str, table: u8) -> String {
    let mut text = String::new();
    let mut rest = migration;
    while let Some((before, after)) = rest.split_once('{') {
        let (mark, after) = after.split_once('}').unwrap();
        text.push_str(before);
        match mark.split_once(':') {
            None => text.push_str(&format!("{table:02}")),
            Some(("text", _)) => text.push_str("TEXT"),
            Some(("blob", _)) => text.push_str("BLOB"),
            Some((_, name)) => text.push_str(name),
        }
        rest = after;
    }
    text + rest
}

fn order_file(data: &Path, place: Place) -> PathBuf {
    data.join(format!("{}.db", order_database(place)))
}

fn files(data: &Path) -> Databases {
    Databases::Files(data.to_owned())
}

/// The files of a store with one order; the order's and the member's id.
fn store(data: &Path) -> (i64, i64) {
    for db in 4..8 {
        let conn = Connection::open(order_file(data, Place { db, table: 0 })).unwrap();
        for sql in OUTBOX {
            conn.execute_batch(&sqlite(sql, 0)).unwrap();
        }
        for table in 0..8 {
            for sql in ORDERS.into_iter().chain([HISTORY]) {
                conn.execute_batch(&sqlite(sql, table)).unwrap();
            }
        }
    }
    let member = id(1, Place::ZERO);
    let place = home(placement(), member);
    let order = id(2, place);
    write_order(&Connection::open(order_file(data, place)).unwrap(), order, member);
    write_stock(&Connection::open(data.join("inventory.db")).unwrap(), order);
    (order, member)
}

fn write_order(conn: &Connection, order: i64, member: i64) {
    let Place { db, table } = Id::from_i64(order).unwrap().place();
    let at = NOW_MS * 1_000;
    conn.execute(
        &format!(
            "INSERT INTO orders_{table:02} VALUES ('outlet', ?1, ?2, 'PENDING_PAYMENT', 1, 1, 1, 1, 'card', 'web',
             'CNY', 200, '[]', 100, 300, 0, 'Rose', NULL, 2, '[]', '{{}}', '', ?3, ?3)"
        ),
        params![order, member, at],
    )
    .unwrap();
    for (line, sku) in [(1, 501), (2, 502)] {
        conn.execute(
            &format!(
                "INSERT INTO order_lines_{table:02} VALUES
                 ('outlet', ?1, ?2, ?3, 9, 'Rose', '', '', NULL, 1, 100)"
            ),
            params![order, line, sku],
        )
        .unwrap();
    }
    conn.execute(
        &format!(
            "INSERT INTO order_history_{table:02} VALUES
             ('outlet', ?1, 1, 'begin', '', 'PENDING_PAYMENT', 'place', ?2)"
        ),
        params![order, at],
    )
    .unwrap();
    conn.execute(
        "INSERT INTO outbox VALUES ('outlet', 'order', ?1, ?2, ?3, ?4, 'order.created', ?5, '{}', NULL, 1, 0, 0,
         ?2, NULL, NULL, NULL, ?2, ?2, NULL)",
        params![order, at, db, table, format!("{{\"order_id\":\"{order}\"}}")],
    )
    .unwrap();
    conn.execute(
        "INSERT INTO idempotency VALUES ('outlet', ?1, 'POST /v1/store/orders', ?2, 'h', 1, ?3, ?3, ?4, ?3, ?3)",
        params![
            format!("user:{member}"),
            format!("bench-{order}"),
            at,
            format!("{{\"id\":\"{order}\"}}")
        ],
    )
    .unwrap();
}

fn write_stock(conn: &Connection, order: i64) {
    for sql in STOCK.into_iter().chain(OUTBOX) {
        conn.execute_batch(&sqlite(sql, 0)).unwrap();
    }
    let change = id(3, Place::ZERO);
    conn.execute(
        "INSERT INTO reservations VALUES ('outlet', ?1, 'bound', NULL, NULL, ?2, ?2)",
        params![order, NOW_MS * 1_000],
    )
    .unwrap();
    for (line, sku) in [(1, 501), (2, 502), (3, 503)] {
        conn.execute("INSERT INTO stock VALUES ('outlet', ?1, 7, 0, 5, 1, 0)", [sku]).unwrap();
        if line == 3 {
            continue;
        }
        conn.execute(
            "INSERT INTO reservation_lines VALUES ('outlet', ?1, ?2, 7, 0, 1)",
            [order, sku],
        )
        .unwrap();
        conn.execute(
            "INSERT INTO ledger VALUES ('outlet', ?1, ?2, ?3, 7, 0, 'reserve', -1, 1, 0, ?4, '', 'system:order', ?5)",
            params![sku, change, line, order, NOW_MS * 1_000],
        )
        .unwrap();
    }
}

fn sample(data: &Path, (order_id, member_id): (i64, i64)) -> OrderSample {
    let since = Timestamp::from_millis(NOW_MS);
    OrderSample::read(&files(data), &Placed { order_id, member_id, pair: &pairs()[0], since })
        .unwrap()
}

fn count(path: &Path, sql: &str) -> i64 {
    Connection::open(path).unwrap().query_row(sql, [], |r| r.get(0)).unwrap()
}

#[test]
fn stored_orders_are_complete_and_lie_where_their_members_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let sample = sample(data, store(data));
    assert_eq!(sample.further, 1, "the ledger's change");
    let (pairs, now) = (pairs(), Timestamp::from_millis(NOW_MS));
    let stored = Stored {
        sample: &sample,
        placement: placement(),
        buyers: &[],
        pairs: &pairs,
        now,
        count: 400,
    };
    bulk::write(&files(data), &stored, &Progress::new()).unwrap();
    let mut orders = 0;
    for cell in placement().cells() {
        let (file, t) = (order_file(data, cell), cell.table);
        let is_done =
            "status = 'COMPLETED' AND paid = total AND awaits_payment = 0 AND version = 5";
        let done = count(&file, &format!("SELECT count(*) FROM orders_{t:02} WHERE {is_done}"));
        let lines = format!(
            "SELECT count(*) FROM orders_{t:02} o JOIN order_lines_{t:02} l
             ON l.tenant = o.tenant AND l.order_id = o.id WHERE status = 'COMPLETED'"
        );
        assert_eq!(count(&file, &lines), 2 * done);
        let steps =
            format!("SELECT count(*) FROM order_history_{t:02} WHERE operation = 'complete'");
        assert_eq!(count(&file, &steps), done);
        orders += done;
    }
    assert_eq!(orders, 400);
    assert_eq!(
        count_orders(&files(data), placement(), "outlet").unwrap(),
        401,
        "with the one they copy"
    );
    assert_eq!(count_orders(&files(data), placement(), "nobody").unwrap(), 0);
    let stock = data.join("inventory.db");
    assert_eq!(count(&stock, "SELECT count(*) FROM reservations WHERE state = 'sold'"), 400);
    assert_eq!(count(&stock, "SELECT count(*) FROM ledger WHERE kind = 'sell' AND sold = 1"), 800);
    assert_eq!(count(&stock, "SELECT count(DISTINCT sku_id) FROM reservation_lines"), 3);
}

#[test]
fn raw_writes_the_rows_of_an_order_and_takes_its_stock() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let sample = sample(data, store(data));
    seed::stock(&files(data), "outlet").unwrap();
    assert!(seed::stock(&files(data), "nobody").is_err());
    let pairs = pairs();
    let source = Source {
        databases: &files(data),
        tenant: "outlet",
        placement: placement(),
        sample: &sample,
        pairs: &pairs,
    };
    let mut raw = Raw::create(&data.join("raw"), &source).unwrap();
    assert!(raw.run(Duration::from_secs(1)).unwrap() > 0);
    drop(raw);
    let file = data.join("raw/raw_0.db");
    let orders = (0..8).map(|t| count(&file, &format!("SELECT count(*) FROM orders_{t:02}")));
    let orders: i64 = orders.sum();
    assert!(orders >= 64 && orders % 64 == 0, "{orders}");
    for (table, per_order) in [
        ("outbox", 1),
        ("idempotency", 1),
        ("reservations", 1),
        ("reservation_lines", 2),
        ("ledger", 2),
    ] {
        let rows = count(&file, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows, orders * per_order, "{table}");
    }
    assert_eq!(count(&file, "SELECT sum(reserved) FROM stock") - 3, 2 * orders);
}

#[test]
fn copied_members_have_sessions_addresses_and_filled_carts_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (member, address) = (id(5, Place::ZERO), id(6, Place::ZERO));
    let checkout_id = id(7, home(placement(), member));
    let shopper = Shopper {
        login: "bench-filled@example.test".to_owned(),
        token: "sm_original".to_owned(),
        member_id: member,
        address_id: address,
    };
    write_member(data, &shopper, checkout_id);
    let pairs = pairs();
    let since = Timestamp::from_millis(NOW_MS);
    let original = Original { shopper: &shopper, checkout_id, pair: &pairs[0], since };
    let carts = seed::members(&files(data), placement(), &original, &pairs, 30, &Progress::new());
    let carts = carts.unwrap();
    assert_eq!(carts.len(), 30);
    let (members, baskets) = (data.join("member.db"), data.join("cart.db"));
    let whole = "SELECT count(*) FROM members m
         JOIN member_sessions s ON s.tenant = m.tenant AND s.member_id = m.id
         JOIN member_addresses a ON a.tenant = m.tenant AND a.member_id = m.id";
    assert_eq!(count(&members, whole), 31);
    for cart in &carts {
        let [a, b] = pairs[cart.pair].skus;
        let sql = format!(
            "SELECT count(*) FROM carts WHERE owner = 'm:{}' AND checkout_id = {}
             AND lines = '[[\"{a}\",1],[\"{b}\",1]]'",
            cart.member_id, cart.checkout_id
        );
        assert_eq!(count(&baskets, &sql), 1);
    }
    assert_eq!(count(&baskets, "SELECT count(*) FROM consumed"), 0);
}

fn write_member(data: &Path, shopper: &Shopper, checkout_id: i64) {
    let Shopper { login, token, member_id, address_id } = shopper;
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(token.as_bytes()));
    let conn = Connection::open(data.join("member.db")).unwrap();
    conn.execute_batch(&sqlite(MEMBERS, 0)).unwrap();
    let at = NOW_MS * 1_000;
    conn.execute(
        "INSERT INTO members VALUES ('outlet', ?1, ?2, ?2, 'Bench', NULL, '$argon2', 1, ?3)",
        params![member_id, login, at],
    )
    .unwrap();
    conn.execute(
        "INSERT INTO member_sessions VALUES ('outlet', ?1, ?2, ?3, 9000000000000000)",
        params![hash, member_id, at],
    )
    .unwrap();
    conn.execute(
        "INSERT INTO member_addresses VALUES ('outlet', ?1, ?2, 1, '{}')",
        params![member_id, address_id],
    )
    .unwrap();
    let conn = Connection::open(data.join("cart.db")).unwrap();
    conn.execute_batch(&sqlite(CARTS, 0)).unwrap();
    conn.execute(
        "INSERT INTO carts VALUES ('outlet', ?1, '[[\"501\",1],[\"502\",1]]', ?2, 3, NULL, ?3, ?3)",
        params![format!("m:{member_id}"), checkout_id, at],
    )
    .unwrap();
}
