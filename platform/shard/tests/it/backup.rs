//! Copies of all files as they were at one moment, taken while everything goes on. Of the embedded engine;
//! a server makes its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use kit::{Id, Place, SharedClock, TestClock};
use rpc::{Ctx, Fault};
use shard::backup::{Cut, Snapshot, check_file, of_folder, of_running};
use shard::{Database, Ids, Options, Route, Schema, Shards, worker};
use tempfile::TempDir;
use testkit::{BEGIN, PATIENCE, TempShards, eventually, test_clock, test_ctx};

use crate::support::{SINGLE, SPREAD, place, row, rows, thing};

/// Chains of writes, each of which tells the other database what was written to the first.
const CHAINS: i64 = 4;
const CUTS: usize = 20;
/// In the file that is looked at last, long after that of the causes.
const CELL: Place = place(31, 5);

fn clock() -> SharedClock {
    test_clock()
}

fn ids(snapshot: &Snapshot, table: &'static str) -> Vec<i64> {
    let rows = snapshot.rows(&rows(table)).unwrap();
    rows.iter().map(|row| row.get("id").unwrap()).collect()
}

fn file<'a>(cut: &'a Cut, name: &str) -> &'a Snapshot {
    cut.snapshots.iter().find(|s| s.name() == name).unwrap()
}

async fn put(db: &Database, ctx: &Ctx, route: Route, id: i64) -> Result<(), Fault> {
    let sharded = db.is_sharded();
    db.tx(ctx, route, move |tx| async move {
        let insert = if sharded { row(tx.table("things")?, id, id) } else { thing(id, id) };
        tx.exec(&insert).await.map(|_| ())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_has_no_effect_without_its_cause_and_all_that_was_acknowledged() {
    let (shards, ctx) = (TempShards::embedded(), test_ctx("flora"));
    let cause = shards.single(SINGLE).await;
    let cells: Vec<Place> = (0..=CELL.db).map(|db| place(db, CELL.table)).collect();
    let effect = shards.sharded(SPREAD, &cells).await;
    let (over, count) = (AtomicBool::new(false), AtomicI64::new(0));
    let chains = (0..CHAINS).map(|_| async {
        while !over.load(Ordering::SeqCst) {
            let id = count.fetch_add(1, Ordering::SeqCst);
            put(&cause, &ctx, Route::Whole, id).await.unwrap();
            put(&effect, &ctx, Route::Place(CELL), id).await.unwrap();
        }
    });
    let cutting = async {
        let mut longest = Duration::ZERO;
        for _ in 0..CUTS {
            let before = count.load(Ordering::SeqCst);
            eventually(PATIENCE, || async { count.load(Ordering::SeqCst) > before }).await;
            let known = crate::support::ids(&cause, &ctx).await;
            let cut = of_running(&[&cause, &effect], &clock()).await.unwrap();
            longest = longest.max(cut.paused.unwrap());
            let causes = ids(file(&cut, "single"), "things");
            let effects = ids(file(&cut, "spread_31"), "things_05");
            assert!(effects.iter().all(|id| causes.contains(id)), "an effect has no cause");
            assert!(known.iter().all(|id| causes.contains(id)), "what was told is not there");
        }
        over.store(true, Ordering::SeqCst);
        longest
    };
    let (_, longest) = futures::future::join(join_all(chains), cutting).await;
    assert!(longest < Duration::from_millis(500), "writers were held for {longest:?}");
}

async fn copies(cut: Cut, to: &Path) -> Vec<String> {
    let to = to.to_path_buf();
    let copying = move || {
        let copy = |snapshot: Snapshot| {
            snapshot.copy(&to.join(snapshot.file_name()), &mut |_| true).unwrap();
            snapshot.file_name()
        };
        cut.snapshots.into_iter().map(copy).collect()
    };
    tokio::task::spawn_blocking(copying).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_what_the_cut_saw_whatever_is_written_meanwhile() {
    let (shards, ctx) = (TempShards::embedded(), test_ctx("flora"));
    let db = shards.single(SINGLE).await;
    put(&db, &ctx, Route::Whole, 1).await.unwrap();
    let cut = of_running(&[&db], &clock()).await.unwrap();
    put(&db, &ctx, Route::Whole, 2).await.unwrap();
    let to = TempDir::new().unwrap();
    assert_eq!(copies(cut, to.path()).await, ["single.db"]);
    assert_eq!(check_file(&to.path().join("single.db")).unwrap(), "ok");
    let names: Vec<_> = std::fs::read_dir(to.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 1, "there is more than the copy: {names:?}");
    let copied = of_folder(to.path(), &clock()).unwrap();
    assert_eq!(ids(file(&copied, "single"), "things"), [1]);
    assert!(copied.paused.is_none());
    assert_eq!(crate::support::ids(&db, &ctx).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_wanted_any_more_ends_and_a_folder_in_use_is_not_read() {
    let (shards, ctx) = (TempShards::embedded(), test_ctx("flora"));
    let db = shards.single(SINGLE).await;
    put(&db, &ctx, Route::Whole, 1).await.unwrap();
    let refused = of_folder(shards.folder(), &clock()).err().unwrap();
    assert!(refused.to_string().contains("is in use by another stoa process"), "{refused}");
    let cut = of_running(&[&db], &clock()).await.unwrap();
    let to = TempDir::new().unwrap();
    let path = to.path().join("single.db");
    let stopped = file(&cut, "single").copy(&path, &mut |_| false).err().unwrap();
    assert!(stopped.to_string().contains("stopped"), "{stopped}");
    // What is there already is not overwritten.
    let taken = file(&cut, "single").copy(&path, &mut |_| true).err().unwrap();
    assert!(taken.to_string().contains("cannot be written"), "{taken}");
}

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[worker::MIGRATIONS], cell_tables: &[] };
const LEASE: Duration = Duration::from_secs(10);
const MINTED: usize = 500;

async fn mint(ids: &Ids, ctx: &Ctx, clock: &TestClock) -> Vec<Id> {
    let mut minted = Vec::new();
    for n in 0..MINTED {
        minted.push(ids.mint(ctx, CELL).await.unwrap());
        if n % 50 == 0 {
            clock.advance(Duration::from_millis(1));
        }
    }
    minted
}

async fn open(folder: &Path, clock: &Arc<TestClock>) -> Database {
    let shared: SharedClock = Arc::clone(clock) as SharedClock;
    let shards = Shards::open(Options::in_folder(folder), shared).unwrap();
    shards.database(PLATFORM).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_mints_no_id_that_the_original_minted_after_the_backup() {
    let (clock, ctx) = (TestClock::at(BEGIN), test_ctx("flora"));
    let (old, new) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let original = open(old.path(), &clock).await;
    let lease = Ids::lease(&ctx, original.clone(), LEASE).await.unwrap();
    let cut = of_running(&[&original], original.clock()).await.unwrap();
    copies(cut, new.path()).await;
    let mut minted = mint(&lease, &ctx, &clock).await;
    let restored = open(new.path(), &clock).await;
    worker::raise(&ctx, &restored).await.unwrap();
    let continued = Ids::lease(&ctx, restored, LEASE).await.unwrap();
    // Both at the same instants: not even then. And the original may be started again some times.
    minted.extend(mint(&continued, &ctx, &clock).await);
    for _ in 0..5 {
        let again = Ids::lease(&ctx, original.clone(), LEASE).await.unwrap();
        assert_ne!(again.worker(), continued.worker());
        let (a, b) =
            (again.mint(&ctx, CELL).await.unwrap(), continued.mint(&ctx, CELL).await.unwrap());
        minted.extend([a, b]);
    }
    let all = minted.len();
    minted.sort_unstable();
    minted.dedup();
    assert_eq!(minted.len(), all, "an id was minted twice");
}
