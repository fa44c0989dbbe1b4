//! Implements the trait: one file per group of operations. Load, decide (model), save with the outbox,
//! commit. This is also the seam where strong transactions will come: reserve, insert, bind.

mod act;
mod drain;
mod fence;
mod flows;
mod locate;
mod place;
mod read;
mod scan;
mod tell;

use std::sync::Arc;

use cart_api::CartClient;
use flow::{CheckedFlow, Registry};
use inventory_api::InventoryClient;
use kit::Page;
use member_api::MemberClient;
use order_api::{
    Act, BeginShipping, Brief, CellCount, Cells, CellsSince, Drain, Drained, Error, FlowDocument,
    FlowInfo, Get, GetFlow, HistoryEntry, List, ListFlows, Mint, Order, OrderBrief, OrderMessage,
    OrderSummary, OrderView, Place, PublishFlow, Quote, QuoteLines, Scan,
};
use outbox::{Idempotency, Outbox};
use product_api::ProductClient;
use rpc::{ActorKind, Ctx, Fault};
use shard::{Database, Ids};
use tenant_api::growth::SKEW_MAX;
use tenant_api::{CachedTenants, TenantInfo};
use types::{Locale, OrderId};

use crate::Options;
use crate::store::OrderRow;

/// How often the place of an order is chosen before its buyer is asked to try again.
const MINT_TRIES: usize = 3;

/// The service.
pub struct Service {
    pub(crate) db: Database,
    pub(crate) ids: Ids,
    pub(crate) outbox: Outbox,
    pub(crate) runner: flow::Runner,
    pub(crate) idempotency: Idempotency,
    pub(crate) flows: Registry,
    pub(crate) tenants: CachedTenants,
    pub(crate) products: ProductClient,
    pub(crate) inventory: InventoryClient,
    pub(crate) carts: CartClient,
    pub(crate) members: MemberClient,
    pub(crate) options: Options,
}

impl Service {
    pub(crate) async fn tenant(&self, ctx: &Ctx) -> Result<Arc<TenantInfo>, Fault> {
        self.tenants.get(ctx).await.map_err(rpc::ServiceError::into_fault)
    }

    /// The flow version that an order began with.
    pub(crate) async fn flow_of(
        &self,
        ctx: &Ctx,
        order: &OrderRow,
    ) -> Result<Arc<CheckedFlow>, Fault> {
        self.flows.get(ctx, crate::model::ORDER_FLOW, order.flow_version).await
    }

    /// An order's place, if this service can have it at all: ids come from clients, and cells from other
    /// processes, too.
    pub(crate) async fn route(&self, ctx: &Ctx, id: OrderId) -> Result<shard::Route, Fault> {
        if self.db.find_cell(ctx, id.place()).await? {
            Ok(id.place().into())
        } else {
            Err(Fault::not_found("this order"))
        }
    }
}

pub(crate) fn default_locale(tenant: &TenantInfo) -> Result<Locale, Fault> {
    let first = tenant.locales.first().cloned();
    first.ok_or_else(|| Fault::bug(format!("{} has no language", tenant.code)))
}

pub(crate) fn only_the_system(ctx: &Ctx) -> Result<(), Fault> {
    if ctx.actor.kind == ActorKind::System {
        return Ok(());
    }
    Err(Fault::new(kit::ErrorCode::Forbidden, "only the platform itself may do this"))
}

#[rpc::async_trait]
impl Order for Service {
    async fn mint(&self, ctx: &Ctx, req: Mint) -> Result<OrderId, Error> {
        only_the_system(ctx)?;
        let tenant = self.tenant(ctx).await?;
        // By the time in its id it is known of which version of the placement its place is. Whoever was held
        // up in between, say by cells that are just being made, chooses anew.
        for _ in 0..MINT_TRIES {
            let chosen_at = self.db.clock().now();
            let home = tenant.placements.home(req.member_id.get(), chosen_at);
            self.open(home).await?;
            let id = self.ids.mint(ctx, home).await?;
            if id.made_at() <= chosen_at.plus(SKEW_MAX) {
                return Ok(OrderId(id));
            }
        }
        let text = "it takes too long to begin an order right now; try again";
        Err(Fault::new(kit::ErrorCode::Unavailable, text).into())
    }

    async fn quote(&self, ctx: &Ctx, req: QuoteLines) -> Result<Quote, Error> {
        self.quote_lines(ctx, &req.lines, req.channel).await
    }

    async fn place(&self, ctx: &Ctx, req: Place) -> Result<OrderView, Error> {
        self.place_order(ctx, req).await
    }

    async fn get(&self, ctx: &Ctx, req: Get) -> Result<OrderView, Error> {
        self.get_order(ctx, req.order_id).await
    }

    async fn brief(&self, ctx: &Ctx, req: Brief) -> Result<Vec<OrderBrief>, Error> {
        self.briefs(ctx, req).await
    }

    async fn settle(&self, ctx: &Ctx, req: Brief) -> Result<Vec<OrderBrief>, Error> {
        self.settled(ctx, req).await
    }

    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<OrderSummary>, Error> {
        self.list_orders(ctx, req).await
    }

    async fn scan(&self, ctx: &Ctx, req: Scan) -> Result<Page<OrderMessage>, Error> {
        self.scan_orders(ctx, req).await
    }

    async fn act(&self, ctx: &Ctx, req: Act) -> Result<OrderView, Error> {
        self.act_on(ctx, req).await
    }

    async fn begin_shipping(&self, ctx: &Ctx, req: BeginShipping) -> Result<OrderBrief, Error> {
        self.begin_shipping_of(ctx, req.order_id).await
    }

    async fn history(&self, ctx: &Ctx, req: Get) -> Result<Vec<HistoryEntry>, Error> {
        self.history_of(ctx, req.order_id).await
    }

    async fn cells(&self, ctx: &Ctx, _req: Cells) -> Result<Vec<CellCount>, Error> {
        self.count_cells(ctx, None).await
    }

    async fn cells_since(&self, ctx: &Ctx, req: CellsSince) -> Result<Vec<CellCount>, Error> {
        self.count_cells(ctx, Some(req.made_from)).await
    }

    async fn drain(&self, ctx: &Ctx, req: Drain) -> Result<Drained, Error> {
        self.drain_cell(ctx, req).await
    }

    async fn list_flows(&self, ctx: &Ctx, _req: ListFlows) -> Result<Vec<FlowInfo>, Error> {
        self.published_flows(ctx).await
    }

    async fn get_flow(&self, ctx: &Ctx, req: GetFlow) -> Result<FlowDocument, Error> {
        self.published_flow(ctx, req).await
    }

    async fn publish_flow(&self, ctx: &Ctx, req: PublishFlow) -> Result<FlowInfo, Error> {
        self.publish(ctx, req).await
    }
}
