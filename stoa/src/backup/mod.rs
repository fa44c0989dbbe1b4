//! Backups: a folder with a copy of every database and a manifest that says what is in it. Written while
//! the platform runs or while it does not, checked before anything is restored from it.
//!
//! All databases of a data folder are copied as they were at one moment ([`shard::backup`]), so what is
//! restored is what a power failure at that moment would have left, in every database alike. What heals
//! the platform after a power failure heals it after a restore; nothing else is needed, and nothing here
//! knows what a service does. The databases of a PostgreSQL server are dumped by its own programs, of one
//! moment too.

mod job;
mod manifest;
pub mod postgres;
mod restore;
mod write;

use serde::{Deserialize, Serialize};

pub use job::{BackupEnd, BackupStatus, Backups};
pub use manifest::{Copied, EMBEDDED, FORMAT, Facts, MANIFEST, Manifest};
pub use restore::{Restored, into_folder, into_server};
pub use write::{prepare, write};

/// How far a long work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Files in all.
    pub files: usize,
    /// Files that are done.
    pub files_done: usize,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes that are done.
    pub bytes_done: u64,
}

/// Is told of the progress, and says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> bool;
