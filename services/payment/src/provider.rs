//! The seam to whoever moves money: charge, ask, give back, and check what they tell us. What a provider
//! is called and how it answers is its own business; what an answer means for an order is not decided here.

use async_trait::async_trait;
use kit::{Money, Timestamp};
use rpc::Ctx;
use types::{OrderId, PaymentId, RefundId};

use crate::model::CheckedCard;

/// What a provider said about a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The money is ours.
    Captured {
        /// The provider's number for it.
        reference: String,
    },
    /// It said no.
    Declined {
        /// Why, as a slug.
        reason: String,
        /// The provider's number for it, when it has one.
        reference: Option<String>,
    },
    /// It will say later.
    Pending {
        /// The provider's number for it.
        reference: String,
    },
}

/// A charge to be made.
#[derive(Debug)]
pub struct Charge<'a> {
    /// Our number for it. Repeating a charge with the same number charges once.
    pub payment_id: PaymentId,
    /// What is paid.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// With what.
    pub card: &'a CheckedCard,
}

/// A charge that was made, or perhaps was.
#[derive(Debug)]
pub struct Attempted<'a> {
    /// Our number for it.
    pub payment_id: PaymentId,
    /// The provider's, when known.
    pub reference: Option<&'a str>,
}

/// Money to be given back.
#[derive(Debug)]
pub struct GiveBack<'a> {
    /// Our number for it. Repeating a refund with the same number refunds once.
    pub refund_id: RefundId,
    /// Of which charge.
    pub of: Attempted<'a>,
    /// How much.
    pub amount: Money,
}

/// What a provider told us by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// The tenant it is for.
    pub tenant: String,
    /// Our number for the charge.
    pub payment_id: PaymentId,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Nobody knows whether it was done: ask later.
    #[error("the provider did not answer: {0}")]
    Unknown(String),
    /// It was not done and will not be.
    #[error("the provider refuses: {0}")]
    Refused(String),
}

/// A callback that the provider did not sign, or not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

/// Whoever moves money. The context carries the tenant.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Its name, as it stands in payments and in the address of its callbacks.
    fn name(&self) -> &'static str;

    /// Charges a card. Called after the attempt is on record.
    ///
    /// # Errors
    /// `Unknown`: it may have been done. `Refused`: it was not.
    async fn charge(&self, ctx: &Ctx, charge: Charge<'_>) -> Result<Outcome, ProviderError>;

    /// What became of a charge; `None` when it was never heard of.
    ///
    /// # Errors
    /// When there is no answer.
    async fn query(
        &self,
        ctx: &Ctx,
        attempted: Attempted<'_>,
    ) -> Result<Option<Outcome>, ProviderError>;

    /// Gives money back, once per refund number.
    ///
    /// # Errors
    /// `Unknown`: try again. `Refused`: it cannot be.
    async fn refund(&self, ctx: &Ctx, give_back: GiveBack<'_>) -> Result<(), ProviderError>;

    /// Reads a callback after checking who wrote it and when.
    ///
    /// # Errors
    /// When the signature does not hold, is too old, or the body is not one of the provider's.
    fn verify_callback(
        &self,
        signature: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<ProviderEvent, BadSignature>;
}
