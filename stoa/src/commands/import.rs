//! `stoa import`: checks a product file whole, then applies it batch by batch. A run that was cut off
//! goes on where it stopped when the same file is given again.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kit::TenantCode;
use product_api::feed::{self, Report, Settings};
use product_api::{BeginImport, CheckImport, GetImport, ImportBatch, ImportStatus};
use tenant_api::TenantInfo;

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed};

const WITHIN: Duration = Duration::from_secs(60);
/// How often and how many times to look whether the stock of an import has arrived.
const STOCK_PAUSE: Duration = Duration::from_millis(100);
const STOCK_LOOKS: u32 = 50;

/// What `stoa import` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, in the Shopify product CSV format. Prices are in the tenant's currency.
    file: PathBuf,
    /// Into which tenant's catalogue.
    #[arg(long)]
    tenant: TenantCode,
    /// Imports the products without mistakes instead of nothing when some have mistakes.
    #[arg(long)]
    skip_bad_rows: bool,
    /// Only checks the file.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let size = std::fs::metadata(&args.file)
        .with_context(|| format!("{} cannot be read", args.file.display()))?
        .len();
    Access::with(&args.data, async |access: &Access| import(access, &args, size, out).await).await
}

async fn import(
    access: &Access,
    args: &Args,
    size: u64,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let ctx = access.ctx(args.tenant.clone(), WITHIN)?;
    let tenant = access.tenant.get(&ctx, tenant_api::Get {}).await.map_err(failed)?;
    let settings = settings(&tenant)?;
    let report = check(&args.file, size, &settings)?;
    print(&report, &args.file, out)?;
    let refused = report.fatal || !(report.is_clean() || args.skip_bad_rows);
    if refused || args.dry_run {
        if refused && !report.fatal {
            out.line("nothing was imported; mend the file, or give --skip-bad-rows")?;
        }
        return Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    if !args.skip_bad_rows && conflicts(access, args, &settings, &report, out).await? {
        out.line("nothing was imported; mend the file, or give --skip-bad-rows")?;
        return Ok(ExitCode::FAILURE);
    }
    let status = apply(access, args, &settings, &report).await?;
    let status = stock_follows(access, args, status).await?;
    out.line(format!(
        "{} {} products ({} new) with {} variants are imported into {}",
        out.good("✓"),
        status.applied - status.skipped,
        status.created,
        status.skus,
        args.tenant
    ))?;
    if status.skipped > 0 {
        out.line(format!("  {} products were passed over", status.skipped))?;
    }
    if status.stock_pending {
        out.line("  stock is still on its way; see `stoa outbox list --service product`")?;
    }
    out.value(&status)?;
    Ok(ExitCode::SUCCESS)
}

fn settings(tenant: &TenantInfo) -> anyhow::Result<Settings> {
    let locale = tenant.locales.first().cloned();
    let locale = locale.with_context(|| format!("{} has no language", tenant.code))?;
    Ok(Settings::new(tenant.currency, locale))
}

fn check(file: &Path, size: u64, settings: &Settings) -> anyhow::Result<Report> {
    let bar = bar(size, "checking", true);
    let report = feed::validate(bar.wrap_read(open(file)?), settings)?;
    bar.finish_and_clear();
    Ok(report)
}

fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(BufReader::new(opened))
}

fn print(report: &Report, file: &Path, out: &mut Out) -> anyhow::Result<()> {
    for problem in report.errors.kept() {
        out.line(format!("{} {problem}", out.bad("✗")))?;
    }
    let hidden = report.errors.count() - report.errors.kept().len() as u64;
    if hidden > 0 {
        out.line(format!("… and {hidden} more mistakes"))?;
    }
    for problem in report.warnings.kept() {
        out.line(format!("  note: {problem}"))?;
    }
    out.line(format!(
        "{}: {} products with {} variants and {} pictures, {} mistakes",
        file.display(),
        report.products,
        report.variants,
        report.images,
        report.errors.count()
    ))?;
    Ok(())
}

/// Asks for every batch whether the catalogue would take it, and prints why not.
async fn conflicts(
    access: &Access,
    args: &Args,
    settings: &Settings,
    report: &Report,
    out: &mut Out,
) -> anyhow::Result<bool> {
    let mut found = false;
    for batch in feed::batches(open(&args.file)?, settings, report, false)? {
        let products = batch?.products;
        let slugs: Vec<_> = products.iter().map(|p| p.product.slug.clone()).collect();
        let ctx = access.ctx(args.tenant.clone(), WITHIN)?;
        let request = CheckImport { products };
        for conflict in access.product.check_import(&ctx, request).await.map_err(failed)? {
            found = true;
            let slug = slugs.get(conflict.index as usize).map_or("?", |s| s.as_str());
            out.line(format!("{} {slug}: {}", out.bad("✗"), conflict.detail))?;
        }
    }
    Ok(found)
}

/// Waits a little for the stock, which follows by messages.
async fn stock_follows(
    access: &Access,
    args: &Args,
    mut status: ImportStatus,
) -> anyhow::Result<ImportStatus> {
    for _ in 0..STOCK_LOOKS {
        if !status.stock_pending {
            break;
        }
        tokio::time::sleep(STOCK_PAUSE).await;
        let ctx = access.ctx(args.tenant.clone(), WITHIN)?;
        let request = GetImport { id: status.id };
        status = access.product.get_import(&ctx, request).await.map_err(failed)?;
    }
    Ok(status)
}

async fn apply(
    access: &Access,
    args: &Args,
    settings: &Settings,
    report: &Report,
) -> anyhow::Result<ImportStatus> {
    let file_name = args.file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
    let file_hash = feed::hash_file(open(&args.file)?)?;
    let ctx = access.ctx(args.tenant.clone(), WITHIN)?;
    let request = BeginImport {
        file_name,
        file_hash,
        products: report.products,
        skip_conflicts: args.skip_bad_rows,
    };
    let mut status = access.product.begin_import(&ctx, request).await.map_err(failed)?;
    let bar = bar(report.products.into(), "importing", false);
    bar.set_position(status.applied.into());
    let batches = feed::batches(open(&args.file)?, settings, report, args.skip_bad_rows)?;
    for batch in batches {
        let batch = batch?;
        let end = batch.offset + u32::try_from(batch.products.len())?;
        // A batch that an earlier run applied is passed over.
        if end > status.applied {
            let ctx = access.ctx(args.tenant.clone(), WITHIN)?;
            let request =
                ImportBatch { id: status.id, offset: batch.offset, products: batch.products };
            status = access.product.apply_import(&ctx, request).await.map_err(failed)?;
        }
        bar.set_position(end.into());
    }
    bar.finish_and_clear();
    Ok(status)
}

/// A bar on a terminal, nothing elsewhere.
fn bar(length: u64, what: &'static str, bytes: bool) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let count = if bytes { "{bytes}/{total_bytes}" } else { "{pos}/{len}" };
    let template = format!("{{msg}} {{bar:40}} {count} {{eta}}");
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length), target).with_style(style).with_message(what)
}
