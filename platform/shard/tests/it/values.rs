//! What goes into a table comes out the same, and what a table cannot hold is refused. A taken key is
//! an answer, not an accident.

use kit::{ErrorCode, Id, Timestamp};
use proptest::prelude::*;
use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, Query, Value};
use shard::{Database, Route, Row};
use testkit::{TempShards, test_ctx};

use crate::support::{SINGLE, ids, n_of, thing};

#[derive(Debug, Clone, PartialEq)]
struct Thing {
    n: Option<i64>,
    name: Option<String>,
    flag: Option<bool>,
    data: Option<Vec<u8>>,
}

async fn store(db: &Database, ctx: &Ctx, id: i64, thing: &Thing) -> Result<(), Fault> {
    let t = thing.clone();
    let values: [Value; 5] = [id.into(), t.n.into(), t.name.into(), t.flag.into(), t.data.into()];
    let insert = Query::insert()
        .into_table("things")
        .columns(["id", "n", "name", "flag", "data"])
        .values_panic(values.map(Expr::val))
        .to_owned();
    db.tx(ctx, Route::Whole, move |tx| {
        let insert = insert.clone();
        async move { tx.exec(&insert).await.map(|_| ()) }
    })
    .await
}

async fn load(db: &Database, ctx: &Ctx, id: i64) -> Row {
    let select = Query::select()
        .columns(["id", "n", "name", "flag", "data"])
        .from("things")
        .and_where(Expr::col("id").eq(id))
        .to_owned();
    let row: Result<_, Fault> = db
        .read(ctx, Route::Whole, move |tx| {
            let select = select.clone();
            async move { tx.one(&select).await }
        })
        .await;
    row.unwrap().unwrap()
}

fn as_thing(row: &Row) -> Thing {
    Thing {
        n: row.get("n").unwrap(),
        name: row.get("name").unwrap(),
        flag: row.get("flag").unwrap(),
        data: row.get("data").unwrap(),
    }
}

fn text(s: &str) -> Option<String> {
    Some(s.to_owned())
}

#[tokio::test]
async fn every_value_comes_back_as_it_went_in() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let things = [
        Thing { n: None, name: None, flag: None, data: None },
        Thing { n: Some(i64::MAX), name: text(""), flag: Some(true), data: Some(Vec::new()) },
        Thing {
            n: Some(i64::MIN),
            name: text("Grüße, 花屋 🌷 \u{0}\u{202e}"),
            flag: Some(false),
            data: Some((0..=255).collect()),
        },
        Thing {
            n: Some(0),
            name: text("'; DROP TABLE things; --"),
            flag: Some(true),
            data: Some(vec![0; 1 << 20]),
        },
        Thing { n: Some(-1), name: text(&"é".repeat(100_000)), flag: None, data: None },
    ];
    for (id, thing) in (0..).zip(&things) {
        store(&db, &ctx, id, thing).await.unwrap();
        assert_eq!(as_thing(&load(&db, &ctx, id).await), *thing);
    }
}

#[test]
fn any_value_comes_back_as_it_went_in() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = runtime.block_on(shards.single(SINGLE));
    let next = std::cell::Cell::new(0_i64);
    let things = (
        any::<Option<i64>>(),
        any::<Option<String>>(),
        any::<Option<bool>>(),
        any::<Option<Vec<u8>>>(),
    );
    let config =
        ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((n, name, flag, data) in things)| {
        next.set(next.get() + 1);
        // The column is unique.
        let name = name.map(|name| format!("{}{name}", next.get()));
        let thing = Thing { n, name, flag, data };
        runtime.block_on(async {
            store(&db, &ctx, next.get(), &thing).await.unwrap();
            assert_eq!(as_thing(&load(&db, &ctx, next.get()).await), thing);
        });
    });
}

#[tokio::test]
async fn a_column_is_read_as_what_it_holds_or_refused_by_name() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let thing = Thing { n: Some(-300), name: text("x"), flag: None, data: None };
    store(&db, &ctx, 7, &thing).await.unwrap();
    let row = load(&db, &ctx, 7).await;
    assert_eq!(row.get::<Id>("id").unwrap().get(), 7);
    assert_eq!(row.get::<Timestamp>("n").unwrap(), Timestamp::from_micros(-300));
    assert_eq!(row.get::<u8>("id").unwrap(), 7);
    let problems = [
        (row.get::<u8>("n").unwrap_err(), "column n: -300 does not fit"),
        (row.get::<i64>("name").unwrap_err(), "column name: holds text where a number is expected"),
        (row.get::<String>("flag").unwrap_err(), "column flag: holds NULL where text is expected"),
        (
            row.get::<Vec<u8>>("id").unwrap_err(),
            "column id: holds a number where bytes are expected",
        ),
        (row.get::<i64>("m").unwrap_err(), "column m: is not in the result"),
    ];
    for (fault, told) in problems {
        assert_eq!((fault.code, fault.chain().as_str()), (ErrorCode::Internal, told));
    }
    assert!(row.get::<Id>("n").unwrap_err().chain().starts_with("column n: an id is"));
}

#[tokio::test]
async fn a_value_that_no_engine_shares_is_refused() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    for value in [Value::from(1.5_f64), Value::from(u64::MAX)] {
        let select = Query::select().expr(Expr::val(value)).to_owned();
        let read: Result<_, Fault> = db
            .read(&ctx, Route::Whole, move |tx| {
                let select = select.clone();
                async move { tx.one(&select).await }
            })
            .await;
        assert_eq!(read.unwrap_err().code, ErrorCode::Internal);
    }
    let real = Query::select().expr(Expr::cust("1.5 AS half")).to_owned();
    let read: Result<_, Fault> = db
        .read(&ctx, Route::Whole, move |tx| {
            let real = real.clone();
            async move { tx.one(&real).await }
        })
        .await;
    assert_eq!(
        read.unwrap_err().chain(),
        "column half: is a floating number, which no engine shares"
    );
}

#[tokio::test]
async fn a_taken_key_is_told_as_false_and_the_transaction_goes_on() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let outcome: Result<_, Fault> = db
        .tx(&ctx, Route::Whole, |tx| async move {
            let first = tx.insert_unique(&thing(1, 10)).await?;
            let second = tx.insert_unique(&thing(1, 20)).await?;
            // Several rows are one statement: none of them, not the first few.
            let several = Query::insert()
                .into_table("things")
                .columns(["id", "n"])
                .values_panic([2.into(), 0.into()])
                .values_panic([1.into(), 0.into()])
                .to_owned();
            let third = tx.insert_unique(&several).await?;
            tx.exec(&thing(3, 30)).await?;
            Ok((first, second, third, n_of(&tx, 1).await?))
        })
        .await;
    assert_eq!(outcome.unwrap(), (true, false, false, Some(10)));
    assert_eq!(ids(&db, &ctx).await, [1, 3]);
    // A second unique key counts, too.
    let named = |name: &str| Thing { n: None, name: text(name), flag: None, data: None };
    store(&db, &ctx, 4, &named("same")).await.unwrap();
    let taken = store(&db, &ctx, 5, &named("same")).await.unwrap_err();
    assert_eq!((taken.code, taken.message.as_str()), (ErrorCode::Conflict, "this already exists"));
}
