//! Growing a tenant while its shop is open: what a new placement would bring, publishing it with its cells
//! made and its fences raised, and how far it is. The order of the steps is here; what a placement is, the
//! tenant service knows, and where orders lie, the order service.
//!
//! A command that runs beside a server reaches this through the server, as it does [`crate::operator`].

mod drain;
mod local;
mod plan;

use kit::{Place, Placement, PlacementState, Share, TenantCode, Timestamp};
use order_api::Drained;
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use tenant_api::Overlap;

pub use local::{Local, raise_fences};

/// Asks what a placement would bring to the tenant of the call.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PlanFor {
    /// Where new orders are to live.
    pub placement: Placement,
}

/// What a placement would bring. Nothing has changed by asking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whose.
    pub tenant: TenantCode,
    /// The number that the new version would have.
    pub version: u32,
    /// Whether this is the newest version already.
    pub there_already: bool,
    /// Where new orders go now.
    pub from: Placement,
    /// Where they would go.
    pub to: Placement,
    /// The share of members who keep their cell, exactly.
    pub stays: Share,
    /// Cells now and then.
    pub cells: (usize, usize),
    /// Logical databases that come into being.
    pub new_databases: Vec<u8>,
    /// Cells that come into being.
    pub new_cells: Vec<Place>,
    /// The load of each logical database, now and then.
    pub databases: Vec<Load>,
    /// Orders of the tenant now.
    pub orders: u64,
    /// Orders that lie elsewhere than in their member's cell by the new placement, about.
    pub orders_elsewhere: u64,
    /// Tenants that use some of the same cells.
    pub overlaps: Vec<Overlap>,
    /// How long after its publication the version would take effect, in seconds.
    pub takes_effect_after_s: u64,
    /// What speaks against it.
    pub warnings: Vec<String>,
}

/// The load of a logical database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Its number.
    pub database: u8,
    /// Cells of the tenant in it, now and then.
    pub cells: (usize, usize),
    /// Orders in it now. None of them moves by growing.
    pub orders: u64,
    /// The share of new orders that it takes, now and then.
    pub new_orders: (Share, Share),
    /// Orders that would lie in it if all of them lay in their member's new cell, about.
    pub orders_by_new_cell: u64,
}

/// Asks for a new version of the placement of the call's tenant.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Begin {
    /// Where new orders are to live.
    pub placement: Placement,
}

/// A version that is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Whose.
    pub tenant: TenantCode,
    /// Its number.
    pub version: u32,
    /// Where new orders go once it is in effect.
    pub placement: Placement,
    /// When that is.
    pub effective_from: Timestamp,
    /// Whether it was published before: then this has only made sure that nothing is missing.
    pub repeated: bool,
    /// Cells that it has.
    pub cells: usize,
    /// Logical databases whose fence stands at it.
    pub fenced: Vec<u8>,
    /// Tenants that use some of the same cells.
    pub overlaps: Vec<Overlap>,
}

/// Asks how the placements of the call's tenant stand.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GetStanding {}

/// How the placements of a tenant stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Whose.
    pub tenant: TenantCode,
    /// The time by the platform's clock.
    pub now: Timestamp,
    /// All versions, the oldest first.
    pub versions: Vec<VersionStanding>,
    /// The fences of the logical databases.
    pub fences: Vec<FenceStanding>,
    /// Orders of the tenant.
    pub orders: u64,
}

/// How one version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionStanding {
    /// Its number.
    pub version: u32,
    /// Its cells.
    pub placement: Placement,
    /// What it is used for.
    pub state: PlacementState,
    /// From when on.
    pub effective_from: Timestamp,
    /// Whether new orders take it now.
    pub in_effect: bool,
    /// Orders whose ids were minted while it was in effect.
    pub orders: u64,
    /// Cells of it that are open.
    pub cells_open: usize,
}

/// Where the fence of a logical database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceStanding {
    /// The logical database.
    pub database: u8,
    /// The newest version that was announced there; 0 when none was.
    pub epoch: u32,
    /// Versions before this one take no new orders there.
    pub oldest: u32,
}

/// Asks that the orders of older versions may move to the cells of the one in effect.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct BeginDrain {}

/// Older versions that take no new orders any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainBegun {
    /// Whose.
    pub tenant: TenantCode,
    /// The version in effect: orders go to its cells.
    pub version: u32,
    /// The older versions, which are read-only from now on.
    pub older: Vec<u32>,
    /// Their cells.
    pub cells: Vec<Place>,
    /// When every process knows of it: orders move from then on.
    pub ready_at: Timestamp,
}

/// Moves some orders of a cell.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DrainSome {
    /// The cell.
    pub cell: Place,
}

/// Asks that the emptied versions be retired.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct EndDrain {}

/// Growing tenants. All are called as the tenant they are about, by the system only.
#[rpc::service(name = "growth")]
pub trait Growth: Send + Sync + 'static {
    /// What a placement would bring.
    async fn plan(&self, ctx: &Ctx, req: PlanFor) -> Result<Plan, Fault>;
    /// Makes cells, raises fences and publishes a version. Repeating it completes what is missing.
    async fn begin(&self, ctx: &Ctx, req: Begin) -> Result<Begun, Fault>;
    /// Makes the older versions read-only. Repeating it changes nothing.
    async fn begin_drain(&self, ctx: &Ctx, req: BeginDrain) -> Result<DrainBegun, Fault>;
    /// Moves some orders of a cell; to be repeated until it is done.
    async fn drain_some(&self, ctx: &Ctx, req: DrainSome) -> Result<Drained, Fault>;
    /// Retires the older versions, once none of their cells has an order that is to leave.
    async fn end_drain(&self, ctx: &Ctx, req: EndDrain) -> Result<Standing, Fault>;
    /// How the placements stand.
    async fn standing(&self, ctx: &Ctx, req: GetStanding) -> Result<Standing, Fault>;
}
