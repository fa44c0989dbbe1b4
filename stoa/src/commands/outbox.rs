//! `stoa outbox`: the messages between services, and trying dead ones again.

use std::process::ExitCode;
use std::time::Duration;

use kit::{Limit, TenantCode};

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed};
use crate::operator::{ListMessages, RetryMessages};

const WITHIN: Duration = Duration::from_secs(30);

/// What `stoa outbox` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Lists messages, the longest due first.
    List {
        /// Only in this state: pending, done, dead or undecided.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        which: Which,
        /// How many per service at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Tries all dead messages again, or those of a service, tenant or topic.
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// Which messages.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only of this service, such as order.
    #[arg(long)]
    service: Option<String>,
    /// Only of this tenant.
    #[arg(long)]
    tenant: Option<TenantCode>,
    /// Only of this topic, such as order.paid.
    #[arg(long)]
    topic: Option<String>,
}

pub(super) async fn run(command: Command, out: &mut Out) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { state, which, limit, data } => list(state, which, limit, &data, out).await,
        Command::Retry { which, data } => retry(which, &data, out).await,
    }
}

async fn list(
    state: Option<String>,
    which: Which,
    limit: u32,
    data: &DataArgs,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let limit = Limit::new(limit)?;
    let Which { service, tenant, topic } = which;
    let request = ListMessages { service, state, tenant, topic, cursor: None, limit };
    let work = async |access: &Access| {
        let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
        access.operator.messages(&ctx, request).await.map_err(failed)
    };
    let page = Access::with(data, work).await?;
    if page.items.is_empty() {
        out.line("no messages")?;
    }
    for message in &page.items {
        let state = match message.state.as_str() {
            "dead" => out.bad("dead     "),
            other => format!("{other:<9}"),
        };
        out.line(format!(
            "{state} {:<12} {:<10} {:<28} tried {}  {}",
            message.database,
            message.tenant.as_str(),
            message.topic,
            message.attempts,
            message.id
        ))?;
        if let Some(error) = &message.last_error {
            out.line(format!("          {error}"))?;
        }
    }
    out.value(&page)?;
    Ok(ExitCode::SUCCESS)
}

async fn retry(which: Which, data: &DataArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let Which { service, tenant, topic } = which;
    let request = RetryMessages { service, tenant, topic };
    let work = async |access: &Access| {
        let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
        access.operator.retry(&ctx, request).await.map_err(failed)
    };
    let retried = Access::with(data, work).await?;
    out.line(format!("{retried} dead messages are tried again"))?;
    out.value(&serde_json::json!({ "retried": retried }))?;
    Ok(ExitCode::SUCCESS)
}
