//! Ids are unique whatever the clocks do and however often workers start. First in simulated time
//! against a table that is a vector, then against the real table of leases.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kit::id::MintError;
use kit::{Entropy as _, ErrorCode, Id, IdGenerator, Place, SeededEntropy, TestClock, Timestamp};
use rpc::{Ctx, Fault};
use sea_query::Query;
use shard::worker::{self, WorkerRow, choose};
use shard::{Database, Ids, Route, Schema};
use testkit::{BEGIN, PATIENCE, TempShards, eventually, test_clock, test_ctx};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(BEGIN.millis() + ms)
}

/// How a start gets its number.
#[derive(Clone, Copy, PartialEq)]
enum Leasing {
    /// As the platform does it.
    HighWater,
    /// Each process has its number for good and nothing remembers up to where it minted.
    Forgetful,
}

const WORKERS: usize = 10;
const PLACES: u64 = 16;
const SIMULATED_MS: i64 = 60_000;
// Short, so that numbers are used again and again within the minute.
const LEASE: Duration = Duration::from_millis(2_000);
const RENEW_MS: i64 = 700;

#[derive(Default)]
struct Worker {
    // This machine's clock minus the true time.
    offset_ms: i64,
    lease: Option<(IdGenerator, WorkerRow)>,
    renewed_at_ms: i64,
}

#[derive(Default, Debug)]
struct Seen {
    ids: Vec<i64>,
    starts: u32,
    no_number: u32,
    lost: u32,
    waits: u32,
    backwards: u32,
    lease_over: u32,
}

struct Simulation {
    table: Vec<WorkerRow>,
    entropy: Arc<SeededEntropy>,
    leasing: Leasing,
    seen: Seen,
}

impl Simulation {
    fn random(&self, below: u64) -> u64 {
        self.entropy.next_u64().unwrap() % below
    }

    fn start(&mut self, worker: &mut Worker, index: usize, now: Timestamp) {
        if self.leasing == Leasing::Forgetful {
            let row = WorkerRow {
                number: index as u8,
                high_water: at(i64::MAX / 2_000),
                fence: 1,
                leased_at: now,
            };
            let never = Timestamp::from_micros(i64::MAX);
            worker.lease =
                Some((IdGenerator::new(row.number, Timestamp::default(), never).unwrap(), row));
            self.seen.starts += 1;
            return;
        }
        let Some(free) = choose(&self.table, now) else {
            self.seen.no_number += 1;
            return;
        };
        let row = WorkerRow {
            high_water: now.plus(LEASE),
            fence: free.fence + 1,
            leased_at: now,
            ..free
        };
        self.table.retain(|r| r.number != row.number);
        self.table.push(row);
        let generator = IdGenerator::new(row.number, free.high_water, row.high_water).unwrap();
        worker.lease = Some((generator, row));
        self.seen.starts += 1;
    }

    fn renew(&mut self, worker: &mut Worker, now: Timestamp) {
        let Some((generator, mine)) = &mut worker.lease else { return };
        match self.table.iter_mut().find(|r| r.number == mine.number && r.fence == mine.fence) {
            Some(row) => {
                row.high_water = row.high_water.max(now.plus(LEASE));
                generator.extend(row.high_water);
            }
            None if self.leasing == Leasing::Forgetful => {}
            None => {
                // A process that lost its number starts anew.
                self.seen.lost += 1;
                worker.lease = None;
            }
        }
    }

    fn mint(&mut self, worker: &mut Worker, now: Timestamp) {
        let Some((generator, _)) = &mut worker.lease else { return };
        // Mostly a few ids, now and then more than a millisecond holds.
        let (count, at_one_place) = if self.entropy.next_u64().unwrap().is_multiple_of(400) {
            (80, true)
        } else {
            (2, false)
        };
        let mut place = Place::ZERO;
        for n in 0..count {
            if n == 0 || !at_one_place {
                let random = self.entropy.next_u64().unwrap() % PLACES;
                place = Place { db: (random / 4) as u8, table: (random % 4) as u8 };
            }
            match generator.mint(now, place) {
                Ok(id) => self.seen.ids.push(id.get()),
                Err(MintError::Wait(_)) => self.seen.waits += 1,
                Err(MintError::ClockBackwards(_)) => self.seen.backwards += 1,
                Err(MintError::LeaseOver { .. }) => self.seen.lease_over += 1,
                Err(e) => panic!("{e}"),
            }
        }
    }

    fn run(leasing: Leasing, seed: u64) -> Seen {
        let entropy = SeededEntropy::new(seed);
        let mut simulation = Self { table: Vec::new(), entropy, leasing, seen: Seen::default() };
        let mut workers: [Worker; WORKERS] = Default::default();
        for ms in 0..SIMULATED_MS {
            for (index, worker) in workers.iter_mut().enumerate() {
                simulation.step(worker, index, ms);
            }
        }
        simulation.seen
    }

    fn step(&mut self, worker: &mut Worker, index: usize, ms: i64) {
        if self.random(4_000) == 0 {
            // The machine's clock is set: up to 5 s to either side of the true time.
            worker.offset_ms = self.random(10_001) as i64 - 5_000;
        }
        if self.random(3_000) == 0 {
            worker.lease = None;
        }
        let now = at(10_000 + ms + worker.offset_ms);
        if worker.lease.is_none() {
            worker.renewed_at_ms = ms;
            self.start(worker, index, now);
        }
        // Some renewals come late, as those of a process that was stopped for a while.
        if ms - worker.renewed_at_ms > RENEW_MS && self.random(500) == 0 {
            worker.renewed_at_ms = ms;
            self.renew(worker, now);
        }
        self.mint(worker, now);
    }
}

fn repeated(ids: &[i64]) -> usize {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    ids.len() - sorted.len()
}

#[test]
fn sh_03_no_id_is_made_twice_in_simulated_time() {
    let seen = Simulation::run(Leasing::HighWater, 0x5ba2_d003);
    assert_eq!(repeated(&seen.ids), 0);
    // The minute was as rough as it was meant to be, and ids were made all the same.
    assert!(seen.ids.len() > 300_000, "{} ids", seen.ids.len());
    for (what, count) in [
        ("starts", seen.starts),
        ("lost leases", seen.lost),
        ("full milliseconds and small steps back", seen.waits),
        ("large steps back", seen.backwards),
        ("leases run out", seen.lease_over),
    ] {
        assert!(count >= 10, "{what}: {count}");
    }
    assert!(seen.starts > 64, "numbers came round again: {} starts", seen.starts);
}

#[test]
fn sh_03_the_simulation_finds_the_ids_that_a_forgetful_worker_repeats() {
    let seen = Simulation::run(Leasing::Forgetful, 0x5ba2_d003);
    assert!(repeated(&seen.ids) > 100, "{} of {}", repeated(&seen.ids), seen.ids.len());
}

#[test]
fn a_number_rests_as_long_as_possible_and_is_never_taken_while_leased() {
    let row = |number, until, leased| WorkerRow {
        number,
        high_water: at(until),
        fence: 1,
        leased_at: at(leased),
    };
    assert_eq!(choose(&[], at(0)).unwrap().number, 0);
    // 5 was leased last: 6 is next although 0 has rested, too.
    assert_eq!(choose(&[row(0, 10, 0), row(5, 20, 1)], at(30)).unwrap().number, 6);
    assert_eq!(choose(&[row(5, 20, 1), row(6, 40, 0)], at(30)).unwrap().number, 7);
    let mut all: Vec<WorkerRow> = (0..64).map(|n| row(n, 100, i64::from(n))).collect();
    assert_eq!(choose(&all, at(99)), None);
    all[40].high_water = at(50);
    assert_eq!(choose(&all, at(99)), Some(all[40]));
    assert_eq!(choose(&all, at(50)), Some(all[40]), "free from its mark on");
}

pub const PLATFORM: Schema =
    Schema { database: "platform", sets: &[worker::MIGRATIONS], cell_tables: &[] };

const TEN_S: Duration = Duration::from_secs(10);

async fn leases() -> (TempShards, Arc<TestClock>, Database) {
    let clock = test_clock();
    let shards = TempShards::with_clock(clock.clone());
    let db = shards.single(PLATFORM).await;
    (shards, clock, db)
}

/// The marks of all numbers that were ever leased.
async fn marks(db: &Database, ctx: &Ctx) -> Vec<Timestamp> {
    let select = Query::select().column("high_water").from("workers").to_owned();
    let rows: Result<_, Fault> = db
        .read(ctx, Route::Whole, move |tx| {
            let select = select.clone();
            async move { tx.all(&select).await }
        })
        .await;
    rows.unwrap().iter().map(|r| r.get("high_water").unwrap()).collect()
}

#[tokio::test]
async fn sh_03_a_restart_takes_another_number_at_once_and_repeats_no_id() {
    let (mut shards, clock, mut db) = leases().await;
    let ctx = test_ctx("any");
    let (mut made, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..5 {
        let ids = Ids::lease(&ctx, db.clone(), TEN_S).await.unwrap();
        numbers.insert(ids.worker());
        for _ in 0..20 {
            assert!(made.insert(ids.mint(&ctx, Place::ZERO).await.unwrap()), "round {round}");
        }
        drop((ids, db));
        shards.reopen().await;
        db = shards.single(PLATFORM).await;
        // The clock of the machine is set back while it starts.
        clock.set(Timestamp::from_millis(clock_ms(&clock) - 1_000));
    }
    assert_eq!((made.len(), numbers.len()), (100, 5));
}

fn clock_ms(clock: &TestClock) -> i64 {
    kit::Clock::now(clock).millis()
}

#[tokio::test]
async fn sh_03_sixteen_who_lease_at_once_get_sixteen_numbers() {
    let (_shards, _clock, db) = leases().await;
    let ctx = test_ctx("any");
    let leases = join_all((0..16).map(|_| Ids::lease(&ctx, db.clone(), TEN_S))).await;
    let leases: Vec<Ids> = leases.into_iter().map(Result::unwrap).collect();
    assert_eq!(leases.iter().map(Ids::worker).collect::<BTreeSet<u8>>().len(), 16);
}

#[tokio::test]
async fn sh_03_a_lease_is_renewed_when_its_mark_is_reached() {
    let (_shards, clock, db) = leases().await;
    let ctx = test_ctx("any");
    let table = db.clone();
    let ids = Ids::lease(&ctx, db, TEN_S).await.unwrap();
    let first = ids.mint(&ctx, Place::ZERO).await.unwrap();
    clock.advance(TEN_S);
    let second = ids.mint(&ctx, Place::ZERO).await.unwrap();
    assert_eq!((second.worker(), second.made_at()), (first.worker(), at(10_000)));
    // A step back does not shrink the lease, and is no loss of it. The mark in the table must not shrink
    // either: whoever takes the number next begins there.
    clock.set(at(9_000));
    ids.renew(&ctx).await.unwrap();
    assert_eq!(marks(&table, &ctx).await, [at(20_000)]);
    clock.set(at(19_999));
    assert_eq!(ids.mint(&ctx, Place::ZERO).await.unwrap().made_at(), at(19_999));
}

#[tokio::test]
async fn sh_03_a_lease_that_another_took_over_is_noticed_by_its_fence() {
    let (_shards, clock, db) = leases().await;
    let ctx = test_ctx("any");
    let paused = Ids::lease(&ctx, db.clone(), TEN_S).await.unwrap();
    let before = paused.mint(&ctx, Place::ZERO).await.unwrap();
    clock.advance(TEN_S);
    // 64 others start while it is stopped; the last of them comes round to its number.
    let mut others = Vec::new();
    for _ in 0..64 {
        others.push(Ids::lease(&ctx, db.clone(), TEN_S).await.unwrap());
    }
    let numbers: BTreeSet<u8> = others.iter().map(Ids::worker).collect();
    assert_eq!(numbers.len(), 64);
    let full = Ids::lease(&ctx, db, TEN_S).await.map(|_| ()).unwrap_err();
    assert_eq!(
        (full.code, full.message.as_str()),
        (ErrorCode::Unavailable, "all 64 worker numbers are leased; wait for one to run out")
    );

    let heir = others.iter().find(|o| o.worker() == paused.worker()).unwrap();
    let refused = paused.mint(&ctx, Place::ZERO).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (ErrorCode::Unavailable, "the worker number was lost")
    );
    assert_eq!(paused.renew(&ctx).await.unwrap_err().code, ErrorCode::Unavailable);
    let after = heir.mint(&ctx, Place::ZERO).await.unwrap();
    assert!(after > before && after.worker() == before.worker());
    // Even with the clock set back to where it still held the lease, the heir's ids are later.
    clock.set(at(9_500));
    let own: Id = paused.mint(&ctx, Place::ZERO).await.unwrap();
    assert!(own > before && own < after);
    // And the heir does not mint in the time of the one before it.
    let within = ctx.within(Duration::from_millis(30));
    assert!(heir.mint(&within, Place::ZERO).await.unwrap_err().code.is_retryable());
}

#[tokio::test]
async fn sh_03_a_burst_waits_for_the_next_millisecond_and_a_large_step_back_is_refused() {
    let (_shards, clock, db) = leases().await;
    let ctx = test_ctx("any");
    let ids = Ids::lease(&ctx, db, TEN_S).await.unwrap();
    let place = Place { db: 3, table: 7 };
    let done = Cell::new(false);
    let burst = async {
        let made = join_all((0..200).map(|_| ids.mint(&ctx, place))).await;
        done.set(true);
        made
    };
    // Time goes on as long as some wait.
    let time = eventually(PATIENCE, || {
        clock.advance(Duration::from_millis(1));
        async { done.get() }
    });
    let (made, ()) = tokio::join!(burst, time);
    let made: BTreeSet<Id> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.len(), 200);
    assert!(made.iter().all(|id| id.place() == place));

    let now = clock_ms(&clock);
    clock.set(Timestamp::from_millis(now - 2_100));
    let refused = ids.mint(&ctx, place).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(refused.chain().contains("stepped back"), "{}", refused.chain());
    clock.set(Timestamp::from_millis(now + 1));
    assert!(!made.contains(&ids.mint(&ctx, place).await.unwrap()));
}
