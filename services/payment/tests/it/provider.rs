//! The test card with moods: it can hang before or after it has written a charge down, and lose refunds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use async_trait::async_trait;
use kit::Timestamp;
use payment::provider::{
    Attempted, BadSignature, Charge, GiveBack, Outcome, Provider, ProviderError, ProviderEvent,
};
use payment::test_card::TestCard;
use rpc::Ctx;

pub const WELL: u8 = 0;
pub const HANGS_BEFORE: u8 = 1;
pub const HANGS_AFTER: u8 = 2;

/// The moods, set by tests. Clones share.
#[derive(Clone, Default)]
pub struct Moods {
    pub charge: Arc<AtomicU8>,
    pub refunds_to_lose: Arc<AtomicU32>,
    pub charges: Arc<AtomicU32>,
    pub refunds: Arc<AtomicU32>,
}

pub struct Moody {
    pub inner: Arc<TestCard>,
    pub moods: Moods,
}

#[async_trait]
impl Provider for Moody {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn charge(&self, ctx: &Ctx, charge: Charge<'_>) -> Result<Outcome, ProviderError> {
        self.moods.charges.fetch_add(1, Ordering::SeqCst);
        let mood = self.moods.charge.load(Ordering::SeqCst);
        if mood == HANGS_BEFORE {
            std::future::pending::<()>().await;
        }
        let outcome = self.inner.charge(ctx, charge).await;
        if mood == HANGS_AFTER {
            std::future::pending::<()>().await;
        }
        outcome
    }

    async fn query(
        &self,
        ctx: &Ctx,
        attempted: Attempted<'_>,
    ) -> Result<Option<Outcome>, ProviderError> {
        self.inner.query(ctx, attempted).await
    }

    async fn refund(&self, ctx: &Ctx, give_back: GiveBack<'_>) -> Result<(), ProviderError> {
        self.moods.refunds.fetch_add(1, Ordering::SeqCst);
        let lose =
            self.moods
                .refunds_to_lose
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        let done = self.inner.refund(ctx, give_back).await;
        // The answer gets lost, not the refund.
        if lose.is_ok() { Err(ProviderError::Unknown("lost".to_owned())) } else { done }
    }

    fn verify_callback(
        &self,
        signature: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<ProviderEvent, BadSignature> {
        self.inner.verify_callback(signature, body, now)
    }
}
