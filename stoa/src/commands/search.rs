//! `stoa search`: repairs what lists find.

use std::process::ExitCode;
use std::time::Duration;

use kit::TenantCode;
use search_api::Rebuild;

use crate::access::Access;
use crate::commands::{DataArgs, Out, failed};

/// How long a page of the catalogue or of orders may take.
const PAGE_WITHIN: Duration = Duration::from_secs(60);

/// What `stoa search` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Reads all products of a tenant, their stock and all orders again, while the shop goes on. Nothing has
    /// to be rebuilt in daily life: the index follows the messages of the catalogue and of orders. It takes
    /// about a minute per 10,000 products.
    Rebuild {
        /// Whose products and orders.
        #[arg(long)]
        tenant: TenantCode,
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(super) async fn run(command: Command, out: &mut Out) -> anyhow::Result<ExitCode> {
    match command {
        Command::Rebuild { tenant, data } => rebuild(tenant, &data, out).await,
    }
}

async fn rebuild(tenant: TenantCode, data: &DataArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let work = async |access: &Access| read_all(access, &tenant, out).await;
    let (products, orders) = Access::with(data, work).await?;
    out.line(format!("all {products} products and {orders} orders of {tenant} were read"))?;
    let read = serde_json::json!({ "tenant": tenant, "products": products, "orders": orders });
    out.value(&read)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads all products and orders again; how many there are.
async fn read_all(
    access: &Access,
    tenant: &TenantCode,
    out: &mut Out,
) -> anyhow::Result<(u64, u64)> {
    // A tenant that does not exist has no products either; say what is wrong.
    let ctx = access.ctx(tenant.clone(), PAGE_WITHIN)?;
    access.tenant.get(&ctx, tenant_api::Get {}).await.map_err(failed)?;
    let (mut products, mut cursor) = (0_u64, None);
    loop {
        let ctx = access.ctx(tenant.clone(), PAGE_WITHIN)?;
        let page = access.search.rebuild_products(&ctx, Rebuild { cursor }).await;
        let page = page.map_err(failed)?;
        products += u64::from(page.products);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        out.line(format!("{products} products"))?;
    }
    let mut orders = 0_u64;
    loop {
        let ctx = access.ctx(tenant.clone(), PAGE_WITHIN)?;
        let page = access.search.rebuild_orders(&ctx, Rebuild { cursor }).await;
        let page = page.map_err(failed)?;
        orders += u64::from(page.orders);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        out.line(format!("{orders} orders"))?;
    }
    Ok((products, orders))
}
