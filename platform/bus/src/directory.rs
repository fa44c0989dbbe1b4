//! Which tenant answers to a host, asked of the directory and remembered for a few seconds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::{SharedClock, TenantCode, Timestamp};
use moka::sync::Cache;
use rpc::Fault;

/// Knows the hosts of all tenants.
#[async_trait]
pub trait TenantDirectory: Send + Sync + 'static {
    /// The tenant that answers to the host, in lower case and without port.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    async fn by_host(&self, host: &str) -> Result<Option<TenantCode>, Fault>;
}

/// Something that was true at a time. Old facts are not believed, nor are facts of the future, which a
/// clock that was set back leaves behind.
#[derive(Clone)]
pub(crate) struct Dated<T> {
    pub(crate) value: T,
    pub(crate) at: Timestamp,
}

impl<T> Dated<T> {
    pub(crate) fn is_fresh(&self, now: Timestamp, age_max: Duration) -> bool {
        now >= self.at && now.since(self.at) < age_max
    }
}

/// The directory behind a cache of bounded size and age. Unknown hosts are remembered too.
pub(crate) struct Hosts {
    directory: Arc<dyn TenantDirectory>,
    known: Cache<Box<str>, Dated<Option<TenantCode>>>,
    age_max: Duration,
    clock: SharedClock,
}

impl Hosts {
    pub(crate) fn new(
        directory: Arc<dyn TenantDirectory>,
        entries_max: u64,
        age_max: Duration,
        clock: SharedClock,
    ) -> Self {
        Self { directory, known: Cache::new(entries_max), age_max, clock }
    }

    pub(crate) async fn tenant(&self, host: &str) -> Result<Option<TenantCode>, Fault> {
        // dated before asking: what changes while we ask must not be believed longer
        let at = self.clock.now();
        if let Some(dated) = self.known.get(host)
            && dated.is_fresh(at, self.age_max)
        {
            return Ok(dated.value);
        }
        let value = self.directory.by_host(host).await?;
        self.known.insert(host.into(), Dated { value: value.clone(), at });
        Ok(value)
    }
}
