//! The data folder: who owns it, and which databases are open in it.

use std::collections::BTreeMap;
use std::fs::{File as StdFile, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{Place, Secret, SharedClock};
use rpc::Fault;

use crate::database::{Database, WeakDatabase};
use crate::error::DbError;
use crate::options::Options;
use crate::schema::{Pending, Schema};
use crate::server::Connected;
use crate::servers::{Backend, ServerStanding, Takeover};
use crate::sqlite::{File, ReadPool};

/// The folder's lock; whoever writes in the folder holds a share of it.
pub(crate) type FolderLock = Arc<StdFile>;

/// An open data folder. It is locked for this process until the last handle of it and of its databases
/// is dropped and their writers have finished.
#[derive(Clone)]
pub struct Shards(Arc<Inner>);

struct Inner {
    options: Options,
    clock: SharedClock,
    readers: Arc<ReadPool>,
    connected: Arc<Connected>,
    lock: FolderLock,
    // A file has one writer, so a database that is asked for twice is the same one.
    open: tokio::sync::Mutex<BTreeMap<&'static str, WeakDatabase>>,
}

/// The name of the lock file in a data folder.
pub const LOCK_FILE: &str = "stoa.lock";

impl Shards {
    /// Opens the folder, creating it when it is missing. Blocks for a moment, for up to half a second when
    /// another still has it.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process has it.
    pub fn open(options: Options, clock: SharedClock) -> Result<Self, DbError> {
        let lock = lock_folder(&options.folder)?;
        let readers = Arc::new(ReadPool::start(options.readers, options.reader_queue_max)?);
        let open = tokio::sync::Mutex::default();
        let (connected, lock) = (Arc::default(), Arc::new(lock));
        Ok(Self(Arc::new(Inner { options, clock, readers, connected, lock, open })))
    }

    /// Opens a logical database. One that is not sharded is ready at once; a sharded one gets its files
    /// as [`Database::ensure_cells`] asks for them. Asked again while it is open, it is the same database.
    ///
    /// # Errors
    /// When its file cannot be opened, its schema is not of this program, or the same name is open with
    /// another schema.
    pub async fn database(&self, schema: Schema) -> Result<Database, Fault> {
        let mut open = self.0.open.lock().await;
        if let Some(db) = open.get(schema.database).and_then(WeakDatabase::upgrade) {
            if db.schema() == schema {
                return Ok(db);
            }
            let text = format!("{} is open with another schema", schema.database);
            return Err(DbError::Open(text).into());
        }
        let db = Database::new(
            schema,
            self.0.options.clone(),
            Arc::clone(&self.0.clock),
            Arc::clone(&self.0.readers),
            Arc::clone(&self.0.connected),
            Arc::clone(&self.0.lock),
        );
        if !schema.is_sharded() {
            db.open_single().await?;
        }
        open.insert(schema.database, db.downgrade());
        Ok(db)
    }

    /// What a logical database with these cells lacks; nothing is changed or created.
    ///
    /// # Errors
    /// When it cannot be read, or its schema is not of this program.
    pub async fn pending(&self, schema: Schema, cells: &[Place]) -> Result<Vec<Pending>, Fault> {
        let mut wanted: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        if schema.is_sharded() {
            for place in cells {
                wanted.entry(place.db).or_default().push(place.table);
            }
        } else {
            wanted.insert(0, Vec::new());
        }
        let mut found = Vec::new();
        for (db, tables) in wanted {
            found.extend(match &self.0.options.backend {
                Backend::Servers(servers) => {
                    self.0.connected.pending(servers, schema, db, &tables).await?
                }
                Backend::Embedded => {
                    let options = self.0.options.clone();
                    let look = move || File::pending(schema, &options, db, &tables);
                    tokio::task::spawn_blocking(look).await.map_err(Fault::internal)??
                }
            });
        }
        Ok(found)
    }

    /// How every server stands on which a logical database is open; none when they are files.
    pub async fn standing(&self) -> Vec<ServerStanding> {
        match &self.0.options.backend {
            Backend::Servers(servers) => self.0.connected.standing(servers).await,
            Backend::Embedded => Vec::new(),
        }
    }

    /// Makes the replica of a server its primary that has got the most of the log, and goes on with it, as
    /// [`Shards::switch`] does. Repeating it after a failure goes on where it stopped. Every replica has to
    /// answer, or else what it has confirmed may be lost, except those that `without` names by host and port.
    ///
    /// # Errors
    /// Words for the operator: the primary may live still, a replica does not answer, none follows any more.
    /// Nothing has changed then, or the replica is promoted and nobody writes there yet.
    pub async fn fail_over(&self, server: &str, without: &[String]) -> Result<Takeover, DbError> {
        match &self.0.options.backend {
            Backend::Servers(servers) => self.0.connected.fail_over(servers, server, without).await,
            Backend::Embedded => {
                Err(DbError::Misuse("the databases are embedded: there is no server to replace"))
            }
        }
    }

    /// Commits something on the primary of a server: it takes writes, and has the replica that it waits for.
    /// Changes no table. PostgreSQL only.
    ///
    /// # Errors
    /// When it has not within the time.
    pub async fn commit_on(&self, server: &str, within: Duration) -> Result<(), DbError> {
        match &self.0.options.backend {
            Backend::Servers(servers) => self.0.connected.commit_on(servers, server, within).await,
            Backend::Embedded => Err(DbError::Misuse("the databases are embedded")),
        }
    }

    /// Makes another server the primary of a configured one, such as the synchronous replica that has just been
    /// promoted. When it returns, every new transaction goes to the new primary, the old one's connections are
    /// closed, and this process does not commit on the old one any more; what was under way there has failed
    /// as unavailable. `replicas` are those that follow the new primary: the former ones are forgotten.
    ///
    /// It does not ask whether the old primary is dead: let nobody else write there (fence it) before this.
    /// It changes this process and not its configuration: that must name the new primary before a restart.
    ///
    /// # Errors
    /// Words for the operator: no such server is configured, the new primary does not answer or does not
    /// take writes. Nothing has changed then.
    pub async fn switch(
        &self,
        server: &str,
        url: &Secret<String>,
        replicas: &[Secret<String>],
    ) -> Result<(), DbError> {
        let Backend::Servers(servers) = &self.0.options.backend else {
            return Err(DbError::Misuse(
                "the databases are embedded: there is no server to switch",
            ));
        };
        self.0.connected.switch(servers, server, url, replicas).await
    }

    /// Measures replicas for as long as it runs; it never ends. Whoever starts the platform runs it as a
    /// background task, once. Without it, reads go to primaries.
    pub fn watch_replicas(&self) -> impl Future<Output = ()> + Send + 'static {
        let connected = Arc::clone(&self.0.connected);
        let splitting = match &self.0.options.backend {
            Backend::Servers(servers) => Some(*servers.splitting),
            Backend::Embedded => None,
        };
        async move {
            match splitting {
                Some(splitting) => crate::server::watch(connected, splitting).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }
}

/// Takes a folder's lock, creating both when they are missing. Blocks as [`Shards::open`] says.
pub(crate) fn lock_folder(folder: &Path) -> Result<StdFile, DbError> {
    let name = folder.display();
    let unusable = |e: std::io::Error| DbError::Open(format!("{name} cannot be used: {e}"));
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let lock = StdFile::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK_FILE))
        .map_err(unusable)?;
    match acquire(&lock) {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DbError::Open(format!(
            "{name} is in use by another stoa process; stop it, or choose another folder"
        ))),
        Err(TryLockError::Error(e)) => Err(unusable(e)),
    }
}

/// Who closes a folder is done with it a moment later, when its writers have ended; a restart should not
/// stumble over that.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_POLL: Duration = Duration::from_millis(5);

fn acquire(lock: &StdFile) -> Result<(), TryLockError> {
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_WAIT => {
                std::thread::sleep(LOCK_POLL);
            }
            end => return end,
        }
    }
}
