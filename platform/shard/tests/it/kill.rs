//! The process is killed at any moment: every answered transaction is there afterwards, none is there by
//! halves. And a folder has one process at a time. The child is this test binary, started again with a
//! variable that tells it what to be.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::join_all;
use kit::{Entropy as _, ErrorCode, SeededEntropy, SystemClock};
use rpc::Fault;
use shard::{DbError, Options, Route, Shards};
use tempfile::TempDir;
use testkit::{PATIENCE, eventually_some, test_ctx};

use crate::support::{SINGLE, row, rows, thing};

const FOLDER: &str = "SHARD_TEST_FOLDER";
const FIRST: &str = "SHARD_TEST_FIRST";
/// More rows than the parent ever waits for.
const ROWS_MAX: i64 = 50_000;

/// Not a test: the process that is killed. It writes pairs of rows and says of each pair that was
/// answered; every fourth transaction fails after its first row.
#[tokio::test]
async fn child_that_writes() {
    let Some((folder, first)) = std::env::var_os(FOLDER).zip(std::env::var(FIRST).ok()) else {
        return;
    };
    let first: i64 = first.parse().unwrap();
    let shards = Shards::open(Options::in_folder(folder), Arc::new(SystemClock)).unwrap();
    let db = shards.database(SINGLE).await.unwrap();
    say("\n");
    let next = AtomicI64::new(first);
    join_all((0..16).map(|_| async {
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed);
            if id >= first + ROWS_MAX {
                return;
            }
            let ctx = test_ctx("any");
            let written = db.tx(&ctx, Route::Whole, move |tx| async move {
                tx.exec(&thing(id, id)).await?;
                if id % 4 == 3 {
                    return Err(Fault::new(ErrorCode::Conflict, "on purpose"));
                }
                tx.exec(&row("notes", id, id)).await
            });
            if written.await.is_ok() {
                say(&format!("acked {id}\n"));
            }
        }
    }))
    .await;
}

/// Not a test: the process that has the folder until its input ends.
#[test]
fn child_that_holds_the_folder() {
    let Some(folder) = std::env::var_os(FOLDER).filter(|_| std::env::var_os(FIRST).is_none())
    else {
        return;
    };
    let _shards = Shards::open(Options::in_folder(folder), Arc::new(SystemClock)).unwrap();
    say("\nopen\n");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent is gone, and so the reason to go on.
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// A child that does not outlive its test.
struct Victim(Child);

impl Victim {
    fn start(role: &str, vars: &[(&str, String)]) -> (Self, BufReader<ChildStdout>) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", role, "--nocapture"])
            .env_remove(FIRST)
            .envs(vars.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        (Self(child), lines)
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets a child write until so many answers have come, kills it, and yields every answer it gave.
fn write_and_kill(folder: &TempDir, first: i64, answers: usize) -> BTreeSet<i64> {
    let folder = folder.path().to_str().unwrap().to_owned();
    let vars = [(FOLDER, folder), (FIRST, first.to_string())];
    let (mut child, mut lines) = Victim::start("kill::child_that_writes", &vars);
    let mut acked = BTreeSet::new();
    let mut line = String::new();
    let mut read = |acked: &mut BTreeSet<i64>| {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            return false;
        }
        // A last line that was cut off counts as never said.
        if let Some(id) = line.strip_suffix('\n').and_then(|l| l.strip_prefix("acked ")) {
            acked.insert(id.parse().unwrap());
        }
        true
    };
    while acked.len() < answers {
        assert!(read(&mut acked), "the child ended by itself");
    }
    child.kill();
    // What it said before it died is in the pipe.
    while read(&mut acked) {}
    acked
}

async fn open_again(folder: &TempDir) -> Shards {
    let options = Options { rows_max: 1_000_000, ..Options::in_folder(folder.path()) };
    eventually_some(PATIENCE, || async {
        Shards::open(options.clone(), Arc::new(SystemClock)).ok()
    })
    .await
}

#[tokio::test]
async fn what_was_answered_survives_kill_9_and_nothing_is_there_by_halves() {
    let folder = TempDir::new().unwrap();
    let entropy = SeededEntropy::new(0x5ba2_d009);
    let mut acked = BTreeSet::new();
    for round in 0..6 {
        let answers = usize::try_from(entropy.next_u64().unwrap() % 400).unwrap();
        acked.extend(write_and_kill(&folder, round * 1_000_000, answers));
        let shards = open_again(&folder).await;
        let db = shards.database(SINGLE).await.unwrap();
        let tables: Result<_, Fault> = db
            .read(&test_ctx("any"), Route::Whole, |tx| async move {
                let (mut things, mut notes) = (BTreeSet::new(), BTreeSet::new());
                for (table, found) in [("things", &mut things), ("notes", &mut notes)] {
                    for row in tx.all(&rows(table)).await? {
                        found.insert(row.get::<i64>("id")?);
                    }
                }
                Ok((things, notes))
            })
            .await;
        let (things, notes) = tables.unwrap();
        assert_eq!(things, notes, "no pair is there by halves");
        let lost: Vec<_> = acked.difference(&things).collect();
        assert!(lost.is_empty(), "answered and lost in round {round}: {lost:?}");
        assert!(things.iter().all(|id| id % 4 != 3), "a failed transaction left a row");
        assert_eq!(db.check().await.unwrap()[0].1, "ok");
        assert!(acked.len() >= answers);
    }
}

#[tokio::test]
async fn a_folder_has_one_process_at_a_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let (mut child, mut lines) =
        Victim::start("kill::child_that_holds_the_folder", &[(FOLDER, path.clone())]);
    let mut line = String::new();
    while line != "open\n" {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the child could not open the folder");
    }
    let open = || Shards::open(Options::in_folder(folder.path()), Arc::new(SystemClock));
    let refused = open().map(|_| ()).unwrap_err();
    assert!(matches!(refused, DbError::Open(_)));
    let told = refused.to_string();
    assert_eq!(
        told,
        format!("{path} is in use by another stoa process; stop it, or choose another folder")
    );
    child.kill();
    let ours = open_again(&folder).await;
    assert!(open().is_err(), "nor twice within one process");

    // A database keeps the folder even when the handle it came from is gone.
    let db = ours.database(SINGLE).await.unwrap();
    drop(ours);
    assert!(open().is_err());
    drop(db);
    open_again(&folder).await;
}

#[test]
fn a_folder_that_cannot_be_used_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let refused =
        Shards::open(Options::in_folder(&file), Arc::new(SystemClock)).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("file cannot be used"), "{refused}");
}
