//! The backup that a running platform makes of itself when an operator's command asks for one. The command
//! asks how far it is; when nobody asks any more, it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kit::{ErrorCode, SharedClock};
use rpc::Fault;
use serde::{Deserialize, Serialize};
use shard::Backend;
use tasks::{TaskKind, Tasks};

use crate::backup::{Manifest, Progress, postgres, prepare, write};
use crate::platform::{Databases, Platform};

const BACKUP: TaskKind = TaskKind::new("stoa.backup").finishing();
/// Who asked for it and went away does not want it any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// How a backup stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStatus {
    /// How far it is.
    pub progress: Progress,
    /// How it ended, when it has.
    pub end: Option<BackupEnd>,
}

/// How a backup ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupEnd {
    /// It is complete.
    Done(Manifest),
    /// Nothing of it is left, for this reason.
    Failed(String),
}

/// Makes backups of a running platform, one at a time. Cheap to clone.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    databases: Databases,
    clock: SharedClock,
    tasks: Tasks,
    last: Mutex<Option<Job>>,
}

struct Job {
    status: BackupStatus,
    asked_at: Instant,
}

impl Backups {
    /// Backups of a platform.
    #[must_use]
    pub fn of(platform: &Platform) -> Self {
        Self(Arc::new(Inner {
            databases: platform.databases.clone(),
            clock: Arc::clone(platform.clock()),
            tasks: platform.tasks.clone(),
            last: Mutex::default(),
        }))
    }

    /// Begins one.
    ///
    /// # Errors
    /// `Conflict` while there is another; when the folder is not fit for it.
    pub fn begin(&self, folder: PathBuf) -> Result<(), Fault> {
        if !folder.is_absolute() {
            return Err(Fault::invalid("folder", "an absolute path"));
        }
        let mut last = self.last();
        if last.as_ref().is_some_and(|job| job.status.end.is_none()) {
            return Err(Fault::new(ErrorCode::Conflict, "another backup is being made"));
        }
        prepare(&folder).map_err(|e| Fault::invalid("folder", format!("{e:#}")))?;
        let status = BackupStatus { progress: Progress::default(), end: None };
        *last = Some(Job { status, asked_at: Instant::now() });
        drop(last);
        let backups = self.clone();
        self.0.tasks.spawn(BACKUP, async move {
            let end = match backups.make(folder).await {
                Ok(manifest) => BackupEnd::Done(manifest),
                Err(e) => BackupEnd::Failed(format!("{e:#}")),
            };
            if let Some(job) = backups.last().as_mut() {
                job.status.end = Some(end);
            }
            Ok::<(), Fault>(())
        });
        Ok(())
    }

    /// How the last one stands.
    ///
    /// # Errors
    /// When there was none.
    pub fn status(&self) -> Result<BackupStatus, Fault> {
        let mut last = self.last();
        let job =
            last.as_mut().ok_or_else(|| Fault::new(ErrorCode::NotFound, "there is no backup"))?;
        job.asked_at = Instant::now();
        Ok(job.status.clone())
    }

    async fn make(&self, folder: PathBuf) -> anyhow::Result<Manifest> {
        let (databases, backups) = (self.0.databases.all(), self.clone());
        // As they are now: the primary that was lost must not be dumped once a replica is in its place.
        if let Backend::Servers(servers) = self.0.databases.platform.backend().await {
            let watch = move |progress| backups.go_on(progress);
            return postgres::dump(&servers, &folder, &self.0.clock, watch).await;
        }
        let cut = shard::backup::of_running(&databases, &self.0.clock).await;
        let cut = cut.map_err(crate::access::explain)?;
        let writing = move || write(cut, &folder, &mut |progress| backups.go_on(progress));
        tokio::task::spawn_blocking(writing).await?
    }

    fn go_on(&self, progress: Progress) -> bool {
        if self.0.tasks.token().is_cancelled() {
            return false;
        }
        self.last().as_mut().is_some_and(|job| {
            job.status.progress = progress;
            job.asked_at.elapsed() < FORGOTTEN_AFTER
        })
    }

    fn last(&self) -> MutexGuard<'_, Option<Job>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
