//! `stoa tenant`: lists and adds tenants.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use kit::{Limit, Placement, TenantCode};
use tenant_api::{List, NewTenant, TenantInfo, Theme};
use types::{Locale, Texts};

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed};

const WITHIN: Duration = Duration::from_secs(10);

/// What `stoa tenant` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Lists all tenants with their hosts and placements.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Adds a tenant.
    Add(Add),
}

/// What `stoa tenant add` takes.
#[derive(Debug, clap::Args)]
pub struct Add {
    #[command(flatten)]
    data: DataArgs,
    /// Its code: 2 to 32 of a-z, 0-9 and -.
    code: TenantCode,
    /// Its name.
    #[arg(long)]
    name: String,
    /// A host that it answers to; may be given more than once.
    #[arg(long = "host", required = true)]
    hosts: Vec<String>,
    /// The currency of all its prices (ISO 4217).
    #[arg(long, default_value = "CNY")]
    currency: kit::Currency,
    /// A language of its pages; may be given more than once, the first is the default.
    #[arg(long = "locale", default_values_t = [default_locale()])]
    locales: Vec<Locale>,
    /// What shipping an order costs, in minor units.
    #[arg(long, default_value_t = 0)]
    shipping_fee: i64,
    /// Where its orders live: dbCount,tableCount,dbStart,tableStart.
    #[arg(long, default_value = "1,8,0,0")]
    placement: Placement,
    /// An order flow to publish for it; without one it cannot take orders yet.
    #[arg(long, value_name = "FILE")]
    flow: Option<PathBuf>,
}

fn default_locale() -> Locale {
    // Two letters are a locale; the fallback is never taken.
    "en".parse().unwrap_or_else(|_| unreachable!("en is a language tag"))
}

pub(super) async fn run(command: Command, out: &mut Out) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { data } => list(data, out).await,
        Command::Add(add) => run_add(add, out).await,
    }
}

async fn list(data: DataArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let tenants = Access::with(&data, all).await?;
    out.line(format!("{:<16} {:<10} {:<14} hosts", "tenant", "currency", "placement"))?;
    for tenant in &tenants {
        let placements: Vec<String> = tenant
            .placements
            .versions()
            .iter()
            .map(|v| format!("v{} {}", v.version, v.placement))
            .collect();
        out.line(format!(
            "{} {:<10} {:<14} {}",
            out.bold(&format!("{:<16}", tenant.code.as_str())),
            tenant.currency.code(),
            placements.join(" "),
            tenant.hosts.join(" ")
        ))?;
    }
    out.value(&tenants)?;
    Ok(ExitCode::SUCCESS)
}

async fn all(access: &Access) -> anyhow::Result<Vec<TenantInfo>> {
    let mut tenants: Vec<TenantInfo> = Vec::new();
    let mut cursor = None;
    loop {
        let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
        let request = List { cursor, limit: Limit::new(Limit::MAX)? };
        let page = access.tenant.list(&ctx, request).await.map_err(failed)?;
        tenants.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(tenants),
        }
    }
}

async fn run_add(add: Add, out: &mut Out) -> anyhow::Result<ExitCode> {
    let flow = match &add.flow {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?,
        ),
        None => None,
    };
    let locale = add.locales.first().cloned().unwrap_or_else(default_locale);
    let request = NewTenant {
        code: add.code.clone(),
        name: Texts::one(locale, add.name),
        hosts: add.hosts,
        currency: add.currency,
        locales: add.locales,
        theme: Theme {
            primary: "#1f6f54".to_owned(),
            accent: "#c8553d".to_owned(),
            background: "#ffffff".to_owned(),
            ..Theme::default()
        },
        shipping_fee: add.shipping_fee,
        placement: add.placement,
    };
    let work = async |access: &Access| {
        let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
        let added = access.tenant.add(&ctx, request).await.map_err(failed)?;
        if let Some(document) = flow {
            let ctx = access.ctx(add.code.clone(), WITHIN)?;
            let request = order_api::PublishFlow { document, dry_run: false };
            access.order.publish_flow(&ctx, request).await.map_err(failed)?;
        }
        Ok(added)
    };
    let added = Access::with(&add.data, work).await?;
    out.line(format!("{} tenant {} was added", out.good("✓"), added.tenant.code))?;
    for overlap in &added.overlaps {
        out.line(format!(
            "  note: shares {} cells with {}; allowed, their rows are kept apart by tenant",
            overlap.cells.len(),
            overlap.with
        ))?;
    }
    out.value(&added)?;
    Ok(ExitCode::SUCCESS)
}
