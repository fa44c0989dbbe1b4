//! Branches in databases that are spread over cells, and in those that are not and are asked for a cell all the same.

use std::sync::Arc;
use std::time::Duration;

use kit::{Place, SystemClock};
use rpc::{Ctx, Fault};
use shard::{Engine, Migration, MigrationSet, Options, Route, Schema, Shards, Tx};
use testkit::TempShards;
use txn::{Attempt, LOCK_WAIT_TIMEOUT, Resource, Status, Table, Tcc, Work, int, resource};

use crate::common::{Node, World, add, ctx, n, refused, until};

pub static CELLS: Table = Table::new("cells", &[int("id")], &[int("n")]);
/// Stands once in each logical database.
static PURSES: Table = Table::new("purses", &[int("id")], &[int("n")]);

pub const SHARDED: Schema = Schema {
    database: "sharded",
    sets: &[
        MigrationSet {
            name: "cells",
            common: &[Migration {
                version: 1,
                name: "purses",
                sql: "CREATE TABLE purses (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
            }],
            cells: &[Migration {
                version: 1,
                name: "cells",
                sql: "CREATE TABLE cells_{t} (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
            }],
        },
        resource::MIGRATIONS,
    ],
    cell_tables: &["cells"],
};

pub const fn place(db: u8, table: u8) -> Place {
    Place { db, table }
}

/// An action without an effect.
struct Nothing;

#[rpc::async_trait]
impl Tcc for Nothing {
    async fn confirm(&self, _tx: &Tx, _attempt: &Attempt) -> Result<(), Fault> {
        Ok(())
    }

    async fn cancel(&self, _tx: &Tx, _attempt: &Attempt) -> Result<(), Fault> {
        Ok(())
    }
}

async fn run(resource: &Resource, ctx: &Ctx, route: Route, work: Work) -> Result<(), Fault> {
    resource.at(ctx, route, work, |_, _| async { Ok::<_, Fault>(()) }).await
}

/// In one transaction a branch changes a row by one route; in another of its own nobody gets it by any.
async fn only_one_gets_it(node: &Node, resource: &Resource, work: &Work, routes: &[Route]) {
    let caller = &ctx();
    for first in routes {
        for second in routes {
            let done = node.txn.run(caller, |outer| async move {
                run(resource, &outer, *first, work.clone()).await?;
                let other = node.txn.run_new(&outer, |inner| async move {
                    run(resource, &inner, *second, work.clone()).await
                });
                Ok::<_, Fault>(other.await.map_err(|fault| fault.slug().to_owned()))
            });
            let other = done.await.unwrap();
            assert_eq!(other, Err(LOCK_WAIT_TIMEOUT.to_owned()), "{first:?}, {second:?}");
        }
    }
}

fn impatient() -> resource::Options {
    let lock_wait = Duration::from_millis(50);
    resource::Options { lock_wait, ..resource::Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_a_table_that_stands_once_has_one_lock_from_whatever_cell() {
    let world = &World::new().await;
    let caller = &ctx();
    let node = &world.node().await;
    let db = world.shards.sharded(SHARDED, &[place(4, 3), place(4, 7)]).await;
    let builder = Resource::builder(db, node.tc.client()).tables([&CELLS, &PURSES]);
    let resource = &builder.options(impatient()).build().unwrap();
    node.tc.join(resource.name(), resource.client());
    let new = Work::new().insert(&PURSES, (1,), |r| r.set("n", 0));
    let made =
        node.txn.run(caller, |ctx| async move { run(resource, &ctx, Route::Db(4), new).await });
    made.await.unwrap();
    let work = Work::new().update(&PURSES, (1,), |r| r.add("n", 1));
    let routes = [Route::Place(place(4, 3)), Route::Place(place(4, 7)), Route::Db(4)];
    only_one_gets_it(node, resource, &work, &routes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_cells_takes_any_place_for_its_one() {
    let world = &World::new().await;
    let caller = &ctx();
    let node = &world.node().await;
    let builder = Resource::builder(world.alpha.clone(), node.tc.client());
    let resource = &builder.tables([&crate::common::ITEMS]).options(impatient()).build().unwrap();
    world.put(&world.alpha, 1, 0).await;
    let routes = [Route::Place(place(3, 1)), Route::Place(place(0, 0)), Route::Whole];
    only_one_gets_it(node, resource, &add(1, 1), &routes).await;
    assert_eq!(n(&world.alpha, 1).await, Some(9));
    for (fails, wanted) in [(false, Status::Committed), (true, Status::RolledBack)] {
        let mut xid = None;
        let keep = &mut xid;
        let done = node.txn.run(caller, |ctx| async move {
            *keep = ctx.xid.clone();
            run(resource, &ctx, Route::Place(place(3, 1)), add(1, 1)).await?;
            if fails { Err(refused("no")) } else { Ok(()) }
        });
        assert_eq!(done.await.is_err(), fails);
        until(node, &xid.unwrap(), wanted).await;
    }
    assert_eq!(n(&world.alpha, 1).await, Some(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_in_a_cell_that_another_process_has_made_since_is_finished_here() {
    for engine in [Engine::Postgres, Engine::Mysql] {
        // a folder has one process
        let Some(shards) = TempShards::on_server(engine) else { continue };
        let world = &World::on(shards).await;
        let caller = &ctx();
        let node = &world.node().await;
        let here = world.shards.sharded(SHARDED, &[place(0, 0)]).await;
        let folder = tempfile::TempDir::new().unwrap();
        let backend = here.backend().await;
        let options = Options { backend, ..Options::in_folder(folder.path()) };
        let others = Shards::open(options, Arc::new(SystemClock)).unwrap();
        let there = others.database(SHARDED).await.unwrap();
        let resource = |db: shard::Database| {
            let builder = Resource::builder(db, node.tc.client()).tables([&CELLS]);
            builder.action("nothing", Nothing).build().unwrap()
        };
        let (here, there_resource) = (resource(here), &resource(there.clone()));
        node.tc.join(here.name(), here.client());
        for (db, fails, is_attempt) in
            [(5, false, false), (6, true, false), (7, false, true), (8, true, true)]
        {
            there.ensure_cells(&[place(db, 3)]).await.unwrap();
            let route = Route::Place(place(db, 3));
            let mut xid = None;
            let keep = &mut xid;
            let done: Result<(), Fault> = node
                .txn
                .run(caller, |ctx| async move {
                    *keep = ctx.xid.clone();
                    if is_attempt {
                        let nothing = |_, _| async { Ok::<_, Fault>(()) };
                        let payload = String::new();
                        there_resource.attempt(&ctx, route, "nothing", payload, nothing).await?;
                    } else {
                        let work = Work::new().insert(&CELLS, (7,), |r| r.set("n", 1));
                        run(there_resource, &ctx, route, work).await?;
                    }
                    if fails { Err(refused("no")) } else { Ok(()) }
                })
                .await;
            assert_eq!(done.is_err(), fails, "{engine}");
            let wanted = if fails { Status::RolledBack } else { Status::Committed };
            until(node, &xid.unwrap(), wanted).await;
        }
    }
}
