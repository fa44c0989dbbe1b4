//! What a backup says of itself, and whether it is true. Reads and checks; copies nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use kit::Timestamp;
use outbox::Position;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shard::backup::Snapshot;

use crate::access::explain;
use crate::backup::{Progress, Watch};

/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// The manifest's name in the folder of a backup. A folder without it holds no backup.
pub const MANIFEST: &str = "manifest.json";
/// The engine of [`Manifest::engine`] whose files are SQLite databases.
pub const EMBEDDED: &str = "sqlite";
/// How the name of a file ends while it is written.
pub(super) const PARTIAL: &str = "partial";
/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;
/// The outbox's name among the owners of migrations.
const OUTBOX: &str = outbox::MIGRATIONS.name;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this manifest.
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// What made the files: `sqlite` or `postgres`.
    pub engine: String,
    /// Stands before the names of schemas on a server.
    #[serde(default)]
    pub prefix: String,
    /// The moment of which it is.
    pub taken_at: Timestamp,
    /// How long the writers of a running platform were held for it, in microseconds; 0 when none ran.
    pub paused_us: u64,
    /// The files.
    pub files: Vec<Copied>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its name.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// The databases in it.
    pub databases: Vec<Facts>,
}

/// What is known of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its name.
    pub database: String,
    /// The last migration of every owner.
    pub migrations: BTreeMap<String, i64>,
    /// The tables of cells that it has.
    pub cells: BTreeSet<i64>,
    /// How far its messages have come; none when it sends none.
    pub outbox: Option<Position>,
}

impl Facts {
    /// What a snapshot says.
    pub(super) fn of(snapshot: &Snapshot) -> anyhow::Result<Self> {
        let mut facts = Self::new(snapshot.name(), snapshot.migrations()?);
        if facts.has_outbox() {
            let rows = snapshot.rows(&outbox::position::select())?;
            facts.outbox = Some(Position::read(&rows).map_err(explain)?);
        }
        Ok(facts)
    }

    /// Without its messages. `ran` has the last migration by owner and cell, -1 for no cell.
    pub(super) fn new(database: String, ran: BTreeMap<(String, i64), i64>) -> Self {
        let (mut migrations, mut cells) = (BTreeMap::new(), BTreeSet::new());
        for ((owner, cell), version) in ran {
            if cell >= 0 {
                cells.insert(cell);
            }
            let last = migrations.entry(owner).or_insert(version);
            *last = version.max(*last);
        }
        Self { database, migrations, cells, outbox: None }
    }

    /// Whether it sends messages or consumes them.
    pub(super) fn has_outbox(&self) -> bool {
        self.migrations.contains_key(OUTBOX)
    }
}

/// What is looked at before the rest, which another format may have otherwise.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Manifest {
    /// Reads the manifest of a backup.
    ///
    /// # Errors
    /// When there is none, or this program does not understand it.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let shown = folder.display();
        ensure!(folder.is_dir(), "{shown} is no folder; give the folder of a backup");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                bail!("{shown} holds no {MANIFEST}: it is no backup, or one that was not finished")
            }
            Err(e) => return Err(e).with_context(|| format!("{} cannot be read", path.display())),
        };
        let broken = || format!("{} is broken; the backup cannot be used", path.display());
        let Format { format } = serde_json::from_str(&text).with_context(broken)?;
        ensure!(
            format <= FORMAT,
            "{shown} is a backup of format {format}, and this program reads up to {FORMAT}: \
             use the newer program"
        );
        let manifest: Self = serde_json::from_str(&text).with_context(broken)?;
        ensure!(!manifest.files.is_empty(), "{} names no files", path.display());
        for copied in &manifest.files {
            // What it names is read from and written into folders that somebody chose for it.
            let is_plain = Path::new(&copied.file).file_name().is_some_and(|n| *n == *copied.file);
            ensure!(is_plain, "{} names `{}`, which is no file name", path.display(), copied.file);
        }
        Ok(manifest)
    }

    /// Writes the manifest, which makes the folder a backup. Everything else is durable by then.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let (path, partial) = (folder.join(MANIFEST), partial(&folder.join(MANIFEST)));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&partial)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)?;
            sync_folder(folder)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }

    /// How large it is.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    /// How far the messages of all databases have come.
    #[must_use]
    pub fn messages(&self) -> Position {
        let all = self.files.iter().flat_map(|f| &f.databases).filter_map(|d| d.outbox);
        all.fold(Position::default(), Position::plus)
    }

    /// Reads every file and compares it. All that is wrong is told at once.
    ///
    /// # Errors
    /// What is wrong with which files.
    pub fn verify(&self, folder: &Path, watch: Watch<'_>) -> anyhow::Result<()> {
        let mut problems = Vec::new();
        let mut progress =
            Progress { files: self.files.len(), bytes: self.bytes(), ..Progress::default() };
        let mut bytes_before = 0;
        for copied in &self.files {
            let done = |read: u64| {
                progress.bytes_done = bytes_before + read;
                watch(progress)
            };
            if let Err(e) = verify(&folder.join(&copied.file), copied, done) {
                problems.push(format!("{}: {e:#}", copied.file));
            }
            bytes_before += copied.bytes;
            progress.files_done += 1;
        }
        ensure!(
            problems.is_empty(),
            "{} cannot be used; nothing was changed\n  {}",
            folder.display(),
            problems.join("\n  ")
        );
        Ok(())
    }
}

fn verify(path: &Path, copied: &Copied, done: impl FnMut(u64) -> bool) -> anyhow::Result<()> {
    let bytes = match std::fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => bail!("it is missing"),
        Err(e) => return Err(e.into()),
    };
    ensure!(bytes == copied.bytes, "it has {bytes} bytes, not {}", copied.bytes);
    let sum = checksum(path, done)?;
    ensure!(sum == copied.sha256, "its checksum is another: it was changed or damaged");
    Ok(())
}

/// SHA-256 of a file, in hexadecimal.
pub(super) fn checksum(path: &Path, done: impl FnMut(u64) -> bool) -> anyhow::Result<String> {
    through(File::open(path)?, &mut std::io::sink(), done)
}

/// Copies a file; SHA-256 of what was copied, in hexadecimal.
pub(super) fn through(
    mut from: File,
    to: &mut impl std::io::Write,
    mut done: impl FnMut(u64) -> bool,
) -> anyhow::Result<String> {
    let (mut sum, mut chunk, mut read) = (Sha256::new(), vec![0_u8; CHUNK], 0_u64);
    loop {
        let n = from.read(&mut chunk)?;
        let Some(part) = chunk.get(..n).filter(|part| !part.is_empty()) else { break };
        sum.update(part);
        to.write_all(part)?;
        read += n as u64;
        ensure!(done(read), "it was stopped");
    }
    Ok(hex::encode(sum.finalize()))
}

/// The name of a file while it is written.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    PathBuf::from(name)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
