//! What others may see of the service `payment`: attempts to pay an order, refunds, the ledger that
//! both are booked in, and the answers of providers.
//!
//! Captured − refunded = Σ of the ledger. One order is paid once: a second capture, or one for an order
//! that is closed, is refunded.

use kit::{ErrorCode, Money, Secret, Timestamp};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Deserializer, Serialize};
use types::{OrderId, PaymentId, RefundId};
use utoipa::ToSchema;

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Sent to the provider; its answer is not known yet and will be asked for.
    Pending,
    /// The money is ours.
    Captured,
    /// The provider said no.
    Declined,
    /// It never happened, or was given up.
    Failed,
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentView {
    /// The id.
    pub id: PaymentId,
    /// The order.
    pub order_id: OrderId,
    /// `test_card` or `cash_on_delivery`.
    pub provider: String,
    /// The provider's own number for it, when known.
    pub provider_reference: Option<String>,
    /// How it stands.
    pub state: PaymentState,
    /// How much.
    pub amount: Money,
    /// How much of it was given back.
    pub refunded: Money,
    /// Why it was declined or failed.
    pub decline_reason: Option<String>,
    /// Such as `visa`, for a card.
    pub card_brand: Option<String>,
    /// The last four digits of a card.
    pub card_last4: Option<String>,
    /// Who paid or collected: `user:ID`, `operator:ID`, `system:PART`. Empty where the caller has no right to
    /// know.
    #[serde(default)]
    pub actor: String,
    /// When it began.
    pub created_at: Timestamp,
}

/// A card. Numbers are passed to the provider and never kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// 12 to 19 digits; spaces are ignored.
    #[serde(serialize_with = "kit::secret::reveal", deserialize_with = "unshown")]
    #[schema(value_type = String, min_length = 12, max_length = 23)]
    pub number: Secret<String>,
    /// `MM/YY`.
    #[schema(pattern = "^(0[1-9]|1[0-2])/[0-9]{2}$")]
    pub expiry: String,
    /// 3 or 4 digits.
    #[serde(serialize_with = "kit::secret::reveal", deserialize_with = "unshown")]
    #[schema(value_type = String, pattern = "^[0-9]{3,4}$")]
    pub cvc: Secret<String>,
}

/// Reads a text without repeating it in a refusal, as the reader's own message would.
fn unshown<'de, D: Deserializer<'de>>(d: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(d)
        .map(Secret::new)
        .map_err(|_| serde::de::Error::custom("a text is expected"))
}

/// Pays an order of the member who signed in, by card. Needs an idempotency key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pay {
    /// The order.
    pub order_id: OrderId,
    /// The card.
    pub card: Card,
}

/// Which order's payments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForOrder {
    /// The order.
    pub order_id: OrderId,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundView {
    /// The id.
    pub id: RefundId,
    /// The payment it gives back.
    pub payment_id: PaymentId,
    /// The order of that.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// Whether the provider has confirmed it.
    pub done: bool,
    /// Why.
    pub reason: String,
    /// Who gave it back: `operator:ID`, or `system:PART` for what an order's flow asked for. Empty where the
    /// caller has no right to know.
    #[serde(default)]
    pub actor: String,
    /// When it began.
    pub created_at: Timestamp,
}

/// An order's payments and refunds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPayments {
    /// Attempts, oldest first.
    pub payments: Vec<PaymentView>,
    /// Refunds, oldest first.
    pub refunds: Vec<RefundView>,
    /// Σ of the ledger: captured − refunded.
    pub balance: Money,
}

/// Gives money back. Needs `payments:refund` and an idempotency key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    /// The payment.
    pub payment_id: PaymentId,
    /// How much; at most what is left of it.
    pub amount: Money,
    /// Why.
    pub reason: String,
}

/// What a provider tells us by itself. The body is checked against its signature before it is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Callback {
    /// Which provider.
    pub provider: String,
    /// Its signature header: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`.
    pub signature: String,
    /// The body as it came.
    pub body: String,
}

/// Whoever delivers a cash order has got the money. Needs `payments:collect`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectCash {
    /// The order.
    pub order_id: OrderId,
    /// How much; must be the order's total.
    pub amount: Money,
}

/// Payments.
#[rpc::service(name = "payment")]
pub trait Payment: Send + Sync + 'static {
    /// Pays an order by card.
    async fn pay(&self, ctx: &Ctx, req: Pay) -> Result<PaymentView, Error>;
    /// Payments and refunds of an order: of the member who signed in, or any for `payments:read`.
    async fn for_order(&self, ctx: &Ctx, req: ForOrder) -> Result<OrderPayments, Error>;
    /// Gives money back.
    async fn refund(&self, ctx: &Ctx, req: Refund) -> Result<RefundView, Error>;
    /// Takes what a provider tells us.
    async fn callback(&self, ctx: &Ctx, req: Callback) -> Result<(), Error>;
    /// Books the cash of a delivered order.
    async fn collect_cash(&self, ctx: &Ctx, req: CollectCash) -> Result<PaymentView, Error>;
}

/// Topic: money has arrived; the payload is [`PaymentEvent`].
pub const CAPTURED: &str = "payment.captured";
/// Topic: money has gone back; the payload is [`PaymentEvent`].
pub const REFUNDED: &str = "payment.refunded";
/// Topic: a command to give back one payment that an order had no use for; the payload is
/// [`PaymentEvent`]. Sent by `order`.
pub const REFUND_SURPLUS: &str = "payment.refund_surplus";

/// What a message about a payment says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentEvent {
    /// The order.
    pub order_id: OrderId,
    /// The payment.
    pub payment_id: PaymentId,
    /// How much arrived or went back.
    pub amount: Money,
    /// Σ of the order's ledger after it: captured − refunded.
    pub balance: Money,
    /// What of the order's money has gone back by then. `None` in messages of older versions.
    #[serde(default)]
    pub refunded: Option<Money>,
    /// `test_card` or `cash_on_delivery`.
    pub provider: String,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// The order cannot be paid now: paid already, closed, or to be paid in cash.
    #[error("this order cannot be paid now; it is {0}")]
    NotPayable(String),
    /// Another attempt is still open.
    #[error("a payment of this order is under way; wait for its outcome")]
    UnderWay,
    /// More than what is left.
    #[error("only {0} can be refunded")]
    TooMuch(Money),
    /// The amount is not the order's total.
    #[error("the order's total is {0}")]
    WrongAmount(Money),
    /// The signature does not hold or is too old.
    #[error("the signature does not hold")]
    BadSignature,
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotPayable(_) | Self::UnderWay | Self::TooMuch(_) | Self::WrongAmount(_) => {
                ErrorCode::Conflict
            }
            Self::BadSignature => ErrorCode::Unauthenticated,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::NotPayable(_) => "not_payable",
            Self::UnderWay => "payment_under_way",
            Self::TooMuch(_) => "refund_too_much",
            Self::WrongAmount(_) => "wrong_amount",
            Self::BadSignature => "bad_signature",
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug)
    }
}
