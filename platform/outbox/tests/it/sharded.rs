//! A sharded database has one message table per logical database; files come while relays run.

use kit::{Id, Place};
use outbox::{Admin, Consumer, NewMessage, Outbox};
use rpc::Fault;
use shard::{Database, Migration, MigrationSet, Route, Schema, Tx};
use testkit::{BEGIN, PATIENCE, TempShards, eventually, tenant, test_ctx};

use crate::common::{EFFECTS, effect_once, quick, relay, router};

const CELLS: MigrationSet = MigrationSet {
    name: "cells",
    common: &[],
    cells: &[Migration {
        version: 1,
        name: "things",
        sql: "CREATE TABLE things_{t} (id BIGINT NOT NULL PRIMARY KEY)",
    }],
};

const SPREAD: Schema = Schema {
    database: "spread",
    sets: &[CELLS, EFFECTS, outbox::MIGRATIONS],
    cell_tables: &["things"],
};

fn cell(db: u8, table: u8) -> Place {
    Place::new(db, table).unwrap()
}

async fn put(db: &Database, outbox: &Outbox, route: Route, id: i64) -> outbox::MessageId {
    let ctx = test_ctx("flora");
    let (outbox, for_body) = (outbox.clone(), ctx.clone());
    let body = move |tx: Tx| {
        let (outbox, ctx) = (outbox.clone(), for_body.clone());
        async move { outbox.put(&tx, &ctx, NewMessage::new("stepped", "thing", id, &id)?).await }
    };
    db.tx::<_, Fault, _, _>(&ctx, route, body).await.unwrap()
}

#[tokio::test]
async fn messages_of_all_files_are_relayed_also_of_files_that_come_later() {
    let shards = TempShards::new();
    let db = shards.sharded(SPREAD, &[cell(0, 0), cell(4, 1), cell(4, 7)]).await;
    let outbox = Outbox::new(db.clone());
    let inbox = shards.single(crate::common::THINGS).await;
    let effects = inbox.clone();
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let effects = effects.clone();
        async move { Ok(effect_once(&effects, &ctx, "effects", &message).await?) }
    });
    // Nothing is found by polling: whoever puts has to ring.
    let slow = std::time::Duration::from_secs(600);
    let options = outbox::relay::Options { poll: slow, ..quick() };
    let tasks = relay(&outbox, router([consumer]), options);
    let done = |n: u64| {
        let inbox = inbox.clone();
        eventually(PATIENCE, move || {
            let inbox = inbox.clone();
            async move { crate::common::count(&inbox, Route::Whole, "inbox").await == n }
        })
    };
    put(&db, &outbox, Route::Place(cell(0, 0)), 1).await;
    put(&db, &outbox, Route::Place(cell(4, 1)), 2).await;
    done(2).await;
    db.ensure_cells(&[cell(9, 3)]).await.unwrap();
    let id = put(&db, &outbox, Route::Place(cell(9, 3)), 3).await;
    done(3).await;
    // Routed to a whole logical database: the aggregate's id tells the cell.
    let own = Id::compose(BEGIN.millis(), cell(4, 7), 0, 0).unwrap().get();
    let other = put(&db, &outbox, Route::Db(4), own).await;
    done(4).await;

    let (admin, ctx) = (Admin::new(outbox.clone()), test_ctx("flora"));
    assert_eq!(admin.get(&ctx, &tenant("flora"), &id).await.unwrap().place, cell(9, 3));
    assert_eq!(admin.get(&ctx, &tenant("flora"), &other).await.unwrap().place, cell(4, 7));
    tasks.shutdown(PATIENCE).await;
}
