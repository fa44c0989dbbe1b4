//! `stoa shard move` and `stoa shard servers`: a logical database goes to another server while the program runs,
//! and which server has which.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kit::SystemClock;
use serde::Serialize;
use shard::Backend;
use shard::moving::{Location, MoveEnd, Moved, Mover, Plan, Progress, Stand, Step, locate};

use crate::commands::{DataArgs, Out};
use crate::engine::Note;
use crate::options::Settings;
use crate::platform::Databases;

/// So many rows a second are compared by a small machine on two servers; for an estimate only.
const COMPARED_PER_SECOND: u64 = 100_000;

pub(super) const HELP: &str = "\
For when a PostgreSQL server is full or busy: one logical database goes to another server of the settings, while
the shops are open. Ids stay as they are, and the other databases are not touched. Name both servers in the
settings of every process first ([[storage.server]]), and restart those that do not know them; the directory
stays as it is until the move is done.

It copies while the old place is written to. Then writes to this one database are refused (503, with Retry-After)
while what has changed is found by checksums and copied; reads go on. When all is equal, it switches: the old
place keeps a note of where the database is, and processes that do not know yet read it and go on there. --plan
tells for how long that is about.

Cut off anywhere, the same command goes on. To the server that has it, a move that was begun is taken back. What
was left at the old place takes up room until --drop-old.

Examples:
  stoa shard servers --config stoa.toml             which server has which database
  stoa shard move order_04 --to b --plan            what moving it would bring; changes nothing
  stoa shard move order_04 --to b                   does it
  stoa shard move order_04 --to b --drop-old        the same, and drops what is left at old places
  stoa shard move inventory --to a                  back, or takes back a move away from a";

const SERVERS_EXAMPLES: &str = "\
Examples:
  stoa shard servers --config stoa.toml
  stoa shard servers --config stoa.toml --json";

/// What `stoa shard move` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The logical database: order_00 to order_31, payment_00 .., fulfillment_00 .., or a service's, such as
    /// inventory
    #[arg(value_name = "DATABASE")]
    database: String,
    /// The server that it is to go to, as `[[storage.server]]` names it
    #[arg(long, value_name = "SERVER")]
    to: String,
    /// Only tells what it would bring
    #[arg(long, conflicts_with = "drop_old")]
    plan: bool,
    /// Afterwards drops what it has left at old places, for good
    #[arg(long)]
    drop_old: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// What `stoa shard servers` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = SERVERS_EXAMPLES)]
pub struct ServersArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Serialize)]
struct PlanReport<'a> {
    database: &'a str,
    at: &'a str,
    to: &'a str,
    stand: &'a str,
    towards: Option<&'a str>,
    tables: usize,
    rows: u64,
    bytes: u64,
    writes_refused_for_about_s: u64,
}

#[derive(Serialize)]
struct MoveReport<'a> {
    database: &'a str,
    from: &'a str,
    to: &'a str,
    end: &'a str,
    rows: u64,
    rows_late: u64,
    writes_refused_ms: u128,
    dropped_on: Vec<String>,
}

#[derive(Serialize)]
struct LocationReport<'a> {
    database: &'a str,
    server: &'a str,
    settings: Option<&'a str>,
    stand: &'a str,
    towards: Option<&'a str>,
    bytes: u64,
    left_on: &'a [String],
}

/// A stand for machines: in a word, and where it is to go.
fn words(stand: &Stand) -> (&'static str, Option<&str>) {
    match stand {
        Stand::Settled => ("settled", None),
        Stand::Copying(to) => ("copying", Some(to)),
        Stand::Fenced(to) => ("fenced", Some(to)),
        Stand::OnTheWay(to) => ("on_the_way", Some(to)),
    }
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let (schema, number) = Databases::schema_of(&args.database).with_context(|| {
        format!(
            "there is no database `{}`; there are order_00 to order_31, payment_00 to payment_31, fulfillment_00 to \
             fulfillment_31, and {}",
            args.database,
            Databases::names_of_whole().join(", ")
        )
    })?;
    let mover = Mover::new(&backend(&args.data)?, schema, number, Arc::new(SystemClock))?;
    if args.plan {
        let plan = mover.plan(&args.to).await?;
        show_plan(&plan, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let bar = bar(out);
    let shown = bar.clone();
    let mut watch = move |progress: &Progress| {
        show(&shown, progress);
        true
    };
    let moved = mover.run(&args.to, &mut watch).await;
    bar.finish_and_clear();
    let moved = moved?;
    let dropped = if args.drop_old { mover.drop_left().await? } else { Vec::new() };
    tell(&moved, &dropped, args.drop_old, out)?;
    let end = match moved.end {
        MoveEnd::Moved => "moved",
        MoveEnd::WasThere => "was_there",
        MoveEnd::TakenBack => "taken_back",
    };
    out.value(&MoveReport {
        database: &moved.database,
        from: &moved.from,
        to: &moved.to,
        end,
        rows: moved.rows,
        rows_late: moved.rows_late,
        writes_refused_ms: moved.refused.as_millis(),
        dropped_on: dropped,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Where the databases are by the settings; it needs no folder, and no program that runs.
fn backend(at: &DataArgs) -> anyhow::Result<Backend> {
    if let Some(file) = &at.config {
        return Ok(Settings::load(Some(file.clone()))?.platform().shards.backend);
    }
    if Note::of(&at.data)?.is_some() {
        bail!(
            "the databases of {} are on servers; name the settings of `stoa serve` with --config (or STOA_CONFIG), \
             which say what servers there are",
            at.data.display()
        );
    }
    Ok(Backend::Embedded)
}

fn show_plan(plan: &Plan, out: &mut Out) -> anyhow::Result<()> {
    let Plan { database, at, to, stand, tables, rows, bytes } = plan;
    let seconds = rows / COMPARED_PER_SECOND + 1;
    let (word, towards) = words(stand);
    let title = format!("{database}: from {at} to {to}");
    out.line(out.bold(&title))?;
    out.line(format!("tables          {tables}"))?;
    out.line(format!("rows            {rows}"))?;
    out.line(format!("size            {} with indexes", HumanBytes(*bytes)))?;
    match stand {
        Stand::Settled if at == to => {
            out.line("it is there already; there is nothing to move")?;
        }
        Stand::Settled => {
            out.line(format!("writes refused  for about {seconds} s; reads go on"))?;
        }
        Stand::Copying(next) => {
            out.line(format!("a move to {next} was begun; --to {next} goes on, --to {at} takes it back"))?;
        }
        Stand::Fenced(next) => out.line(format!(
            "{} a move to {next} was cut off, and writes are refused until --to {next} completes it or --to {at} \
             takes it back",
            out.bad("attention:")
        ))?,
        Stand::OnTheWay(next) => out.line(format!(
            "{} it has left {at} and nobody can use it until --to {next} completes the move",
            out.bad("attention:")
        ))?,
    }
    out.value(&PlanReport {
        database,
        at,
        to,
        stand: word,
        towards,
        tables: *tables,
        rows: *rows,
        bytes: *bytes,
        writes_refused_for_about_s: seconds,
    })
}

fn tell(moved: &Moved, dropped: &[String], drop_old: bool, out: &mut Out) -> anyhow::Result<()> {
    let Moved { database, from, to, end, rows, rows_late, refused } = moved;
    let good = out.good("✓");
    let to_bold = out.bold(to);
    match end {
        MoveEnd::WasThere => out.line(format!("{good} {database} is on {to_bold} already"))?,
        MoveEnd::TakenBack => {
            out.line(format!(
                "{good} the move to {from} is taken back; {database} is on {to_bold}"
            ))?;
        }
        MoveEnd::Moved if *rows == 0 && refused.is_zero() => {
            out.line(format!(
                "{good} {database} is on {to_bold} now; the move that was cut off is completed"
            ))?;
        }
        MoveEnd::Moved => {
            out.line(format!("{good} {database} is on {to_bold} now: {rows} rows, all compared"))?;
            let late = format!("  {rows_late} of them were copied late");
            out.line(match refused {
                &Duration::ZERO => format!("{late}, while writes were refused"),
                refused => format!("{late}; writes were refused for {} ms", refused.as_millis()),
            })?;
        }
    }
    for server in dropped {
        out.line(format!("  what was left of it on {server} is dropped"))?;
    }
    if *end != MoveEnd::Moved {
        return Ok(());
    }
    out.line("next:")?;
    out.line(format!(
        "  - put {database} = \"{to}\" under [storage.directory] of every process's settings; until then each start \
         asks the old server where it is"
    ))?;
    if !drop_old {
        out.line(format!(
            "  - what is left on {from} takes up room: stoa shard move {database} --to {to} --drop-old"
        ))?;
    }
    Ok(())
}

fn bar(out: &Out) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if out.is_json() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg:22} {bar:40} {bytes}/{total_bytes}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.bytes);
    bar.set_position(progress.bytes_done);
    let step = match progress.step {
        Step::Preparing => "making tables",
        Step::Copying => "copying",
        Step::Fencing => "waiting for writers",
        Step::Comparing => "comparing",
        Step::Leaving | Step::Arriving => "switching",
        Step::Done => "done",
    };
    bar.set_message(format!("{step} {}/{}", progress.tables_done, progress.tables));
}

pub(super) async fn servers(args: ServersArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let all = locate(&backend(&args.data)?, &Databases::names()).await?;
    let made: Vec<&Location> = all.iter().filter(|l| l.bytes.is_some()).collect();
    let title = format!("{:<16} {:<12} {:>11}", "database", "server", "size");
    out.line(out.bold(&title))?;
    for location in &made {
        let Location { database, server, settings, stand, bytes, left_on } = location;
        let size = HumanBytes(bytes.unwrap_or_default()).to_string();
        let mut notes = Vec::new();
        match stand {
            Stand::Settled => {}
            Stand::Copying(to) => notes.push(format!("is being copied to {to}")),
            Stand::Fenced(to) => {
                notes.push(out.bad(&format!("takes no writes; --to {to} completes the move")))
            }
            Stand::OnTheWay(to) => {
                notes.push(out.bad(&format!("nobody can use it; --to {to} completes the move")))
            }
        }
        notes.extend(settings.iter().map(|s| format!("the settings say {s}")));
        notes.extend(left_on.iter().map(|s| format!("an old copy is left on {s}")));
        out.line(
            format!("{database:<16} {server:<12} {size:>11}  {}", notes.join("; ")).trim_end(),
        )?;
    }
    out.value(&made.iter().map(|l| location_report(l)).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

fn location_report(location: &Location) -> LocationReport<'_> {
    let (stand, towards) = words(&location.stand);
    LocationReport {
        database: &location.database,
        server: &location.server,
        settings: location.settings.as_deref(),
        stand,
        towards,
        bytes: location.bytes.unwrap_or_default(),
        left_on: &location.left_on,
    }
}
