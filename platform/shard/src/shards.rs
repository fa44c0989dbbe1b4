//! The data folder: who owns it, and which databases are open in it.

use std::collections::BTreeMap;
use std::fs::{File as StdFile, TryLockError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::SharedClock;
use rpc::Fault;

use crate::database::{Database, WeakDatabase};
use crate::error::DbError;
use crate::options::Options;
use crate::schema::Schema;
use crate::sqlite::ReadPool;

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
        let folder = options.folder.display().to_string();
        let unusable = |e: std::io::Error| DbError::Open(format!("{folder} cannot be used: {e}"));
        std::fs::create_dir_all(&options.folder).map_err(unusable)?;
        let lock = StdFile::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(options.folder.join(LOCK_FILE))
            .map_err(unusable)?;
        acquire(&lock).map_err(|e| match e {
            TryLockError::WouldBlock => DbError::Open(format!(
                "{folder} is in use by another stoa process; stop it, or choose another folder"
            )),
            TryLockError::Error(e) => unusable(e),
        })?;
        let readers = Arc::new(ReadPool::start(options.readers, options.reader_queue_max)?);
        let open = tokio::sync::Mutex::default();
        Ok(Self(Arc::new(Inner { options, clock, readers, lock: Arc::new(lock), open })))
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
            Arc::clone(&self.0.lock),
        );
        if !schema.is_sharded() {
            db.open_single().await?;
        }
        open.insert(schema.database, db.downgrade());
        Ok(db)
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
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
