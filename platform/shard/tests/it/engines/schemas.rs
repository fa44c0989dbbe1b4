//! Schemas on servers.

use std::time::Duration;

use rpc::Fault;
use sea_query::{Expr, Query, SelectStatement};
use shard::{Directory, Engine, Migration, MigrationSet, Route, Schema};
use testkit::test_ctx;

use super::ground::Ground;
use crate::support::{SINGLE, SPREAD, THINGS, place, rows, thing};

super::on_servers!(
    many_processes_that_start_at_once_migrate_once,
    a_restart_keeps_the_data_and_runs_what_is_new,
    a_migration_that_was_edited_is_refused_by_name,
    a_migration_that_was_cut_off_is_finished,
    a_server_that_the_directory_names_must_be_there,
    a_migration_takes_as_long_as_it_takes_and_the_next_transaction_has_its_limit,
);

const EDITED: Schema = Schema {
    database: "single",
    sets: &[MigrationSet {
        name: "test",
        common: &[Migration {
            sql: "CREATE TABLE other (id BIGINT NOT NULL PRIMARY KEY)",
            ..THINGS
        }],
        cells: &[],
    }],
    cell_tables: &[],
};

const LONGER: Schema = Schema {
    database: "single",
    sets: &[MigrationSet {
        name: "test",
        common: &[
            THINGS,
            Migration {
                version: 2,
                name: "more",
                sql: "ALTER TABLE things ADD COLUMN note TEXT NOT NULL DEFAULT '[]';
                      CREATE INDEX things_n ON things (n)",
            },
        ],
        cells: &[],
    }],
    cell_tables: &[],
};

/// Keeps what limits a migration has.
const fn limits(sql: &'static str) -> Migration {
    Migration { version: 1, name: "limits", sql }
}

const LIMITS_POSTGRES: Schema = Schema {
    database: "limits",
    sets: &[MigrationSet {
        name: "test",
        common: &[limits(
            "CREATE TABLE limits AS SELECT current_setting('statement_timeout') AS running,
             current_setting('lock_timeout') AS waiting",
        )],
        cells: &[],
    }],
    cell_tables: &[],
};

const LIMITS_MYSQL: Schema = Schema {
    sets: &[MigrationSet {
        name: "test",
        common: &[limits(
            "CREATE TABLE limits AS SELECT CAST(@@max_statement_time AS CHAR(20)) AS running,
             CAST(@@lock_wait_timeout AS CHAR(20)) AS waiting",
        )],
        cells: &[],
    }],
    ..LIMITS_POSTGRES
};

async fn a_migration_takes_as_long_as_it_takes_and_the_next_transaction_has_its_limit(
    ground: Ground,
) {
    // the connection that migrates has been somebody's who had little time
    let (shards, _folder) = ground.other(|servers| servers.servers[0].connections_max = 1);
    let db = shards.database(SINGLE).await.unwrap();
    let ctx = test_ctx("flora");
    let short = ctx.within(Duration::from_millis(300));
    db.tx(&short, Route::Whole, |tx| async move { tx.exec(&thing(1, 1)).await }).await.unwrap();
    let (schema, running, expected) = match ground.engine {
        Engine::Postgres => {
            (LIMITS_POSTGRES, "current_setting('statement_timeout')", ("0", "2min"))
        }
        _ => (LIMITS_MYSQL, "CAST(@@max_statement_time AS CHAR(20))", ("0.000000", "120")),
    };
    let db = shards.database(schema).await.unwrap();
    let text = |select: SelectStatement, column: &'static str| {
        let (db, ctx) = (db.clone(), ctx.clone());
        async move {
            let found = db.tx(&ctx, Route::Whole, move |tx| {
                let select = select.clone();
                async move { tx.one(&select).await?.unwrap().get::<String>(column) }
            });
            found.await.unwrap()
        }
    };
    let kept = |column| text(Query::select().column(column).from("limits").to_owned(), column);
    assert_eq!((&*kept("running").await, &*kept("waiting").await), expected);
    let now = Query::select().expr_as(Expr::cust(running), "now").to_owned();
    assert_ne!(text(now, "now").await, expected.0, "the limit did not come back");
}

async fn many_processes_that_start_at_once_migrate_once(ground: Ground) {
    let others: Vec<_> = (0..6).map(|_| ground.other(|_| {})).collect();
    let opened = others.iter().map(|(shards, _)| async {
        let db = shards.database(SPREAD).await?;
        db.ensure_cells(&[place(0, 0), place(0, 1), place(3, 1)]).await?;
        shards.database(SINGLE).await?;
        Ok::<_, Fault>(())
    });
    for opened in futures::future::join_all(opened).await {
        opened.unwrap_or_else(|e| panic!("{}", e.chain()));
    }
}

async fn a_restart_keeps_the_data_and_runs_what_is_new(ground: Ground) {
    let ctx = test_ctx("flora");
    let db = ground.open(SINGLE).await;
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 7)).await }).await.unwrap();
    let (after, _folder) = ground.other(|_| {});
    let db = after.database(LONGER).await.unwrap();
    let mut select = rows("things");
    select.column("note");
    let seen = db
        .read(&ctx, Route::Whole, move |tx| {
            let select = select.clone();
            async move { tx.all(&select).await }
        })
        .await
        .unwrap();
    assert_eq!(seen[0].get::<String>("note").unwrap(), "[]");
    // the older program leaves data of a newer one alone
    let (older, _folder) = ground.other(|_| {});
    let refused = older.database(SINGLE).await.unwrap_err();
    assert!(refused.chain().contains("use the newer program"), "{}", refused.chain());
}

async fn a_migration_that_was_edited_is_refused_by_name(ground: Ground) {
    ground.open(SINGLE).await;
    let (other, _folder) = ground.other(|_| {});
    let refused = other.database(EDITED).await.unwrap_err();
    assert!(refused.chain().contains("`things` of test was edited"), "{}", refused.chain());
}

/// As a crash between its statements leaves it; on PostgreSQL that leaves nothing.
async fn a_migration_that_was_cut_off_is_finished(ground: Ground) {
    if ground.engine == shard::Engine::Mysql {
        let schema = ground.schema("single");
        ground.beside(format!("CREATE DATABASE `{schema}`")).await;
        let begun = "(id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name VARCHAR(100), flag BOOLEAN, data LONGBLOB)";
        ground.beside(format!("CREATE TABLE `{schema}`.things {begun}")).await;
    }
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 7)).await }).await.unwrap();
}

async fn a_server_that_the_directory_names_must_be_there(ground: Ground) {
    let (shards, _folder) = ground.other(|servers| {
        servers.directory = Directory::new("main");
        servers.directory.put("spread_03", "elsewhere");
    });
    let db = shards.database(SPREAD).await.unwrap();
    db.ensure_cells(&[place(0, 1)]).await.unwrap();
    let refused = db.ensure_cells(&[place(3, 1)]).await.unwrap_err();
    assert!(
        refused.chain().contains("`elsewhere`, which is not configured"),
        "{}",
        refused.chain()
    );
}
