//! `stoa shard`: what growing a tenant to more databases would bring, doing it while the shop is open, and
//! how far it is. What is done to servers stands in files of its own.

use std::process::ExitCode;
use std::time::Duration;

use kit::{Clock as _, Placement, PlacementState, SystemClock, TenantCode};
use rpc::Ctx;
use tenant_api::growth::SKEW_MAX;

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed, shard_drain, shard_failover, shard_move};
use crate::growth::{Begin, Begun, GetStanding, Plan, PlanFor, Standing};

/// Making many cells takes its time; the cells that are made stay when a call is cut off.
const GROW_WITHIN: Duration = Duration::from_secs(120);
/// Orders are counted in one call.
const COUNT_WITHIN: Duration = rpc::ctx::DEADLINE_MAX;
/// How often a waiting command looks at the time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const PLAN_EXAMPLES: &str = "\
A placement is dbCount,tableCount,dbStart,tableStart. A member with the hash h lives in database
h / tableCount % dbCount + dbStart and table h % tableCount + tableStart.

Examples:
  stoa shard plan outlet 8,8,4,0             twice as many databases, in place: half the members stay
  stoa shard plan outlet 8,8,4,0 --json      the same for machines";

const GROW_EXAMPLES: &str = "\
No order moves, and every order number stays good for ever. New orders go to the new cells some seconds
after the command began; until then every process has read the new map, and one that has not is refused
and reads it. Members' lists look into the cells of both versions. The shop stays open all the time.
Repeating the command is harmless: it completes what is missing.

Examples:
  stoa shard plan outlet 8,8,4,0             first look at what it brings
  stoa shard grow outlet 8,8,4,0             then do it, and wait until it is in effect
  stoa shard grow outlet 8,8,4,0 --no-wait   the same without waiting
  stoa shard status outlet                   how far it is";

const STATUS_EXAMPLES: &str = "\
Examples:
  stoa shard status outlet
  stoa shard status outlet --json";

/// What `stoa shard` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Shows what a new placement would bring; changes nothing.
    #[command(after_help = PLAN_EXAMPLES)]
    Plan {
        #[command(flatten)]
        what: What,
    },
    /// Gives a tenant a new placement while its shop is open.
    #[command(after_help = GROW_EXAMPLES)]
    Grow {
        #[command(flatten)]
        what: What,
        /// Does not wait until the new version is in effect.
        #[arg(long)]
        no_wait: bool,
    },
    /// Moves the orders of older versions, so that each list looks into one cell again.
    #[command(after_help = shard_drain::EXAMPLES)]
    Drain {
        /// Whose.
        tenant: TenantCode,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Puts a replica in the place of a primary that is gone (PostgreSQL).
    Failover(shard_failover::Args),
    /// Moves a logical database to another server while the program runs (PostgreSQL).
    Move(shard_move::Args),
    /// Shows which server has which logical database, and how large they are (PostgreSQL).
    Servers(shard_move::ServersArgs),
    /// Shows the versions of a tenant's placement, their orders and the fences of the databases.
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// Whose.
        tenant: TenantCode,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// Which tenant is to live where.
#[derive(Debug, clap::Args)]
pub struct What {
    /// Whose.
    tenant: TenantCode,
    /// Where its new orders are to live: dbCount,tableCount,dbStart,tableStart.
    placement: Placement,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(command: Command, out: &mut Out) -> anyhow::Result<ExitCode> {
    match command {
        Command::Plan { what } => plan(&what, out).await,
        Command::Grow { what, no_wait } => grow(&what, no_wait, out).await,
        Command::Drain { tenant, data } => shard_drain::run(&tenant, &data, out).await,
        Command::Failover(args) => shard_failover::run(args, out).await,
        Command::Move(args) => shard_move::run(args, out).await,
        Command::Servers(args) => shard_move::servers(args, out).await,
        Command::Status { tenant, data } => status(&tenant, &data, out).await,
    }
}

async fn plan(what: &What, out: &mut Out) -> anyhow::Result<ExitCode> {
    let work = async |access: &Access| {
        let ctx = access.ctx(what.tenant.clone(), COUNT_WITHIN)?;
        access.growth.plan(&ctx, PlanFor { placement: what.placement }).await.map_err(failed)
    };
    let plan = Access::with(&what.data, work).await?;
    show_plan(&plan, out)?;
    out.value(&plan)?;
    Ok(ExitCode::SUCCESS)
}

fn show_plan(plan: &Plan, out: &mut Out) -> std::io::Result<()> {
    if plan.there_already {
        return out.line(format!(
            "{} is at {} already, by version {}; there is nothing to grow",
            plan.tenant, plan.to, plan.version
        ));
    }
    let title = format!("{}: {} to {}, version {}", plan.tenant, plan.from, plan.to, plan.version);
    out.line(out.bold(&title))?;
    let (now, then) = plan.cells;
    out.line(format!(
        "members who keep their cell  {} ({} of {})",
        plan.stays, plan.stays.of, plan.stays.all
    ))?;
    out.line(format!(
        "cells                        {now} now, {then} then, {} of them to be made",
        plan.new_cells.len()
    ))?;
    let new = plan.new_databases.iter().map(|db| format!("order_{db:02}")).collect::<Vec<_>>();
    let new = if new.is_empty() { "none".to_owned() } else { new.join(" ") };
    out.line(format!("new logical databases        {new}"))?;
    out.line(format!(
        "orders                       {} now, none of which moves; about {} lie elsewhere than in their member's new cell",
        plan.orders, plan.orders_elsewhere
    ))?;
    out.line(format!(
        "in effect                    {} s after it is published",
        plan.takes_effect_after_s
    ))?;
    out.line("")?;
    out.line(out.bold(&format!(
        "{:<10} {:>11} {:>12} {:>17} {:>20}",
        "database", "cells", "orders now", "new orders", "orders by new cell"
    )))?;
    for load in &plan.databases {
        let cells = format!("{} to {}", load.cells.0, load.cells.1);
        let new_orders = format!("{} to {}", load.new_orders.0, load.new_orders.1);
        out.line(format!(
            "order_{:02}   {cells:>11} {:>12} {new_orders:>17} {:>20}",
            load.database, load.orders, load.orders_by_new_cell
        ))?;
    }
    for overlap in &plan.overlaps {
        out.line(format!(
            "note: shares {} cells with {}; allowed, their rows are kept apart by tenant",
            overlap.cells.len(),
            overlap.with
        ))?;
    }
    for warning in &plan.warnings {
        out.line(format!("{} {warning}", out.bad("warning:")))?;
    }
    Ok(())
}

async fn grow(what: &What, no_wait: bool, out: &mut Out) -> anyhow::Result<ExitCode> {
    let begin = Begin { placement: what.placement };
    let work = async |access: &Access| {
        out.line(format!("making the cells of {} for {}", what.placement, what.tenant))?;
        let ask = async |ctx: &Ctx| access.growth.begin(ctx, begin).await;
        let begun = access.patiently(&what.tenant, GROW_WITHIN, ask).await?;
        show_begun(&begun, out)?;
        if !no_wait {
            wait(&begun, out).await?;
        }
        Ok(begun)
    };
    let begun = Access::with(&what.data, work).await?;
    if !no_wait {
        let text = format!("new orders of {} go to {}", begun.tenant, begun.placement);
        out.line(format!("{} {text}", out.good("✓")))?;
    }
    out.value(&begun)?;
    Ok(ExitCode::SUCCESS)
}

fn show_begun(begun: &Begun, out: &mut Out) -> std::io::Result<()> {
    let was = if begun.repeated { "was published before" } else { "is published" };
    out.line(format!(
        "version {} {} {was}: {} cells, fences of {} databases raised, in effect from {}",
        begun.version,
        begun.placement,
        begun.cells,
        begun.fenced.len(),
        begun.effective_from
    ))?;
    for overlap in &begun.overlaps {
        out.line(format!("  note: shares {} cells with {}", overlap.cells.len(), overlap.with))?;
    }
    Ok(())
}

/// Waits until the version is in effect by every clock. A server that the command goes through runs on this machine, by the
/// same clock.
async fn wait(begun: &Begun, out: &mut Out) -> anyhow::Result<()> {
    let mut told = None;
    loop {
        let left = begun.effective_from.plus(SKEW_MAX).since(SystemClock.now());
        if left.is_zero() {
            return Ok(());
        }
        let seconds = left.as_secs();
        if told.is_none_or(|t| seconds.abs_diff(t) >= 5) {
            out.line(format!("in effect in {} s", seconds + 1))?;
            told = Some(seconds);
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

async fn status(tenant: &TenantCode, data: &DataArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let work = async |access: &Access| {
        let ctx = access.ctx(tenant.clone(), COUNT_WITHIN)?;
        access.growth.standing(&ctx, GetStanding {}).await.map_err(failed)
    };
    let standing = Access::with(data, work).await?;
    show_standing(&standing, out)?;
    out.value(&standing)?;
    Ok(ExitCode::SUCCESS)
}

fn show_standing(standing: &Standing, out: &mut Out) -> std::io::Result<()> {
    let title = format!("{}: {} orders, at {}", standing.tenant, standing.orders, standing.now);
    out.line(out.bold(&title))?;
    for version in &standing.versions {
        let state = match version.state {
            _ if version.in_effect => out.good("in effect"),
            PlacementState::Active if version.effective_from > standing.now => {
                let left = version.effective_from.since(standing.now).as_secs() + 1;
                format!("in {left} s")
            }
            PlacementState::Draft => "draft".to_owned(),
            PlacementState::Active | PlacementState::ReadOnly => "followed".to_owned(),
            PlacementState::Retired => "retired".to_owned(),
        };
        out.line(format!(
            "version {:>2}  {:<12} {state:<10} {:>10} orders  {} of {} cells open  from {}",
            version.version,
            version.placement.to_string(),
            version.orders,
            version.cells_open,
            version.placement.len(),
            version.effective_from
        ))?;
    }
    let newest = standing.versions.last().map_or(0, |v| v.version);
    let behind = standing.fences.iter().filter(|f| f.epoch < newest && newest > 1).count();
    let raised = standing.fences.len() - behind;
    out.line(format!(
        "fences at version {newest}: {raised} of {} databases",
        standing.fences.len()
    ))?;
    if behind > 0 {
        out.line("  repeat `stoa shard grow` with the same placement to raise the others")?;
    }
    Ok(())
}
