//! `stoa shard drain`: moves the orders of older versions of a placement to the cells of the one in effect,
//! and shows how far it is.

use std::process::ExitCode;
use std::time::Duration;

use kit::{Clock as _, Place, SystemClock, TenantCode};
use order_api::Drained;
use rpc::Ctx;

use crate::access::Access;
use crate::commands::{DataArgs, Out};
use crate::growth::{BeginDrain, DrainBegun, DrainSome, EndDrain, Standing};

/// Marking, moving some orders and closing take less; whatever is cut off goes on where it was.
const WITHIN: Duration = Duration::from_secs(120);
/// How long to rest when all that is left waits for its messages, and how often.
const REST: Duration = Duration::from_secs(1);
const RESTS_MAX: u32 = 60;

pub(super) const EXAMPLES: &str = "\
After `stoa shard grow` members' lists look into a cell per version. Draining moves the orders of the older
versions, so that each list looks into one cell again. It is not needed for anything else. The shop stays
open: an order is marked for the moment in which it is copied, compared by checksum and left behind, and
order numbers stay good for ever, because its old cell keeps where it went. Checkouts that began before the
growth begin anew. When the command dies at whatever step, repeat it: it goes on. Orders that it had marked
wait for that, so do repeat it.

Do not rebuild the search index meanwhile, and do not take away the old databases afterwards: payments and
parcels of those orders stay there, and so does where the orders went.

Examples:
  stoa shard drain outlet
  stoa shard status outlet";

pub(super) async fn run(
    tenant: &TenantCode,
    data: &DataArgs,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let work = async |access: &Access| drain(access, tenant, out).await;
    let (moved, standing) = Access::with(data, work).await?;
    let text = format!("{moved} orders have moved; lists of {tenant} look into one cell");
    out.line(format!("{} {text}", out.good("✓")))?;
    out.value(&serde_json::json!({ "moved": moved, "standing": standing }))?;
    Ok(ExitCode::SUCCESS)
}

async fn drain(
    access: &Access,
    tenant: &TenantCode,
    out: &mut Out,
) -> anyhow::Result<(u64, Standing)> {
    let begin = async |ctx: &Ctx| access.growth.begin_drain(ctx, BeginDrain {}).await;
    let begun = access.patiently(tenant, WITHIN, begin).await?;
    let moved = if begun.older.is_empty() {
        out.line(format!("all orders of {tenant} lie by version {} already", begun.version))?;
        0
    } else {
        wait(&begun, out).await?;
        all_cells(access, &begun, out).await?
    };
    let end = async |ctx: &Ctx| access.growth.end_drain(ctx, EndDrain {}).await;
    let standing = access.patiently(tenant, WITHIN, end).await?;
    Ok((moved, standing))
}

/// Until every process knows that the older versions are read-only.
async fn wait(begun: &DrainBegun, out: &mut Out) -> anyhow::Result<()> {
    out.line(format!(
        "versions {:?} take no new orders; moving the orders of {} cells to version {}",
        begun.older,
        begun.cells.len(),
        begun.version
    ))?;
    let left = begun.ready_at.since(SystemClock.now());
    if !left.is_zero() {
        out.line(format!("beginning in {} s, when every process knows", left.as_secs() + 1))?;
        tokio::time::sleep(left).await;
    }
    Ok(())
}

async fn all_cells(access: &Access, begun: &DrainBegun, out: &mut Out) -> anyhow::Result<u64> {
    let (mut open, mut moved, mut rests) = (begun.cells.clone(), 0, 0);
    loop {
        let (mut left, mut waiting) = (Vec::new(), 0);
        for cell in open {
            let drained = one_cell(access, begun, cell).await?;
            out.line(format!("cell {cell}: {} orders have left", drained.moved))?;
            if drained.done {
                moved += drained.moved;
            } else {
                left.push(cell);
                waiting += drained.waiting;
            }
        }
        if left.is_empty() {
            return Ok(moved);
        }
        open = left;
        rests += 1;
        anyhow::ensure!(
            rests <= RESTS_MAX,
            "{waiting} orders wait for messages that are not delivered: see `stoa outbox list --service \
             order`, and drain again"
        );
        out.line(format!("{waiting} orders wait until messages about them are delivered"))?;
        tokio::time::sleep(REST).await;
    }
}

/// One pass over a cell.
async fn one_cell(access: &Access, begun: &DrainBegun, cell: Place) -> anyhow::Result<Drained> {
    loop {
        let some = async |ctx: &Ctx| access.growth.drain_some(ctx, DrainSome { cell }).await;
        let drained = access.patiently(&begun.tenant, WITHIN, some).await?;
        if drained.done || drained.pass_over {
            return Ok(drained);
        }
    }
}
