//! `stoa shard failover`: a replica takes the place of a primary that is gone, while the program runs.

use std::process::ExitCode;
use std::time::Duration;

use kit::TenantCode;
use rpc::Ctx;

use crate::access::Access;
use crate::commands::{DataArgs, Out};
use crate::operator::FailOver;
use crate::options::Settings;

/// A replica replays what it has got before it is a primary.
const WITHIN: Duration = Duration::from_secs(100);

pub(super) const HELP: &str = "\
For when the primary of a PostgreSQL server is lost. The replica that has got the most of its log is promoted:
with synchronous replication it has every confirmed order. Then the running program writes there. Requests that
need the server fail with 503 until then, and go on by themselves afterwards.

It refuses while the old primary answers. One that is only unreachable from here must be shut off first, so that
it cannot take writes any more. It also refuses while a replica does not answer, which may have confirmed orders
that the others lack; --without names those that are lost for good. On MySQL there are no replicas.

Examples:
  stoa shard failover a                     the server that the settings call `a`
  stoa shard failover a --without db3:5432  the replica on db3 is lost as well
  stoa shard failover main --config stoa.toml
                                            where the data folder is named by the settings";

/// What `stoa shard failover` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The server, as `[[storage.server]]` names it.
    server: String,
    /// Go on although this replica, by host and port, does not answer: commits that it alone has are lost
    #[arg(long, value_name = "HOST:PORT")]
    without: Vec<String>,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let folder = match &args.data.config {
        Some(file) => Settings::load(Some(file.clone()))?.server.data,
        None => args.data.data.clone(),
    };
    let Some(access) = Access::to_server(&folder).await? else {
        anyhow::bail!(
            "no program runs on {}, so there is nobody to switch over; promote the replica \
             (SELECT pg_promote()), name it as the url of the server in the settings, and start",
            folder.display()
        );
    };
    out.line(format!("promoting a replica of {} and switching over ...", args.server))?;
    let request = FailOver { server: args.server, without: args.without };
    let ask = async |ctx: &Ctx| access.operator.fail_over(ctx, request.clone()).await;
    let done = access.patiently(&TenantCode::platform(), WITHIN, ask).await;
    access.close().await;
    let done = done?;
    out.value(&done)?;
    let (good, server, primary) = (out.good("✓"), &done.server, out.bold(&done.primary));
    out.line(format!(
        "{good} {primary} is the primary of {server} now, and takes writes; it took {} ms",
        done.took_ms
    ))?;
    out.line("next:")?;
    out.line(format!(
        "  - before the next start: put {primary} as the url of [[storage.server]] `{server}` into the settings"
    ))?;
    out.line("  - the old primary must not come back as one: rebuild it as a replica (pg_rewind or pg_basebackup)")?;
    if !done.others.is_empty() {
        let others = done.others.join(", ");
        out.line(format!("  - {others} still follow the old primary: let them follow {primary}"))?;
    }
    out.line("  - until a replica is synchronous again, a commit is on one machine only")?;
    Ok(ExitCode::SUCCESS)
}
