//! Finding, and keeping the index: load, ask, decide, save. Who may call what is checked here. It calls no
//! other service inside a transaction.

mod categories;
mod find;
mod keep;

use inventory_api::InventoryClient;
use order_api::OrderClient;
use product_api::ProductClient;
use rpc::{ActorKind, Ctx, Fault, ServiceError as _};
use search_api::{
    Error, FindOrders, FindProducts, FlowCount, FlowUsage, OrderFigures, OrderResults, OrderStats,
    ProductResults, Rebuild, Rebuilt, RebuiltOrders, Search,
};
use shard::Database;
use tenant_api::CachedTenants;

pub use categories::Categories;

/// What sees products that are not on sale.
pub const PRODUCTS: &str = "products:read";
/// What sees orders.
pub const ORDERS: &str = "orders:read";
/// What sees flows.
pub const FLOWS: &str = "flows:read";

pub struct Service {
    pub db: Database,
    pub products: ProductClient,
    pub inventory: InventoryClient,
    pub orders: OrderClient,
    pub tenants: CachedTenants,
    pub categories: Categories,
}

impl Service {
    async fn currency(&self, ctx: &Ctx) -> Result<kit::Currency, Fault> {
        let tenant = self.tenants.get(ctx).await.map_err(tenant_api::Error::into_fault)?;
        Ok(tenant.currency)
    }
}

#[rpc::async_trait]
impl Search for Service {
    async fn find_products(&self, ctx: &Ctx, req: FindProducts) -> Result<ProductResults, Error> {
        Ok(self.products(ctx, &req).await?)
    }

    async fn find_orders(&self, ctx: &Ctx, req: FindOrders) -> Result<OrderResults, Error> {
        ctx.require(ORDERS)?;
        Ok(self.orders(ctx, &req).await?)
    }

    async fn order_stats(&self, ctx: &Ctx, req: OrderStats) -> Result<OrderFigures, Error> {
        ctx.require(ORDERS)?;
        Ok(self.figures(ctx, req).await?)
    }

    async fn flow_usage(&self, ctx: &Ctx, _req: FlowUsage) -> Result<Vec<FlowCount>, Error> {
        if !ctx.actor.may(FLOWS) {
            ctx.require(ORDERS)?;
        }
        Ok(self.running(ctx).await?)
    }

    async fn rebuild_products(&self, ctx: &Ctx, req: Rebuild) -> Result<Rebuilt, Error> {
        only_the_system(ctx)?;
        Ok(self.read_page(ctx, req.cursor).await?)
    }

    async fn rebuild_orders(&self, ctx: &Ctx, req: Rebuild) -> Result<RebuiltOrders, Error> {
        only_the_system(ctx)?;
        Ok(self.read_orders(ctx, req.cursor).await?)
    }
}

fn only_the_system(ctx: &Ctx) -> Result<(), Fault> {
    if ctx.actor.kind == ActorKind::System {
        return Ok(());
    }
    Err(Fault::new(kit::ErrorCode::Forbidden, "only the platform itself may do this"))
}
