//! Backups of databases on a PostgreSQL server, made and restored by its own programs. All logical
//! databases of a server are dumped as they were at one moment; of several servers there is no such
//! moment, so they are refused.

mod schemas;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use kit::{Secret, SharedClock};
use outbox::Position;
use shard::moving::{Location, Stand, locate};
use shard::{Backend, Engine, ServerSnapshot, Servers};

use crate::access::explain;
use crate::backup::manifest::{checksum, partial, sync_folder};
use crate::backup::{Copied, FORMAT, Facts, Manifest, Progress};
use crate::engine::place_of;
use crate::platform::Databases;

/// The engine of [`Manifest::engine`].
pub const POSTGRES: &str = "postgres";
const DUMP: &str = "pg_dump";
const RESTORE: &str = "pg_restore";
const PSQL: &str = "psql";
/// What goes from one program to another at a time, in bytes.
const CHUNK: usize = 1 << 16;
/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Dumps the server of a platform into an empty folder.
///
/// # Errors
/// When there are several servers, or `pg_dump` fails or was stopped; then nothing of it is left.
pub async fn dump(
    servers: &Servers,
    folder: &Path,
    clock: &SharedClock,
    watch: impl FnMut(Progress) -> bool + Send + 'static,
) -> anyhow::Result<Manifest> {
    let result = dump_all(servers, folder, clock, watch).await;
    if result.is_err() {
        // What cannot be removed has no manifest, and so is no backup.
        let _ = std::fs::remove_dir_all(folder);
    }
    result
}

async fn dump_all(
    servers: &Servers,
    folder: &Path,
    clock: &SharedClock,
    watch: impl FnMut(Progress) -> bool + Send + 'static,
) -> anyhow::Result<Manifest> {
    ensure!(
        servers.engine == Engine::Postgres,
        "only embedded databases and PostgreSQL are backed up by stoa; \
         use the tools of the database server"
    );
    let name = &the_only_server(servers).await?;
    let server = servers.servers.iter().find(|s| s.name == *name);
    let url = &server.with_context(|| format!("the server {name} is not configured"))?.url;
    let mut moment = ServerSnapshot::take(url, clock).await?;
    let mut databases = Vec::new();
    let own = schemas::to_back_up(url, &servers.prefix).await?;
    for database in moment.databases(&servers.prefix).await? {
        if own.contains(&database) {
            databases.push(facts(&mut moment, &servers.prefix, database).await?);
        }
    }
    ensure!(!databases.is_empty(), "there are no databases `{}*` on {name}", servers.prefix);
    // A move that began before the moment may have been in it, and shows now.
    ensure!(the_only_server(servers).await? == *name, "a database has moved meanwhile");
    let file = format!("{name}.dump");
    let path = folder.join(&file);
    let beside = partial(&path);
    let mut command = program(DUMP, url);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--snapshot"]);
    command.arg(moment.id()).arg("--file").arg(&beside);
    for facts in &databases {
        command.arg(format!("--schema={}", schemas::quoted(&servers.prefix, &facts.database)));
    }
    let growing = beside.clone();
    run(command, watch, move || std::fs::metadata(&growing).map_or(0, |m| m.len())).await?;
    let taken_at = moment.at();
    // It has to live until the dump is made.
    drop(moment);
    std::fs::File::open(&beside)?.sync_all()?;
    let sha256 = checksum(&beside, |_| true)?;
    let bytes = std::fs::metadata(&beside)?.len();
    std::fs::rename(&beside, &path)?;
    sync_folder(folder)?;
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: POSTGRES.to_owned(),
        prefix: servers.prefix.clone(),
        taken_at,
        paused_us: 0,
        files: vec![Copied { file, bytes, sha256, databases }],
    };
    manifest.write(folder)?;
    Ok(manifest)
}

/// The server that has all databases, wherever they were moved to.
async fn the_only_server(servers: &Servers) -> anyhow::Result<String> {
    let located = locate(&Backend::Servers(servers.clone()), &Databases::names()).await?;
    let located: Vec<Location> = located.into_iter().filter(|l| l.bytes.is_some()).collect();
    if let Some(moving) = located.iter().find(|l| l.stand != Stand::Settled) {
        bail!(
            "{} is being moved to another server; complete the move, or take it back (`stoa shard servers` tells how), \
             and back up then",
            moving.database
        );
    }
    let mut names: Vec<&str> = located.iter().map(|l| l.server.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names[..] {
        [] => bail!("there are no databases `{}*` on any server", servers.prefix),
        [name] => Ok(name.to_owned()),
        _ => bail!(
            "the databases are on {} servers ({}), of which there is no common moment; use the servers' own \
             backups, and stop the platform while they are begun",
            names.len(),
            names.join(", ")
        ),
    }
}

async fn facts(
    moment: &mut ServerSnapshot,
    prefix: &str,
    database: String,
) -> anyhow::Result<Facts> {
    let schema = format!("{prefix}{database}");
    let migrations = moment.migrations(&schema).await?;
    let mut facts = Facts::new(database, migrations);
    if facts.has_outbox() {
        let rows = moment.rows(&schema, &outbox::position::select()).await?;
        facts.outbox = Some(Position::read(&rows).map_err(explain)?);
    }
    Ok(facts)
}

/// Restores a dump into a database that has none of its platform's schemas, or with `reset` into their place:
/// all of them, whether the dump knows them or not. `replaces` is told which before anything is changed. All of
/// it or nothing.
///
/// # Errors
/// When there are schemas already, or a program of the server fails.
pub async fn restore(
    manifest: &Manifest,
    backup: &Path,
    url: &Secret<String>,
    reset: bool,
    replaces: impl FnOnce(&[String]) -> anyhow::Result<()>,
    watch: impl FnMut(Progress) -> bool + Send + 'static,
) -> anyhow::Result<Servers> {
    let [copied] = &manifest.files[..] else { bail!("a backup of one server has one file") };
    ensure!(
        !reset || !manifest.prefix.is_empty(),
        "this platform's schemas have no prefix, so what else is in {} cannot be told from them: nothing was \
         changed. Drop what is to be replaced yourself, and restore without --reset",
        place_of(url)
    );
    let there = schemas::of_platform(url, manifest).await?;
    ensure!(
        reset || there.is_empty(),
        "{} has {} schemas of a platform already, such as {}; nothing was changed; --reset replaces what is there",
        place_of(url),
        there.len(),
        there.first().map_or("", String::as_str)
    );
    replaces(&there)?;
    // Of a restore that was cut off.
    schemas::drop_replaced(url, manifest).await?;
    let mut from = Command::new(RESTORE);
    from.args(["--no-owner", "--no-privileges", "--file=-"]).arg(backup.join(&copied.file));
    let to = schemas::psql(url);
    let first = schemas::put_aside(&there) + &schemas::forget_moves(&manifest.prefix);
    let work = move || feed(from, to, &first, watch);
    tokio::task::spawn_blocking(work).await?.context("nothing was changed")?;
    let mut servers = Servers::single(Engine::Postgres, url.clone());
    servers.prefix.clone_from(&manifest.prefix);
    Ok(servers)
}

/// What a restore has replaced goes for good. The data is whole before that, and after it.
///
/// # Errors
/// When the server refuses.
pub async fn forget_replaced(manifest: &Manifest, url: &Secret<String>) -> anyhow::Result<()> {
    schemas::drop_replaced(url, manifest).await.with_context(|| {
        format!(
            "the data is restored, but what was there before takes up room still: drop the schemas `{}*`",
            schemas::replaced(&manifest.prefix)
        )
    })
}

/// Lets one program write SQL that another one runs, in one transaction that begins with `first`. It is
/// committed only when the first has written all.
fn feed(
    mut from: Command,
    mut to: Command,
    first: &str,
    mut watch: impl FnMut(Progress) -> bool,
) -> anyhow::Result<()> {
    let (written, ran) = (tempfile::NamedTempFile::new()?, tempfile::NamedTempFile::new()?);
    from.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(written.reopen()?);
    to.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(ran.reopen()?);
    let (mut to, mut from) = (start(&mut to)?, start(&mut from)?);
    let fed = pump(&mut from, &mut to, first, &mut watch);
    if fed.is_err() {
        end(&mut from);
    }
    let complete = from.wait()?.success();
    // It is closed after this, and without a commit nothing has happened.
    let input = to.stdin.take();
    if complete && fed.is_ok() {
        let commit = |mut input: ChildStdin| input.write_all(b"\nCOMMIT;\n");
        // When it takes no more it has ended already, and says why.
        let _ = input.map(commit);
    } else {
        drop(input);
    }
    let done = to.wait()?.success();
    let said = |file: &tempfile::NamedTempFile| {
        std::fs::read_to_string(file.path()).unwrap_or_default().trim().to_owned()
    };
    // The one that reads is asked first: the other one fails when nobody reads.
    ensure!(done, "{PSQL} failed: {}", said(&ran));
    fed?;
    ensure!(complete, "{RESTORE} failed: {}", said(&written));
    Ok(())
}

fn pump(
    from: &mut Child,
    to: &mut Child,
    first: &str,
    watch: &mut impl FnMut(Progress) -> bool,
) -> anyhow::Result<()> {
    let (Some(read), Some(write)) = (&mut from.stdout, &mut to.stdin) else {
        bail!("a program without its ends")
    };
    let (mut chunk, mut bytes_done) = (vec![0_u8; CHUNK], 0);
    write.write_all(format!("BEGIN;\n{first}").as_bytes())?;
    loop {
        let n = read.read(&mut chunk)?;
        let Some(part) = chunk.get(..n).filter(|part| !part.is_empty()) else { return Ok(()) };
        write.write_all(part)?;
        bytes_done += n as u64;
        ensure!(watch(Progress { files: 1, bytes_done, ..Progress::default() }), "it was stopped");
    }
}

fn start(command: &mut Command) -> anyhow::Result<Child> {
    let started = command.spawn();
    started.with_context(|| {
        let name = command.get_program().to_string_lossy();
        format!("{name} cannot be started; on Debian: apt-get install postgresql-client")
    })
}

/// Whether a dump can be read.
///
/// # Errors
/// When `pg_restore` says that it cannot.
pub async fn check(path: PathBuf) -> anyhow::Result<()> {
    let mut command = Command::new(RESTORE);
    command.arg("--list").arg(path);
    run(command, |_| true, || 0).await
}

fn program(name: &str, url: &Secret<String>) -> Command {
    let (address, password) = without_password(url.expose());
    let mut command = Command::new(name);
    // Whoever lists the machine's processes sees their arguments, but not this.
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.arg("--dbname").arg(address);
    command
}

/// Runs a program to its end; what it says is the error when it fails.
async fn run(
    mut command: Command,
    mut watch: impl FnMut(Progress) -> bool + Send + 'static,
    done: impl Fn() -> u64 + Send + 'static,
) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let work = move || {
        let said = tempfile::NamedTempFile::new()?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.reopen()?);
        let mut child = start(&mut command)?;
        let ended = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            let progress = Progress { files: 1, bytes_done: done(), ..Progress::default() };
            if !watch(progress) {
                end(&mut child);
                bail!("it was stopped");
            }
            std::thread::sleep(LOOK);
        };
        let said = std::fs::read_to_string(said.path()).unwrap_or_default();
        ensure!(ended.success(), "{name} failed: {}", said.trim());
        Ok(())
    };
    tokio::task::spawn_blocking(work).await?
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// An address without its password, and the password.
fn without_password(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return (url.to_owned(), None) };
    let Some((name, password)) = user.split_once(':') else { return (url.to_owned(), None) };
    (format!("{scheme}://{name}@{host}{path}"), Some(decoded(password)))
}

/// Percent-decodes; what is no valid escape stays.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| *first == b'%');
        let value = escape.and_then(|hex| std::str::from_utf8(hex).ok());
        match value.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_argument_of_a_program() {
        let url = "postgres://stoa:a%40b:c@db.example:5432/mall?sslmode=require";
        let (address, password) = without_password(url);
        assert_eq!(address, "postgres://stoa@db.example:5432/mall?sslmode=require");
        assert_eq!(password.as_deref(), Some("a@b:c"));
        for plain in ["postgres://stoa@db/mall", "postgres://db", "mall"] {
            assert_eq!(without_password(plain), (plain.to_owned(), None));
        }
    }

    /// What the second program was given when the first one wrote something and ended so.
    fn fed(code: u8) -> (anyhow::Result<()>, String) {
        let heard = tempfile::NamedTempFile::new().unwrap();
        let (mut from, mut to) = (Command::new("sh"), Command::new("sh"));
        from.arg("-c").arg(format!("echo 'SELECT 1;'; exit {code}"));
        to.arg("-c").arg("cat > \"$0\"").arg(heard.path());
        let done = feed(from, to, "SELECT 0;\n", |_| true);
        (done, std::fs::read_to_string(heard.path()).unwrap())
    }

    #[test]
    fn only_what_was_written_to_its_end_is_committed() {
        let (done, heard) = fed(0);
        done.unwrap();
        assert_eq!(heard, "BEGIN;\nSELECT 0;\nSELECT 1;\n\nCOMMIT;\n");
        let (done, heard) = fed(1);
        assert!(done.is_err() && !heard.contains("COMMIT"), "{heard}");
    }
}
