//! Writes a backup: one file after the other under a temporary name, its checksum, the manifest last. What
//! was written of a backup that fails is removed. Blocks; it runs on a thread of its own.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use shard::backup::{Cut, Snapshot};

use crate::backup::manifest::{EMBEDDED, checksum, partial, sync_folder};
use crate::backup::{Copied, FORMAT, Facts, MANIFEST, Manifest, Progress, Watch};

/// Only its owner reads a backup: it holds all that the databases hold.
const PRIVATE: u32 = 0o700;

/// Makes sure that there is an empty folder for a backup.
///
/// # Errors
/// When there is something in it, or it cannot be made.
pub fn prepare(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    ensure!(
        !folder.join(MANIFEST).exists(),
        "{shown} holds a backup already; choose a folder that is not there yet"
    );
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE)
        .create(folder)
        .with_context(|| format!("{shown} cannot be made"))?;
    let mut entries =
        std::fs::read_dir(folder).with_context(|| format!("{shown} cannot be read"))?;
    ensure!(
        entries.next().is_none(),
        "{shown} is not empty; choose a folder that is not there yet \
         (if it holds a backup that was not finished, remove it)"
    );
    Ok(())
}

/// Copies what a cut saw into an empty folder.
///
/// # Errors
/// When it cannot be written or was stopped; then nothing of it is left.
pub fn write(cut: Cut, folder: &Path, watch: Watch<'_>) -> anyhow::Result<Manifest> {
    let mut written = Vec::new();
    let result = write_all(cut, folder, &mut written, watch);
    if result.is_err() {
        // What cannot be removed has no manifest, and so is no backup.
        for path in written {
            let _ = std::fs::remove_file(path);
        }
        let _ = std::fs::remove_file(partial(&folder.join(MANIFEST)));
        let _ = std::fs::remove_dir(folder);
    }
    result
}

fn write_all(
    cut: Cut,
    folder: &Path,
    written: &mut Vec<PathBuf>,
    watch: Watch<'_>,
) -> anyhow::Result<Manifest> {
    let mut progress = Progress { files: cut.snapshots.len(), ..Progress::default() };
    for snapshot in &cut.snapshots {
        progress.bytes += snapshot.bytes()?;
    }
    let (taken_at, paused) = (cut.at, cut.paused.unwrap_or_default());
    let mut files = Vec::with_capacity(cut.snapshots.len());
    // The largest first: a snapshot that is held long lets the log of its file grow.
    let mut snapshots = cut.snapshots;
    snapshots.sort_by_cached_key(|s| std::cmp::Reverse(s.bytes().unwrap_or(0)));
    for snapshot in snapshots {
        let copied = copy(&snapshot, folder, written, progress, watch)?;
        progress.files_done += 1;
        progress.bytes_done += copied.bytes;
        files.push(copied);
    }
    files.sort_by(|a, b| a.file.cmp(&b.file));
    sync_folder(folder).with_context(|| format!("{} cannot be written", folder.display()))?;
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: EMBEDDED.to_owned(),
        prefix: String::new(),
        taken_at,
        paused_us: u64::try_from(paused.as_micros()).unwrap_or(u64::MAX),
        files,
    };
    manifest.write(folder)?;
    Ok(manifest)
}

/// One file, durable and under its name.
fn copy(
    snapshot: &Snapshot,
    folder: &Path,
    written: &mut Vec<PathBuf>,
    progress: Progress,
    watch: Watch<'_>,
) -> anyhow::Result<Copied> {
    let file = snapshot.file_name();
    let path = folder.join(&file);
    let beside = partial(&path);
    written.push(beside.clone());
    snapshot.copy(&beside, &mut |copied| {
        watch(Progress { bytes_done: progress.bytes_done + copied, ..progress })
    })?;
    let facts = Facts::of(snapshot)?;
    let sha256 = checksum(&beside, |_| true)?;
    let bytes = std::fs::metadata(&beside)?.len();
    std::fs::rename(&beside, &path)?;
    written.push(path);
    Ok(Copied { file, bytes, sha256, databases: vec![facts] })
}
