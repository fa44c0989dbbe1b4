//! Restores a backup into a data folder: every checksum first, then copies beside the folder, and only a
//! whole one takes its place. Blocks, but for the last step; nothing here runs on the data.

use std::fs::{DirBuilder, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kit::{Clock as _, Secret, SystemClock, SystemEntropy, TenantCode, Timestamp};
use outbox::Position;
use serde::Serialize;
use shard::backup::Claim;
use shard::{Backend, ServerSnapshot};
use tempfile::TempDir;

use crate::access::explain;
use crate::backup::manifest::{EMBEDDED, sync_folder, through};
use crate::backup::postgres::{self, POSTGRES};
use crate::backup::{Copied, Manifest, Progress, Watch};
use crate::engine::place_of;
use crate::platform::{Databases, system_ctx};

/// How long the worker numbers may take.
const RAISE_WITHIN: Duration = Duration::from_secs(30);

/// What was restored.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The moment that the data is of.
    pub taken_at: Timestamp,
    /// How many files.
    pub files: usize,
    /// How large they are.
    pub bytes: u64,
    /// Messages that will be delivered when the platform starts.
    pub messages: Position,
    /// The schemas that it took the place of.
    pub replaced: Vec<String>,
}

/// Restores a backup. With `reset` it takes the place of the data that is there, which is removed then.
///
/// # Errors
/// When the backup or the folder is not fit for it; then nothing has changed.
pub async fn into_folder(
    backup: &Path,
    folder: &Path,
    reset: bool,
    watch: Watch<'_>,
) -> anyhow::Result<Restored> {
    let manifest = Manifest::read(backup)?;
    ensure!(
        manifest.engine == EMBEDDED,
        "{} is a backup of databases on a server ({}); name one with --database-url",
        backup.display(),
        manifest.engine
    );
    let place = Place::examine(backup, folder, reset)?;
    not_of_the_future(&manifest)?;
    manifest.verify(backup, watch)?;
    let beside = place.beside()?;
    copy_all(&manifest, backup, beside.path(), watch)?;
    raise_workers(beside.path(), Backend::Embedded).await?;
    sync_folder(beside.path())?;
    place.take(beside)?;
    Ok(Restored::of(&manifest))
}

/// Restores a backup of a server into a database of a server. With `reset` it takes the place of what is
/// there: `replaces` is told of which schemas, before anything is changed.
///
/// # Errors
/// When the backup is not fit for it, or `pg_restore` fails; then nothing has changed.
pub async fn into_server(
    backup: &Path,
    url: &Secret<String>,
    reset: bool,
    mut replaces: impl FnMut(&[String]) -> anyhow::Result<()>,
    mut watch: impl FnMut(Progress) -> bool + Send + 'static,
) -> anyhow::Result<Restored> {
    let manifest = Manifest::read(backup)?;
    ensure!(
        manifest.engine == POSTGRES,
        "{} is a backup of embedded databases; leave out --database-url, and name a folder with --data",
        backup.display()
    );
    not_of_the_future(&manifest)?;
    let clock: kit::SharedClock = Arc::new(SystemClock);
    let users = ServerSnapshot::take(url, &clock).await?.platforms().await?;
    ensure!(
        users == 0,
        "{} is in use by a platform ({users} connections); stop it, or choose another database",
        place_of(url)
    );
    manifest.verify(backup, &mut watch)?;
    let mut replaced = Vec::new();
    let note = |schemas: &[String]| {
        replaced = schemas.to_vec();
        replaces(schemas)
    };
    let servers = postgres::restore(&manifest, backup, url, reset, note, watch).await?;
    // Its lock is all that is in it.
    let folder = tempfile::tempdir()?;
    raise_workers(folder.path(), Backend::Servers(servers)).await.context(
        "the data is restored, but its worker numbers are not raised: do not start on it; \
         restore it again with --reset",
    )?;
    postgres::forget_replaced(&manifest, url).await?;
    Ok(Restored { replaced, ..Restored::of(&manifest) })
}

fn not_of_the_future(manifest: &Manifest) -> anyhow::Result<()> {
    ensure!(
        SystemClock.now() >= manifest.taken_at,
        "the backup is of {}, and by this machine's clock that is still to come; \
         set the clock, or ids would be made twice",
        manifest.taken_at
    );
    Ok(())
}

impl Restored {
    fn of(manifest: &Manifest) -> Self {
        Self {
            taken_at: manifest.taken_at,
            files: manifest.files.len(),
            bytes: manifest.bytes(),
            messages: manifest.messages(),
            replaced: Vec::new(),
        }
    }
}

/// A folder that may be restored into.
struct Place<'a> {
    folder: &'a Path,
    parent: PathBuf,
    // Data that is to be replaced, with the hold of it.
    old: Option<Claim>,
}

impl<'a> Place<'a> {
    fn examine(backup: &Path, folder: &'a Path, reset: bool) -> anyhow::Result<Self> {
        let shown = folder.display();
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        if !folder.exists() {
            return Ok(Self { folder, parent, old: None });
        }
        ensure!(folder.is_dir(), "{shown} is no folder");
        if std::fs::read_dir(folder)?.next().is_none() {
            return Ok(Self { folder, parent, old: None });
        }
        let is_ours = folder.join(shard::shards::LOCK_FILE).is_file();
        // Before anything else: whoever is asked for --reset should not learn then that it is in use.
        let claim = if is_ours { Some(shard::backup::claim(folder)?) } else { None };
        ensure!(
            reset,
            "{shown} is not empty; choose another folder{}",
            if is_ours { ", or give --reset to throw away the data in it" } else { "" }
        );
        ensure!(
            is_ours,
            "{shown} does not look like a data folder of stoa; remove it yourself if you mean it"
        );
        let inside = backup.canonicalize()?.starts_with(folder.canonicalize()?);
        ensure!(
            !inside,
            "the backup lies in {shown}, which --reset would throw away; move it first"
        );
        Ok(Self { folder, parent, old: claim })
    }

    /// A folder on the same disk, which goes away when it is not taken.
    fn beside(&self) -> anyhow::Result<TempDir> {
        let make = || -> std::io::Result<TempDir> {
            DirBuilder::new().recursive(true).create(&self.parent)?;
            let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            tempfile::Builder::new().prefix(&format!(".{name}.restoring-")).tempdir_in(&self.parent)
        };
        make().with_context(|| format!("{} cannot be written to", self.parent.display()))
    }

    /// Puts the restored folder into its place.
    fn take(self, beside: TempDir) -> anyhow::Result<()> {
        let failed = || format!("{} cannot be put into its place", self.folder.display());
        if self.old.is_none() {
            std::fs::rename(beside.path(), self.folder).with_context(failed)?;
            let _ = beside.keep();
            return sync_folder(&self.parent).with_context(failed);
        }
        let aside = self.beside()?;
        std::fs::rename(self.folder, aside.path()).with_context(failed)?;
        if let Err(e) = std::fs::rename(beside.path(), self.folder) {
            // The old data goes back to where it was.
            let back = std::fs::rename(aside.path(), self.folder);
            if back.is_err() {
                let kept = aside.keep();
                return Err(e).with_context(|| format!("the old data is in {}", kept.display()));
            }
            return Err(e).with_context(failed);
        }
        let _ = beside.keep();
        sync_folder(&self.parent).with_context(failed)?;
        aside.close().with_context(|| "the old data cannot be removed".to_owned())
    }
}

fn copy_all(manifest: &Manifest, backup: &Path, to: &Path, watch: Watch<'_>) -> anyhow::Result<()> {
    let mut progress =
        Progress { files: manifest.files.len(), bytes: manifest.bytes(), ..Progress::default() };
    for copied in &manifest.files {
        let before = progress.bytes_done;
        copy(copied, backup, to, |read| {
            progress.bytes_done = before + read;
            watch(progress)
        })
        .with_context(|| format!("{} cannot be restored; nothing was changed", copied.file))?;
        progress.files_done += 1;
        progress.bytes_done = before + copied.bytes;
    }
    Ok(())
}

fn copy(
    copied: &Copied,
    backup: &Path,
    to: &Path,
    done: impl FnMut(u64) -> bool,
) -> anyhow::Result<()> {
    let from = File::open(backup.join(&copied.file))?;
    let mut new = File::options().write(true).create_new(true).open(to.join(&copied.file))?;
    let sum = through(from, &mut new, done)?;
    // It was right a moment ago; a disk that fails may not give the same twice.
    ensure!(sum == copied.sha256, "its checksum changed while it was read");
    new.sync_all()?;
    Ok(())
}

/// See [`shard::worker::raise`].
async fn raise_workers(folder: &Path, backend: Backend) -> anyhow::Result<()> {
    let mut options = shard::Options::in_folder(folder);
    options.backend = backend;
    let open = move || shard::Shards::open(options, Arc::new(SystemClock));
    let shards = tokio::task::spawn_blocking(open).await??;
    let platform = Databases::platform_alone(&shards).await.map_err(explain)?;
    let entropy: kit::SharedEntropy = Arc::new(SystemEntropy);
    let ctx = system_ctx(TenantCode::platform(), &entropy, RAISE_WITHIN).map_err(explain)?;
    shard::worker::raise(&ctx, &platform).await.map_err(explain)?;
    drop((platform, shards));
    // The writer has closed its file when the folder is free.
    let folder = folder.to_path_buf();
    tokio::task::spawn_blocking(move || shard::backup::claim(&folder).map(drop)).await??;
    Ok(())
}
