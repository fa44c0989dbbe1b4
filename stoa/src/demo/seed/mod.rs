//! Brings the demo's shops into a platform, through the services' own doors. It may be cut off anywhere
//! and goes on at the next start: every step looks first at what is there. A shop is complete when it has
//! an order flow, which comes last; before that nobody can order, so its stock may be set again, and
//! afterwards nothing of it is touched.

mod goods;
mod look;
mod people;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{try_join_all, try_join3};
use kit::{Cursor, Limit, Page, Placement, SharedEntropy, TenantCode};
use rpc::{Actor, Ctx, Fault, ServiceError, TraceId};
use serde::Serialize;

use super::catalogue::{Shop, shops};
use super::{AFTER_SALE_FLOW, DEMO_PASSWORD, order_flow};
use crate::platform::Platform;

/// How long one call may take. Hashing passwords on a busy machine is the slowest.
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// Pages of a list that are read at most; a shop of the demo has one or two.
const PAGES_MAX: usize = 1_000;

/// What may be chosen.
#[derive(Debug, Clone)]
pub struct SeedOptions {
    /// After how long an unpaid order closes by itself: an ISO 8601 duration such as `PT30M`.
    pub close_after: String,
    /// Adds the tenant `fuzz` at the last place, with few products, for runs with made-up input.
    pub with_fuzz_tenant: bool,
}

/// What is there now.
#[derive(Debug, Clone, Serialize)]
pub struct Seeded {
    /// The shops.
    pub tenants: Vec<SeededTenant>,
    /// Who can sign in.
    pub logins: Vec<Login>,
}

/// A shop of the demo.
#[derive(Debug, Clone, Serialize)]
pub struct SeededTenant {
    /// Its code.
    pub code: TenantCode,
    /// The host it answers to.
    pub host: String,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The shop's code.
    pub tenant: String,
    /// `staff` or `member`.
    pub kind: String,
    /// The role of staff, such as `owner`; `shopper` for members.
    pub role: String,
    /// What they are called.
    pub name: String,
    /// What they sign in with.
    pub login: String,
    /// Their password.
    pub password: String,
}

/// The demo could not be filled. What is there stays, and the next try goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A file of the demo is wrong.
    #[error("the content of the demo cannot be read")]
    Content(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A service refused.
    #[error("filling the shop {tenant} failed: {step}: {fault:?}")]
    Call {
        /// The shop.
        tenant: TenantCode,
        /// What was being done.
        step: &'static str,
        /// Why.
        fault: Box<Fault>,
    },
}

/// The services that are needed.
struct Services {
    tenant: tenant_api::TenantClient,
    staff: staff_api::StaffClient,
    member: member_api::MemberClient,
    product: product_api::ProductClient,
    inventory: inventory_api::InventoryClient,
    order: order_api::OrderClient,
}

/// Fills the platform with the demo's shops, or with what is missing of them. `progress` is told how many
/// of how many pieces are there.
///
/// # Errors
/// When a service refuses or cannot be reached in time.
pub async fn seed(
    platform: &Platform,
    options: &SeedOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Seeded, SeedError> {
    let clients = &platform.clients;
    let services = Services {
        tenant: clients.tenant.clone(),
        staff: clients.staff.clone(),
        member: clients.member.clone(),
        product: clients.product.clone(),
        inventory: clients.inventory.clone(),
        order: clients.order.clone(),
    };
    let shops = shops(options.with_fuzz_tenant).map_err(content)?;
    let seeder = Seeder::new(&services, platform.entropy(), options, progress, &shops);
    if seeder.tenants(&shops).await? {
        platform.ensure_cells().await.map_err(|fault| SeedError::Call {
            tenant: TenantCode::platform(),
            step: "making the cells of new shops",
            fault: Box::new(fault),
        })?;
    }
    seeder.fill(&shops).await?;
    Ok(seeded(&shops))
}

fn content(e: impl std::error::Error + Send + Sync + 'static) -> SeedError {
    SeedError::Content(Box::new(e))
}

fn host(shop: &Shop) -> String {
    format!("{}.localhost", shop.code)
}

fn seeded(shops: &[Shop]) -> Seeded {
    let login = |shop: &Shop, kind: &str, role: String, name: &str, login: &str| Login {
        tenant: shop.code.to_string(),
        kind: kind.to_owned(),
        role,
        name: name.to_owned(),
        login: login.to_owned(),
        password: DEMO_PASSWORD.to_owned(),
    };
    let mut logins = Vec::new();
    for shop in shops {
        let members = shop.members.iter();
        logins.extend(members.map(|m| login(shop, "member", "shopper".into(), &m.name, &m.login)));
        let staff = shop.staff.iter();
        logins.extend(staff.map(|s| login(shop, "staff", role_name(s.role), &s.name, &s.login)));
    }
    let tenant = |shop: &Shop| SeededTenant { code: shop.code.clone(), host: host(shop) };
    Seeded { tenants: shops.iter().map(tenant).collect(), logins }
}

fn role_name(role: staff_api::Role) -> String {
    let name = match role {
        staff_api::Role::Owner => "owner",
        staff_api::Role::Operations => "operations",
        staff_api::Role::Warehouse => "warehouse",
        staff_api::Role::CustomerService => "customer_service",
        staff_api::Role::ReadOnly => "read_only",
    };
    name.to_owned()
}

/// One run of the seeding.
struct Seeder<'a> {
    services: &'a Services,
    entropy: &'a SharedEntropy,
    options: &'a SeedOptions,
    progress: &'a (dyn Fn(usize, usize) + Sync),
    done: AtomicUsize,
    total: usize,
}

/// What a shop counts for the progress: its products, its people, and the rest as one.
fn pieces(shop: &Shop) -> usize {
    shop.products.len() + shop.staff.len() + shop.members.len() + 1
}

impl<'a> Seeder<'a> {
    fn new(
        services: &'a Services,
        entropy: &'a SharedEntropy,
        options: &'a SeedOptions,
        progress: &'a (dyn Fn(usize, usize) + Sync),
        shops: &[Shop],
    ) -> Self {
        let total = shops.iter().map(pieces).sum();
        Self { services, entropy, options, progress, done: AtomicUsize::new(0), total }
    }

    /// Adds the tenants that are missing; says whether there were any.
    async fn tenants(&self, shops: &[Shop]) -> Result<bool, SeedError> {
        let step = "adding the tenant";
        let platform = TenantCode::platform();
        let mut added = false;
        for shop in shops {
            let ctx = Ctx { tenant: platform.clone(), ..self.ctx(shop, step)? };
            let by_host = tenant_api::ByHost { host: host(shop) };
            let known = self.services.tenant.by_host(&ctx, by_host).await;
            if known.map_err(|e| failed(shop, step, e))?.is_some() {
                continue;
            }
            let placement: Placement = shop
                .placement
                .parse()
                .map_err(|e: String| failed(shop, step, Fault::invalid("/placement", e)))?;
            let new = tenant_api::NewTenant {
                code: shop.code.clone(),
                name: shop.name.clone(),
                hosts: vec![host(shop)],
                currency: shop.currency,
                locales: shop.locales.clone(),
                theme: shop.theme.clone(),
                shipping_fee: shop.shipping_fee,
                placement,
            };
            self.services.tenant.add(&ctx, new).await.map_err(|e| failed(shop, step, e))?;
            added = true;
        }
        Ok(added)
    }

    /// Fills the shops, all at once: what they wait for is mostly the disk, which takes many commits as
    /// one.
    async fn fill(&self, shops: &[Shop]) -> Result<(), SeedError> {
        try_join_all(shops.iter().map(|shop| self.fill_one(shop))).await.map(|_| ())
    }

    async fn fill_one(&self, shop: &Shop) -> Result<(), SeedError> {
        let published = self.published(shop).await?;
        if published.iter().any(|code| code == "order") {
            self.advance(pieces(shop));
            return Ok(());
        }
        let (people, goods) = (Box::pin(self.people(shop)), Box::pin(self.goods(shop)));
        try_join3(people, goods, Box::pin(self.look(shop))).await?;
        if !published.iter().any(|code| code == "after_sale") {
            self.publish(shop, AFTER_SALE_FLOW.to_owned()).await?;
        }
        // Last: from here on the shop is complete, and takes orders.
        let flow = order_flow(shop.code.as_str(), &self.options.close_after);
        self.publish(shop, flow).await?;
        self.advance(1);
        Ok(())
    }

    /// The codes of the flows that new things take.
    async fn published(&self, shop: &Shop) -> Result<Vec<String>, SeedError> {
        let step = "reading the flows";
        let ctx = self.ctx(shop, step)?;
        let flows = self.services.order.list_flows(&ctx, order_api::ListFlows {}).await;
        let flows = flows.map_err(|e| failed(shop, step, e))?;
        Ok(flows.into_iter().filter(|f| f.active).map(|f| f.code).collect())
    }

    async fn publish(&self, shop: &Shop, document: String) -> Result<(), SeedError> {
        let step = "publishing a flow";
        let ctx = self.ctx(shop, step)?;
        let request = order_api::PublishFlow { document, dry_run: false };
        let published = self.services.order.publish_flow(&ctx, request).await;
        published.map(|_| ()).map_err(|e| failed(shop, step, e))
    }

    /// So many more pieces are there.
    fn advance(&self, by: usize) {
        let done = self.done.fetch_add(by, Ordering::Relaxed) + by;
        (self.progress)(done, self.total);
    }

    /// A context for one call in the name of the platform.
    fn ctx(&self, shop: &Shop, step: &'static str) -> Result<Ctx, SeedError> {
        let number = || self.entropy.next_u64().map_err(|e| failed(shop, step, Fault::internal(e)));
        let trace = (u128::from(number()?) << 64) | u128::from(number()?);
        let trace = TraceId::from_random(trace, number()?);
        Ok(Ctx::system(shop.code.clone(), "demo", CALL_WITHIN, trace))
    }

    /// A context for one call in the name of a member.
    fn ctx_of(&self, shop: &Shop, member: i64, step: &'static str) -> Result<Ctx, SeedError> {
        Ok(Ctx { actor: Actor::user(member), ..self.ctx(shop, step)? })
    }
}

fn failed(shop: &Shop, step: &'static str, e: impl ServiceError) -> SeedError {
    SeedError::Call { tenant: shop.code.clone(), step, fault: Box::new(e.into_fault()) }
}

/// All items of a list that comes in pages.
async fn all_pages<T, F>(
    mut next: impl FnMut(Option<Cursor>, Limit) -> F,
) -> Result<Vec<T>, SeedError>
where
    F: Future<Output = Result<Page<T>, SeedError>>,
{
    let limit = Limit::new(Limit::MAX).map_err(content)?;
    let (mut items, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = next(cursor, limit).await?;
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(items)
}
