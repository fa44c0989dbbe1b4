//! A tenant handle that remembers, for services that need a tenant in every call. Bounded in size and
//! age; what it tells may be a few seconds old, so it must not be used to check a version.

use std::sync::Arc;
use std::time::Duration;

use kit::{SharedClock, TenantCode, Timestamp};
use moka::sync::Cache;
use rpc::Ctx;

use crate::{Error, Get, TenantClient, TenantInfo};

/// How old an answer may be.
pub const AGE_MAX: Duration = Duration::from_secs(5);
/// Tenants that are remembered at the same time.
pub const TENANTS_MAX: u64 = 10_000;

/// Asks for tenants and remembers them for [`AGE_MAX`]. Cheap to clone; clones share what they know.
/// Failures are not remembered.
#[derive(Clone)]
pub struct CachedTenants {
    client: TenantClient,
    clock: SharedClock,
    known: Cache<TenantCode, Known>,
}

#[derive(Clone)]
struct Known {
    info: Arc<TenantInfo>,
    at: Timestamp,
}

impl std::fmt::Debug for CachedTenants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CachedTenants({} known)", self.known.entry_count())
    }
}

impl CachedTenants {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(client: TenantClient, clock: SharedClock) -> Self {
        Self { client, clock, known: Cache::new(TENANTS_MAX) }
    }

    /// The tenant of the call, at most [`AGE_MAX`] old.
    ///
    /// # Errors
    /// As [`TenantClient::get`].
    pub async fn get(&self, ctx: &Ctx) -> Result<Arc<TenantInfo>, Error> {
        let now = self.clock.now();
        if let Some(known) = self.known.get(&ctx.tenant)
            // A clock that stepped back makes an answer stale, not eternal.
            && known.at <= now
            && now.since(known.at) < AGE_MAX
        {
            return Ok(known.info);
        }
        self.ask(ctx, now).await
    }

    /// The tenant of the call with a newer map of its placements than `seen`, if there is one: for those
    /// who were refused because of their map. What is known answers when it is newer already.
    ///
    /// # Errors
    /// As [`TenantClient::get`].
    pub async fn newer(&self, ctx: &Ctx, seen: &TenantInfo) -> Result<Arc<TenantInfo>, Error> {
        let known = self.known.get(&ctx.tenant).map(|k| k.info);
        if let Some(known) = known
            && known.placements.epoch() > seen.placements.epoch()
        {
            return Ok(known);
        }
        self.ask(ctx, self.clock.now()).await
    }

    async fn ask(&self, ctx: &Ctx, now: Timestamp) -> Result<Arc<TenantInfo>, Error> {
        let info = Arc::new(self.client.get(ctx, Get {}).await?);
        // Dated when it was asked for, not when it came: it may have changed on its way.
        self.known.insert(ctx.tenant.clone(), Known { info: Arc::clone(&info), at: now });
        Ok(info)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use kit::{Money, Placement, Placements};
    use rpc::Fault;
    use types::Texts;

    use super::*;
    use crate::{TenantMock, Theme};

    /// Tenants whose version counts how often they were asked for.
    fn counting() -> TenantClient {
        let asked = AtomicI64::new(0);
        TenantClient::mock(TenantMock::new().on_get(move |ctx, _| {
            if ctx.tenant.as_str() == "nobody" {
                return Err(Fault::not_found("the tenant").into());
            }
            let currency = "CNY".parse().unwrap();
            Ok(TenantInfo {
                code: ctx.tenant.clone(),
                name: Texts::one("en".parse().unwrap(), "Flora"),
                hosts: vec![],
                currency,
                locales: vec!["en".parse().unwrap()],
                theme: Theme::default(),
                banners: vec![],
                shipping_fee: Money::zero(currency),
                placements: Placements::initial(Placement::new(1, 1, 0, 0).unwrap()),
                version: asked.fetch_add(1, Ordering::SeqCst) + 1,
            })
        }))
    }

    #[tokio::test]
    async fn a_tenant_is_asked_for_once_in_five_seconds_and_each_for_itself() {
        let clock = testkit::test_clock();
        let tenants = CachedTenants::new(counting(), clock.clone());
        let (flora, gadget) = (testkit::test_ctx("flora"), testkit::test_ctx("gadget"));
        let version = async |ctx| tenants.get(ctx).await.unwrap().version;
        assert_eq!(
            (version(&flora).await, version(&flora).await, version(&gadget).await),
            (1, 1, 2)
        );
        assert_eq!(tenants.get(&gadget).await.unwrap().code, gadget.tenant);
        clock.advance(AGE_MAX - Duration::from_micros(1));
        assert_eq!(version(&flora).await, 1);
        clock.advance(Duration::from_micros(1));
        assert_eq!(version(&flora).await, 3);
        clock.set(testkit::BEGIN);
        assert_eq!(version(&flora).await, 4, "a clock that stepped back makes it stale");
    }

    #[tokio::test]
    async fn whoever_was_refused_for_an_old_map_asks_at_once_and_others_profit() {
        let tenants = CachedTenants::new(counting(), testkit::test_clock());
        let flora = testkit::test_ctx("flora");
        let seen = tenants.get(&flora).await.unwrap();
        assert_eq!(tenants.newer(&flora, &seen).await.unwrap().version, 2);
        assert_eq!(tenants.get(&flora).await.unwrap().version, 2, "it is remembered");
        let mut older = (*seen).clone();
        let draft = kit::PlacementState::Draft;
        let mut versions = seen.placements.versions().to_vec();
        versions[0].version = 0;
        versions.push(kit::PlacementVersion { version: 0, state: draft, ..versions[0] });
        older.placements = Placements::from_versions(versions).unwrap();
        assert_eq!(tenants.newer(&flora, &older).await.unwrap().version, 2, "nobody is asked");
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let tenants = CachedTenants::new(counting(), testkit::test_clock());
        assert!(tenants.get(&testkit::test_ctx("nobody")).await.is_err());
        assert_eq!(tenants.known.entry_count(), 0);
    }
}
