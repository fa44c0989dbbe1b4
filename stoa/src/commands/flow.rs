//! `stoa flow`: checks documents without any data, publishes and shows them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use kit::TenantCode;
use order_api::{GetFlow, ListFlows, PublishFlow};

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed};

const WITHIN: Duration = Duration::from_secs(10);

/// What `stoa flow` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Checks a document and names every problem with its place. Exit code 1 when there is one.
    Validate {
        /// The document (JSON).
        file: PathBuf,
    },
    /// Publishes a document: new orders take it, running ones keep theirs.
    Publish {
        /// The document (JSON).
        file: PathBuf,
        /// For which tenant.
        #[arg(long)]
        tenant: TenantCode,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Shows a tenant's published versions, or the text of one.
    Show {
        /// For which tenant.
        #[arg(long)]
        tenant: TenantCode,
        /// `order` or `after_sale`: shows the active version's text.
        code: Option<String>,
        /// This version instead of the active one.
        #[arg(long, requires = "code")]
        version: Option<u32>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Prints the JSON Schema of flow documents.
    Schema,
}

pub(super) async fn run(command: Command, out: &mut Out) -> anyhow::Result<ExitCode> {
    match command {
        Command::Validate { file } => validate(&file, out),
        Command::Publish { file, tenant, data } => publish(&file, tenant, &data, out).await,
        Command::Show { tenant, code, version, data } => {
            show(tenant, code, version, &data, out).await
        }
        Command::Schema => {
            out.raw(flow::schema::SCHEMA.trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let meta = std::fs::metadata(file).with_context(|| format!("{}", file.display()))?;
    anyhow::ensure!(
        meta.len() <= flow::DOCUMENT_BYTES_MAX as u64,
        "{} is larger than {} bytes, the most a flow document may have",
        file.display(),
        flow::DOCUMENT_BYTES_MAX
    );
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn validate(file: &Path, out: &mut Out) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    let code = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|v| v.get("code").and_then(|c| c.as_str()).map(str::to_owned));
    let kind = if code.as_deref() == Some("after_sale") {
        order::after_sale_flow_kind()
    } else {
        order::order_flow_kind()
    };
    match flow::validate(&kind, &text) {
        Ok(checked) => {
            let document = checked.document();
            out.line(format!(
                "{} {}: a valid {} flow with {} statuses, {} operations and {} triggers",
                out.good("✓"),
                file.display(),
                checked.code(),
                document.statuses.len(),
                document.operations.len(),
                document.triggers.len()
            ))?;
            out.value(&serde_json::json!({ "valid": true, "problems": [] }))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                let place = if problem.pointer.is_empty() { "/" } else { &problem.pointer };
                out.line(format!("{} {place}: {}", out.bad("✗"), problem.detail))?;
            }
            out.line(format!("{} problems; the document is refused", problems.len()))?;
            out.value(&serde_json::json!({ "valid": false, "problems": problems }))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn publish(
    file: &Path,
    tenant: TenantCode,
    data: &DataArgs,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let document = read(file)?;
    let request = PublishFlow { document, dry_run: false };
    let work = async |access: &Access| {
        let ctx = access.ctx(tenant.clone(), WITHIN)?;
        access.order.publish_flow(&ctx, request).await.map_err(failed)
    };
    let flow = Access::with(data, work).await?;
    out.line(format!(
        "{} {} version {} of {tenant} is published; new orders take it",
        out.good("✓"),
        flow.code,
        flow.version
    ))?;
    out.value(&flow)?;
    Ok(ExitCode::SUCCESS)
}

async fn show(
    tenant: TenantCode,
    code: Option<String>,
    version: Option<u32>,
    data: &DataArgs,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    if let Some(code) = code {
        let work = async |access: &Access| {
            let ctx = access.ctx(tenant, WITHIN)?;
            access.order.get_flow(&ctx, GetFlow { code, version }).await.map_err(failed)
        };
        let flow = Access::with(data, work).await?;
        out.raw(&serde_json::to_string_pretty(&flow.document)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let work = async |access: &Access| {
        let ctx = access.ctx(tenant, WITHIN)?;
        access.order.list_flows(&ctx, ListFlows {}).await.map_err(failed)
    };
    let flows = Access::with(data, work).await?;
    for flow in &flows {
        let active = if flow.active { out.good("active") } else { String::new() };
        out.line(format!("{:<12} v{:<4} {} {active}", flow.code, flow.version, flow.published_at))?;
    }
    out.value(&flows)?;
    Ok(ExitCode::SUCCESS)
}
