//! The knobs of the data layer, with units, so that tests can shrink them.

use std::path::PathBuf;
use std::time::Duration;

use crate::servers::Backend;

/// Options of the data layer.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of this process; with the embedded engine it holds one file per logical database.
    pub folder: PathBuf,
    /// What holds the databases.
    pub backend: Backend,
    /// Transactions that wait for one writer at most; more are refused.
    pub writer_queue_max: usize,
    /// Transactions in one physical commit at most.
    pub group_commit_max: usize,
    /// Threads that read.
    pub readers: usize,
    /// Reads that wait for a reader at most; more are refused.
    pub reader_queue_max: usize,
    /// The longest one transaction or read may take, whatever the caller's deadline.
    pub statement_timeout: Duration,
    /// Rows that one query may return at most.
    pub rows_max: usize,
    /// How long a worker number is leased at a time.
    pub worker_lease: Duration,
}

impl Options {
    /// The defaults, for a folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            backend: Backend::Embedded,
            writer_queue_max: 4_096,
            group_commit_max: 64,
            readers: 2,
            reader_queue_max: 4_096,
            statement_timeout: Duration::from_secs(10),
            rows_max: 10_000,
            worker_lease: Duration::from_secs(10),
        }
    }
}
