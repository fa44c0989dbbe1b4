//! What others may see of the service `search`: finding products and orders, and the figures of lists.
//! It answers out of rows that are fed by events, so an answer may be moments old; whoever acts on one
//! asks the service that owns it.

pub mod orders;
pub mod products;

pub use orders::*;
pub use products::*;

use kit::ErrorCode;
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};

/// The most characters of a searched text.
pub const TEXT_MAX: usize = 200;

/// Finding.
#[rpc::service(name = "search")]
pub trait Search: Send + Sync + 'static {
    /// Products that match, with what the result can be narrowed by. Anyone; what is not on sale needs
    /// `products:read`.
    async fn find_products(&self, ctx: &Ctx, req: FindProducts) -> Result<ProductResults, Error>;
    /// Orders of all members, newest first. Needs `orders:read`.
    async fn find_orders(&self, ctx: &Ctx, req: FindOrders) -> Result<OrderResults, Error>;
    /// Counts and sums of the orders of some time, at most 31 days. Needs `orders:read`.
    async fn order_stats(&self, ctx: &Ctx, req: OrderStats) -> Result<OrderFigures, Error>;
    /// How many running orders stand where, by version of their flow. Needs `flows:read` or
    /// `orders:read`.
    async fn flow_usage(&self, ctx: &Ctx, req: FlowUsage) -> Result<Vec<FlowCount>, Error>;
    /// Reads a page of the catalogue and of its stock again, which repairs whatever the index has missed.
    /// Call it with the cursor of the answer until there is none. Only the system may.
    async fn rebuild_products(&self, ctx: &Ctx, req: Rebuild) -> Result<Rebuilt, Error>;
    /// Reads a page of the tenant's orders again, likewise. Only the system may.
    async fn rebuild_orders(&self, ctx: &Ctx, req: Rebuild) -> Result<RebuiltOrders, Error>;
}

/// What can go wrong: nothing but what can happen to any call.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        match self {
            Self::Fault(f) => f,
        }
    }
}
