//! The test card with moods: it can hang before or after it has written a charge down, and lose refunds. And a
//! provider that never answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kit::Timestamp;
use payment::provider::{
    Attempted, BadSignature, Charge, GiveBack, Outcome, Provider, ProviderError, ProviderEvent,
};
use payment::test_card::TestCard;
use rpc::Ctx;
use tokio::sync::watch;
use types::PaymentId;

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
    /// How often each attempt was asked for.
    pub queries: Arc<Mutex<BTreeMap<PaymentId, u32>>>,
    /// Whether questions are left unanswered for now.
    pub holds: Arc<watch::Sender<bool>>,
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
        let id = attempted.payment_id;
        *self.moods.queries.lock().unwrap().entry(id).or_default() += 1;
        let mut holds = self.moods.holds.subscribe();
        holds.wait_for(|holds| !holds).await.unwrap();
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

/// Takes charges and then never says what became of them.
#[derive(Clone, Default)]
pub struct Silent {
    /// Questions that it was asked, and those of which its asker has given up.
    pub asked: Arc<AtomicU32>,
    pub given_up: Arc<AtomicU32>,
}

struct GivenUp(Arc<AtomicU32>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Provider for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    async fn charge(&self, _: &Ctx, _: Charge<'_>) -> Result<Outcome, ProviderError> {
        Err(ProviderError::Unknown("silence".to_owned()))
    }

    async fn query(&self, _: &Ctx, _: Attempted<'_>) -> Result<Option<Outcome>, ProviderError> {
        let _given_up = GivenUp(Arc::clone(&self.given_up));
        self.asked.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn refund(&self, _: &Ctx, _: GiveBack<'_>) -> Result<(), ProviderError> {
        Err(ProviderError::Unknown("silence".to_owned()))
    }

    fn verify_callback(
        &self,
        _: &str,
        _: &str,
        _: Timestamp,
    ) -> Result<ProviderEvent, BadSignature> {
        Err(BadSignature)
    }
}
