//! What others may see of the service `order`: quoting, placing, reading and moving orders, and the
//! events that an order's flow emits.

pub mod drain;
pub mod events;
pub mod view;

pub use drain::*;
pub use events::*;
pub use view::*;

use kit::{ErrorCode, FieldError, Money, Page};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{OrderId, SkuId};

/// Orders.
#[rpc::service(name = "order")]
pub trait Order: Send + Sync + 'static {
    /// Mints the id of an order to come, at the member's place. Only the system may.
    async fn mint(&self, ctx: &Ctx, req: Mint) -> Result<OrderId, Error>;
    /// What some lines cost now, with shipping.
    async fn quote(&self, ctx: &Ctx, req: QuoteLines) -> Result<Quote, Error>;
    /// Places the order of a checkout for the member who signed in. Repeating it gives the same order.
    async fn place(&self, ctx: &Ctx, req: Place) -> Result<OrderView, Error>;
    /// One order: of the member who signed in, or any for `orders:read`.
    async fn get(&self, ctx: &Ctx, req: Get) -> Result<OrderView, Error>;
    /// How some orders stand; unknown ones are left out. Only the system may.
    async fn brief(&self, ctx: &Ctx, req: Brief) -> Result<Vec<OrderBrief>, Error>;
    /// The same, and finally: an order that is not among the answer does not exist and never will, so
    /// whoever holds something for it may let go. Only the system may.
    async fn settle(&self, ctx: &Ctx, req: Brief) -> Result<Vec<OrderBrief>, Error>;
    /// A member's orders, newest first: one's own, or anybody's for `orders:read`.
    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<OrderSummary>, Error>;
    /// All orders of the tenant as messages would tell of them now, in no order that means anything: for
    /// services that keep rows about orders and have to read them again. Of an order that is changed
    /// meanwhile a message comes as well; the higher version is right. Only the system may.
    async fn scan(&self, ctx: &Ctx, req: Scan) -> Result<Page<OrderMessage>, Error>;
    /// Moves an order along its flow: a buyer his own, staff with `orders:operate` or the permission the
    /// flow names, the system anything it may by the flow.
    async fn act(&self, ctx: &Ctx, req: Act) -> Result<OrderView, Error>;
    /// Asked before a parcel is written down: when the order's flow has the operation `begin_shipping`, the
    /// order takes that step first, so that it cannot be cancelled any more. The answer's `shippable` says
    /// whether the parcel may leave. Repeating it changes nothing. Needs `fulfillment:ship`.
    async fn begin_shipping(&self, ctx: &Ctx, req: BeginShipping) -> Result<OrderBrief, Error>;
    /// How an order came to stand where it does.
    async fn history(&self, ctx: &Ctx, req: Get) -> Result<Vec<HistoryEntry>, Error>;
    /// Where the orders of the tenant lie: cells with their counts. Needs `orders:read`.
    async fn cells(&self, ctx: &Ctx, req: Cells) -> Result<Vec<CellCount>, Error>;
    /// The same of those orders only whose ids were minted at a time or later. Needs `orders:read`.
    async fn cells_since(&self, ctx: &Ctx, req: CellsSince) -> Result<Vec<CellCount>, Error>;
    /// Moves some orders out of a cell, to where their members live by the version of the placement in effect.
    /// To be asked again until it is done. Only the system may.
    async fn drain(&self, ctx: &Ctx, req: Drain) -> Result<Drained, Error>;
    /// The published flows of the tenant. Needs `flows:read`.
    async fn list_flows(&self, ctx: &Ctx, req: ListFlows) -> Result<Vec<FlowInfo>, Error>;
    /// One published flow. Needs `flows:read`.
    async fn get_flow(&self, ctx: &Ctx, req: GetFlow) -> Result<FlowDocument, Error>;
    /// Checks a flow document, and publishes it unless `dry_run`: new orders take it, running ones keep
    /// theirs. Needs `flows:publish`.
    async fn publish_flow(&self, ctx: &Ctx, req: PublishFlow) -> Result<FlowInfo, Error>;
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// Some skus are not there in the wanted number; nothing was ordered.
    #[error("sold out")]
    SoldOut(Vec<SoldOut>),
    /// A sku is no longer on sale.
    #[error("a product of this order is not on sale")]
    NotSellable(Vec<SkuId>),
    /// The total is not what the buyer saw.
    #[error("the price has changed; it is {} now", .0.total)]
    PriceChanged(Box<Quote>),
    /// The checkout is not the cart's, or the cart is empty.
    #[error("this checkout is over; begin a new one")]
    CheckoutOver,
    /// Too many unpaid orders.
    #[error("you have {0} unpaid orders; pay or cancel one first")]
    TooManyUnpaid(u32),
    /// The flow does not allow the operation now.
    #[error("{0}")]
    NotAllowed(String),
    /// The order was changed meanwhile.
    #[error("the order was changed meanwhile; its version is {0}")]
    Stale(i64),
    /// A flow document is refused.
    #[error("the flow document is not valid")]
    BadFlow(Vec<FieldError>),
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A sku of which there is not enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldOut {
    /// The sku.
    pub sku_id: SkuId,
    /// How many were wanted, over all lines.
    pub wanted: i64,
    /// How many there are.
    pub available: i64,
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SoldOut(_)
            | Self::NotSellable(_)
            | Self::PriceChanged(_)
            | Self::CheckoutOver
            | Self::NotAllowed(_) => ErrorCode::Conflict,
            Self::TooManyUnpaid(_) => ErrorCode::TooManyRequests,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::BadFlow(_) => ErrorCode::Invalid,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let (slug, fields) = match &self {
            Self::SoldOut(short) => ("sold_out", short.iter().map(SoldOut::to_field).collect()),
            Self::NotSellable(skus) => {
                let field = |s: &SkuId| FieldError::new(format!("/lines/{s}"), "not on sale");
                ("not_sellable", skus.iter().map(field).collect())
            }
            Self::PriceChanged(q) => ("price_changed", vec![total_field(q.total)]),
            Self::CheckoutOver => ("checkout_over", Vec::new()),
            Self::TooManyUnpaid(_) => ("too_many_unpaid_orders", Vec::new()),
            Self::NotAllowed(_) => ("operation_not_allowed", Vec::new()),
            Self::Stale(_) => ("stale_version", Vec::new()),
            Self::BadFlow(problems) => ("bad_flow", problems.clone()),
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug).with_fields(fields)
    }
}

fn total_field(total: Money) -> FieldError {
    FieldError::new("/expected_total", format!("the total is {} now", total.amount()))
}

impl SoldOut {
    fn to_field(&self) -> FieldError {
        let detail = format!("{} wanted, {} available", self.wanted, self.available);
        FieldError::new(format!("/lines/{}", self.sku_id), detail)
    }
}
