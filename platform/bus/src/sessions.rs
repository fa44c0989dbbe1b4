//! Who holds a token, asked of the authenticator and remembered for a few seconds under the token's hash.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::{Secret, SharedClock, TenantCode, Timestamp};
use moka::sync::Cache;
use rpc::{Actor, Fault};
use sha2::{Digest as _, Sha256};

use crate::directory::Dated;

/// Knows who holds a token.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Whoever holds this token of this tenant. `None` when the token is unknown, over, or of another
    /// tenant.
    ///
    /// # Errors
    /// When nobody can be asked.
    async fn authenticate(
        &self,
        token: &Secret<String>,
        tenant: &TenantCode,
        now: Timestamp,
    ) -> Result<Option<Actor>, Fault>;
}

/// SHA-256 over tenant and token: a token is looked up for one tenant only, and is not kept itself.
type Key = [u8; 32];

/// The authenticator behind a cache of bounded size and age. Unknown tokens are remembered too.
pub(crate) struct Sessions {
    authenticator: Arc<dyn Authenticator>,
    known: Cache<Key, Dated<Option<Arc<Actor>>>>,
    age_max: Duration,
    clock: SharedClock,
}

impl Sessions {
    pub(crate) fn new(
        authenticator: Arc<dyn Authenticator>,
        entries_max: u64,
        age_max: Duration,
        clock: SharedClock,
    ) -> Self {
        Self { authenticator, known: Cache::new(entries_max), age_max, clock }
    }

    pub(crate) async fn actor(
        &self,
        token: &Secret<String>,
        tenant: &TenantCode,
    ) -> Result<Option<Actor>, Fault> {
        let key = key(token, tenant);
        let at = self.clock.now();
        if let Some(dated) = self.known.get(&key)
            && dated.is_fresh(at, self.age_max)
        {
            return Ok(dated.value.as_deref().cloned());
        }
        let actor = self.authenticator.authenticate(token, tenant, at).await?;
        self.known.insert(key, Dated { value: actor.clone().map(Arc::new), at });
        Ok(actor)
    }

    pub(crate) fn forget(&self, token: &Secret<String>, tenant: &TenantCode) {
        self.known.invalidate(&key(token, tenant));
    }
}

fn key(token: &Secret<String>, tenant: &TenantCode) -> Key {
    Sha256::new()
        .chain_update(tenant.as_str())
        .chain_update([0])
        .chain_update(token.expose())
        .finalize()
        .into()
}
