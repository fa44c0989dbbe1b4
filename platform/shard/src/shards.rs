//! The data folder: who owns it, and which databases are open in it.

use std::fs::File as StdFile;
use std::sync::Arc;

use kit::SharedClock;
use rpc::Fault;

use crate::database::Database;
use crate::error::DbError;
use crate::options::Options;
use crate::schema::Schema;
use crate::sqlite::ReadPool;

/// An open data folder. It is locked for this process until the last handle is dropped.
#[derive(Clone)]
pub struct Shards(Arc<Inner>);

struct Inner {
    options: Options,
    clock: SharedClock,
    readers: Arc<ReadPool>,
    _lock: StdFile,
}

/// The name of the lock file in a data folder.
pub const LOCK_FILE: &str = "stoa.lock";

impl Shards {
    /// Opens the folder, creating it when it is missing. Blocks for a moment.
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
        lock.try_lock().map_err(|e| match e {
            std::fs::TryLockError::WouldBlock => DbError::Open(format!(
                "{folder} is in use by another stoa process; stop it, or choose another folder"
            )),
            std::fs::TryLockError::Error(e) => unusable(e),
        })?;
        let readers = Arc::new(ReadPool::start(options.readers, options.reader_queue_max)?);
        Ok(Self(Arc::new(Inner { options, clock, readers, _lock: lock })))
    }

    /// Opens a logical database. One that is not sharded is ready at once; a sharded one gets its files
    /// as [`Database::ensure_cells`] asks for them.
    ///
    /// # Errors
    /// When its file cannot be opened, or its schema is not of this program.
    pub async fn database(&self, schema: Schema) -> Result<Database, Fault> {
        let db = Database::new(
            schema,
            self.0.options.clone(),
            Arc::clone(&self.0.clock),
            Arc::clone(&self.0.readers),
        );
        if !schema.is_sharded() {
            db.open_single().await?;
        }
        Ok(db)
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }
}
