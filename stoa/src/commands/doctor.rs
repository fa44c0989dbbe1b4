//! `stoa doctor`: whether a data folder is well: its database servers or files, its messages.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use kit::TenantCode;

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed};
use crate::operator::{Examine, Finding};

const WITHIN: Duration = Duration::from_secs(60);

/// What `stoa doctor` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.data.config.is_some() || args.data.data.is_dir(),
        "{} is no folder; give the data folder with --data",
        args.data.data.display()
    );
    let access = Access::open(&args.data).await.context(
        "the platform cannot be opened; the cause follows. A database server that does not answer must run, \
         and the settings must name it",
    )?;
    let findings = examine(&access).await;
    access.close().await;
    let findings = findings?;
    for finding in &findings {
        let mark = if finding.ok { out.good("✓") } else { out.bad("✗") };
        out.line(format!("{mark} {}: {}", finding.what, finding.detail))?;
    }
    out.value(&findings)?;
    let ill = findings.iter().filter(|f| !f.ok).count();
    if ill == 0 {
        out.line("all is well")?;
        return Ok(ExitCode::SUCCESS);
    }
    out.line(format!("{ill} findings; dead messages: see `stoa outbox list --state dead`"))?;
    Ok(ExitCode::FAILURE)
}

async fn examine(access: &Access) -> anyhow::Result<Vec<Finding>> {
    let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
    access.operator.examine(&ctx, Examine {}).await.map_err(failed)
}
