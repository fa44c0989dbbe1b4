//! What others may see of the service `tenant`: the tenants of this platform, their hosts, currency,
//! languages, look, shipping fee and placements. [`CachedTenants`] is for those who ask often.

pub mod cached;
pub mod growth;

pub use cached::CachedTenants;
pub use growth::{Grow, Grown, Settle};

use kit::{Cursor, ErrorCode, Limit, Money, Page, Place, Placement, Placements, TenantCode};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{Locale, Texts};
use utoipa::ToSchema;

/// A tenant: one shop with its own members, catalogue, orders and flows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantInfo {
    /// Its code.
    pub code: TenantCode,
    /// Its name.
    pub name: Texts,
    /// Hosts that it answers to, lower case, without a port.
    pub hosts: Vec<String>,
    /// The currency of all its prices.
    pub currency: kit::Currency,
    /// Languages of its pages; the first is the default.
    pub locales: Vec<Locale>,
    /// How its pages look.
    pub theme: Theme,
    /// What its home page shows first, in this order; at most [`BANNERS_MAX`].
    #[serde(default)]
    pub banners: Vec<Banner>,
    /// What shipping an order costs.
    pub shipping_fee: Money,
    /// Where its orders live. Not for shoppers.
    #[schema(value_type = Vec<Object>)]
    pub placements: Placements,
    /// Counts its changes.
    pub version: i64,
}

/// How a tenant's pages look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Colour of buttons and links: `#rrggbb`.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub primary: String,
    /// Second colour: `#rrggbb`.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub accent: String,
    /// Colour of the page: `#rrggbb`.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub background: String,
    /// A line under the name; may be empty.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub tagline: String,
    /// Address of a picture: `/media/…` of this tenant, or `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub logo: Option<String>,
    /// Font families of headings, the first that the reader has: `Georgia, Songti SC, serif`. Letters,
    /// digits, blanks, hyphens and commas only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9 ,-]+$")]
    pub heading_font: Option<String>,
    /// Font families of everything else, in the same form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9 ,-]+$")]
    pub body_font: Option<String>,
}

impl Default for Theme {
    /// Dark text on white, links in blue, fonts of the reader's device.
    fn default() -> Self {
        Self {
            primary: "#1f4e79".to_owned(),
            accent: "#8a4b08".to_owned(),
            background: "#ffffff".to_owned(),
            tagline: String::new(),
            logo: None,
            heading_font: None,
            body_font: None,
        }
    }
}

/// The most banners of a tenant.
pub const BANNERS_MAX: usize = 10;

/// What the home page shows large, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Banner {
    /// The heading: 1 to 100 characters in each language.
    pub title: Texts,
    /// A sentence under it: up to 300 characters in each language.
    pub text: Texts,
    /// Address of a picture: `/media/…` of this tenant, or `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub image: Option<String>,
    /// A path at the tenant's own host, such as `/c/bouquets`.
    #[schema(max_length = 500, pattern = "^/")]
    pub link: String,
}

/// A tenant to add.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its code; `platform` is taken.
    pub code: TenantCode,
    /// Its name.
    pub name: Texts,
    /// Hosts that it answers to, without a port; each may belong to one tenant only.
    #[schema(min_items = 1, max_items = 20)]
    pub hosts: Vec<String>,
    /// The currency of all its prices.
    pub currency: kit::Currency,
    /// Languages; the first is the default.
    #[schema(min_items = 1, max_items = 20)]
    pub locales: Vec<Locale>,
    /// How its pages look.
    pub theme: Theme,
    /// What shipping an order costs, in minor units of its currency.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub shipping_fee: i64,
    /// Where its orders live: `dbCount`, `tableCount`, `dbStart`, `tableStart`.
    #[schema(value_type = Object)]
    pub placement: Placement,
}

/// What adding a tenant gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Added {
    /// The tenant.
    pub tenant: TenantInfo,
    /// Tenants that use some of the same cells, by code; at most 100 of them. Allowed, and worth knowing.
    pub overlaps: Vec<Overlap>,
}

/// Cells that two tenants share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overlap {
    /// The other tenant.
    pub with: TenantCode,
    /// The shared cells.
    pub cells: Vec<Place>,
}

/// Changes to a tenant; what is absent stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    /// The version the change is based on.
    pub version: i64,
    /// A new name.
    #[serde(default)]
    pub name: Option<Texts>,
    /// A new look.
    #[serde(default)]
    pub theme: Option<Theme>,
    /// New banners, in the place of all that there are; none to remove them.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub banners: Option<Vec<Banner>>,
    /// A new shipping fee in minor units.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub shipping_fee: Option<i64>,
}

impl UpdateTenant {
    /// No change yet, based on a version.
    #[must_use]
    pub const fn of(version: i64) -> Self {
        Self { version, name: None, theme: None, banners: None, shipping_fee: None }
    }
}

/// Asks for the tenant of the call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Get {}

/// Asks which tenant answers to a host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ByHost {
    /// Host without port, any case.
    pub host: String,
}

/// Asks for all tenants, by code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct List {
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// The tenants of the platform. `by_host`, `list` and `add` are called as the tenant
/// [`TenantCode::platform`], the others as the tenant they are about.
#[rpc::service(name = "tenant")]
pub trait Tenant: Send + Sync + 'static {
    /// The tenant of the call. Everybody may ask: services need it in the name of shoppers. What of it
    /// is public, the routes decide.
    async fn get(&self, ctx: &Ctx, req: Get) -> Result<TenantInfo, Error>;
    /// Which tenant answers to a host, if any.
    async fn by_host(&self, ctx: &Ctx, req: ByHost) -> Result<Option<TenantCode>, Error>;
    /// All tenants, by code.
    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<TenantInfo>, Error>;
    /// Adds a tenant. Only the system may.
    async fn add(&self, ctx: &Ctx, req: NewTenant) -> Result<Added, Error>;
    /// Changes the tenant of the call. Needs `tenant:write`.
    async fn update(&self, ctx: &Ctx, req: UpdateTenant) -> Result<TenantInfo, Error>;
    /// Gives the tenant of the call a new version of its placement, which takes effect a little later: see
    /// [`growth`]. Repeating it while that version is the newest changes nothing. Only the system may.
    async fn grow(&self, ctx: &Ctx, req: Grow) -> Result<Grown, Error>;
    /// Takes a version of the placement that another has followed out of use, step by step. Repeating a step
    /// changes nothing. Only the system may.
    async fn settle(&self, ctx: &Ctx, req: Settle) -> Result<TenantInfo, Error>;
}

/// Topic: a tenant was added; the payload is [`TenantAdded`]. The message belongs to the new tenant.
pub const TENANT_ADDED: &str = "tenant.added";

/// Topic: a tenant has got a new version of its placement; the payload is [`growth::TenantGrown`].
pub const TENANT_GROWN: &str = "tenant.grown";

/// A tenant was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantAdded {
    /// Its code.
    pub code: TenantCode,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// The code is taken.
    #[error("the tenant {0} exists already")]
    CodeTaken(TenantCode),
    /// The host belongs to another tenant.
    #[error("the host {0} belongs to another tenant")]
    HostTaken(String),
    /// The change is based on an old version.
    #[error("the tenant was changed meanwhile; its version is {0}")]
    Stale(i64),
    /// The placement cannot become what was asked for, and what to do about it.
    #[error("{0}")]
    CannotGrow(String),
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::CodeTaken(_) | Self::HostTaken(_) | Self::CannotGrow(_) => ErrorCode::Conflict,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::CodeTaken(_) => "tenant_exists",
            Self::HostTaken(_) => "host_taken",
            Self::Stale(_) => "stale_version",
            Self::CannotGrow(_) => "cannot_grow",
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug)
    }
}
