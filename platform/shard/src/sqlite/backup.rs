//! Backups of the embedded engine: one moment of all files at once. The writers pause while a read
//! transaction is opened on every file; what is copied afterwards, page by page, is what these saw, while
//! everything goes on. It must not change a database.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::fs::File as StdFile;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{SharedClock, Timestamp};
use rpc::Fault;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use sea_query::{SelectStatement, SqliteQueryBuilder};

use crate::database::Database;
use crate::error::DbError;
use crate::row::Row;
use crate::shards;
use crate::sqlite::statement::query;
use crate::sqlite::writer::{Commit, File, Guarded, Work};
use crate::sqlite::{engine, open_reader};

/// How the name of a database file ends.
pub const SUFFIX: &str = "db";
/// How long writers may be held at a time. Callers wait so long at most; it takes a millisecond or two when
/// no writer is in the middle of something big.
const HOLD_MAX: Duration = Duration::from_millis(500);
/// How often it is tried, since one that is may be over soon.
const TRIES_MAX: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(250);
/// Pages that are copied between two looks at whether to go on: 4 MB.
const PAGES_PER_STEP: c_int = 1_024;

/// All files of a folder as they were at one moment. What was committed before is in it, what was not is
/// not, in every file alike, as if the machine had lost its power then.
pub struct Cut {
    /// The files by name.
    pub snapshots: Vec<Snapshot>,
    /// When that was.
    pub at: Timestamp,
    /// How long writers were held; `None` when nobody was running.
    pub paused: Option<Duration>,
    // Keeps others away from a folder on which nobody runs.
    _claim: Option<Claim>,
}

/// The hold of a data folder on which nobody runs; nobody can start on it meanwhile.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "its lock ends with it")] StdFile);

/// Claims a folder. Blocks for a moment, for up to half a second when another still has it.
///
/// # Errors
/// When the folder cannot be used, or another process has it.
pub fn claim(folder: &Path) -> Result<Claim, DbError> {
    shards::lock_folder(folder).map(Claim)
}

/// The moment of a folder on which nobody runs. Schemas may be of another version of this program.
///
/// # Errors
/// When somebody runs on it, or a file cannot be read.
pub fn of_folder(folder: &Path, clock: &SharedClock) -> Result<Cut, DbError> {
    let claim = claim(folder)?;
    let snapshots = connect_all(folder)?;
    for snapshot in &snapshots {
        snapshot.begin()?;
    }
    Ok(Cut { snapshots, at: clock.now(), paused: None, _claim: Some(claim) })
}

/// A moment of a folder on which this process runs. All its open databases must be named; one at a time.
///
/// # Errors
/// `Unavailable` when a writer was busy with something long all the time; when a file cannot be read.
pub async fn of_running(databases: &[&Database], clock: &SharedClock) -> Result<Cut, Fault> {
    let (mut opening, mut files) = (Vec::new(), Vec::new());
    for db in databases {
        // A file that was opened between the list and the moment would miss what was written to it.
        let (guard, open) = db.hold_files().await;
        opening.push(guard);
        files.extend(open);
    }
    let folder = files.first().and_then(|f| f.path().parent().map(Path::to_path_buf));
    let folder = folder.ok_or_else(|| Fault::bug("a backup of no database"))?;
    for _ in 0..TRIES_MAX {
        let (folder, files, clock) = (folder.clone(), files.clone(), Arc::clone(clock));
        let cut = move || cut_running(&folder, &files, &clock);
        match tokio::task::spawn_blocking(cut).await.map_err(Fault::internal)? {
            Err(DbError::Overloaded(_)) => tokio::time::sleep(TRY_AGAIN).await,
            end => return end.map_err(Fault::from),
        }
    }
    Err(DbError::Overloaded("a writer, all the time".to_owned()).into())
}

fn cut_running(folder: &Path, files: &[Arc<File>], clock: &SharedClock) -> Result<Cut, DbError> {
    // Everything that takes long comes before.
    let snapshots = connect_all(folder)?;
    let hold = Hold::on(files)?;
    for snapshot in &snapshots {
        snapshot.begin()?;
    }
    let (at, paused) = (clock.now(), hold.end()?);
    Ok(Cut { snapshots, at, paused: Some(paused), _claim: None })
}

fn connect_all(folder: &Path) -> Result<Vec<Snapshot>, DbError> {
    let unreadable =
        |e: std::io::Error| DbError::Open(format!("{} cannot be read: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == SUFFIX) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(DbError::Open(format!("{} holds no databases", folder.display())));
    }
    paths.iter().map(|path| Snapshot::connect(path)).collect()
}

/// Writers that do nothing until this ends, or their time is up.
struct Hold {
    // Dropping it lets them go on.
    release: flume::Sender<()>,
    since: Instant,
    until: Instant,
}

impl Hold {
    fn on(files: &[Arc<File>]) -> Result<Self, DbError> {
        let until = Instant::now() + HOLD_MAX;
        let (held, all_held) = flume::bounded(files.len().max(1));
        let (release, released) = flume::bounded(1);
        for file in files {
            let (held, released) = (held.clone(), released.clone());
            file.submit(Box::new(Pause { held, released, until }))?;
        }
        let mut since = None;
        for _ in files {
            let busy = |_| DbError::Overloaded("a writer".to_owned());
            all_held.recv_deadline(until).map_err(busy)?;
            since.get_or_insert_with(Instant::now);
        }
        Ok(Self { release, since: since.unwrap_or_else(Instant::now), until })
    }

    /// How long it lasted; an error when it was over before this.
    fn end(self) -> Result<Duration, DbError> {
        let now = Instant::now();
        drop(self.release);
        if now >= self.until {
            return Err(DbError::Overloaded("the disk".to_owned()));
        }
        Ok(now.saturating_duration_since(self.since))
    }
}

/// Holds one writer, between two transactions of a group. What was done before in the group is not yet
/// committed, nobody was told of it, and so it belongs to what comes after the moment.
struct Pause {
    held: flume::Sender<()>,
    released: flume::Receiver<()>,
    until: Instant,
}

impl Work for Pause {
    fn is_abandoned(&self) -> bool {
        self.held.is_disconnected()
    }

    fn run(&mut self, _conn: &Guarded) {
        if self.held.try_send(()).is_ok() {
            // Ends when the other side is dropped; nothing is ever sent.
            let _ = self.released.recv_deadline(self.until);
        }
    }

    fn finish(self: Box<Self>, _commit: Commit) {}
}

/// One file as it was at the moment of its [`Cut`], until this is dropped. While it lives the file's log
/// cannot begin anew, so it should not live longer than the copying takes.
pub struct Snapshot {
    path: PathBuf,
    conn: Connection,
}

impl Snapshot {
    fn connect(path: &Path) -> Result<Self, DbError> {
        Ok(Self { path: path.to_path_buf(), conn: open_reader(path)? })
    }

    /// The first read is what fixes the moment.
    fn begin(&self) -> Result<(), DbError> {
        self.conn.execute_batch("BEGIN").map_err(|e| self.failed(&e))?;
        self.number("SELECT COUNT(*) FROM sqlite_schema").map(|_| ())
    }

    /// The file's name: `product.db`, `order_07.db`.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    }

    /// The file's name without its suffix.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    }

    /// How large a copy will be.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bytes(&self) -> Result<u64, DbError> {
        let bytes = self.number("PRAGMA page_count")? * self.number("PRAGMA page_size")?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// The last migration of every owner, by cell; -1 stands for what is not in a cell.
    ///
    /// # Errors
    /// When the file cannot be read, or was not made by this program.
    pub fn migrations(&self) -> Result<BTreeMap<(String, i64), i64>, DbError> {
        let sql = "SELECT owner, cell, MAX(version) FROM schema_migrations GROUP BY owner, cell";
        let mut statement = self.conn.prepare(sql).map_err(|e| self.failed(&e))?;
        let rows = statement
            .query_map([], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?)))
            .map_err(|e| self.failed(&e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.failed(&e))
    }

    /// Whatever a statement finds, however much that is.
    ///
    /// # Errors
    /// When the engine refuses it.
    pub fn rows(&self, select: &SelectStatement) -> Result<Vec<Row>, DbError> {
        let (sql, values) = select.build(SqliteQueryBuilder);
        query(&self.conn, &sql, values, usize::MAX, true)
    }

    /// Copies it into a new file, which is durable then but not its name. `go_on` is told after every few
    /// megabytes how many bytes were copied so far; when it says no, this ends with an error.
    ///
    /// # Errors
    /// When the copy cannot be written, or was not wanted any more.
    pub fn copy(&self, to: &Path, go_on: &mut dyn FnMut(u64) -> bool) -> Result<(), DbError> {
        let failed =
            |e: rusqlite::Error| DbError::Open(format!("{} cannot be written: {e}", to.display()));
        let lost =
            |e: std::io::Error| DbError::Open(format!("{} cannot be written: {e}", to.display()));
        let new = StdFile::options().write(true).create_new(true).open(to).map_err(lost)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(to, flags).map_err(failed)?;
        // Half a copy is thrown away, so nothing needs to be undone, and it is made durable once, below.
        copy.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;").map_err(failed)?;
        let backup = Backup::new(&self.conn, &mut copy).map_err(failed)?;
        let page = self.number("PRAGMA page_size")?;
        loop {
            let step = backup.step(PAGES_PER_STEP).map_err(failed)?;
            let progress = backup.progress();
            let copied = i64::from(progress.pagecount - progress.remaining) * page;
            if !go_on(u64::try_from(copied).unwrap_or(0)) {
                return Err(DbError::Open("it was stopped".to_owned()));
            }
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // The source is a snapshot and nobody else has the copy.
                _ => return Err(DbError::Open(format!("{} is in use", to.display()))),
            }
        }
        drop(backup);
        copy.close().map_err(|(_, e)| failed(e))?;
        new.sync_all().map_err(lost)
    }

    fn number(&self, sql: &str) -> Result<i64, DbError> {
        self.conn.query_row(sql, [], |r| r.get(0)).map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &rusqlite::Error) -> DbError {
        DbError::Open(format!("{} cannot be read: {e}", self.path.display()))
    }
}

/// The engine's own check of a file that nobody uses and nobody may change; `ok`, or what is broken.
///
/// # Errors
/// When it is not a database.
pub fn check_file(path: &Path) -> Result<String, DbError> {
    let failed =
        |e: rusqlite::Error| DbError::Open(format!("{} cannot be read: {e}", path.display()));
    let mut name = String::from("file:");
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => name.push_str("%25"),
            '?' => name.push_str("%3f"),
            '#' => name.push_str("%23"),
            other => name.push(other),
        }
    }
    // It leaves no file of its own behind.
    name.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(name, flags).map_err(failed)?;
    conn.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0)).map_err(engine)
}
