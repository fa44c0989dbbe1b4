//! The provider "test_card": a simulator in the process that behaves like a service elsewhere. It keeps a
//! book of its own that survives a crash, answers some cards late or not at all, and signs what it tells.
//! It must not touch the tables of payments, and it moves no real money.

mod callbacks;
mod numbers;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::{Secret, SharedEntropy, TenantCode, Timestamp};
use payment_api::Callback;
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use shard::{Database, Route, Schema};
use tasks::{TaskKind, Tasks};
use types::PaymentId;

pub use callbacks::ClientSink;

use crate::provider::{
    Attempted, BadSignature, Charge, GiveBack, Outcome, Provider, ProviderError, ProviderEvent,
};
use crate::signature;
use crate::store::test_card::{self as store, ChargeRow};
use numbers::Behaviour;

/// Its name.
pub const NAME: &str = "test_card";

/// The logical database of its book.
pub const SCHEMA: Schema =
    Schema { database: "testcard", sets: &[store::MIGRATIONS], cell_tables: &[] };

const CAPTURED: &str = "captured";
const PENDING: &str = "pending";
const CALLBACKS: TaskKind = TaskKind::new("payment.test_card").restarting();

/// The knobs of the simulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The key of its signatures. Without one, each start makes its own.
    pub secret: Option<Secret<String>>,
    /// How long a card that is answered later takes.
    pub callback_delay: Duration,
    /// How long the slow card takes: longer than an order stays open, where that is to be tested.
    pub slow_callback_delay: Duration,
    /// How often it looks for something to tell.
    pub poll: Duration,
    /// How long it waits before it tells again what did not arrive.
    pub retry: Duration,
    /// How often it tells the same thing at most.
    pub tries_max: u32,
}

impl Default for Options {
    /// 1 s and 60 s late; looks every 250 ms; tells 20 times, 5 s apart.
    fn default() -> Self {
        Self {
            secret: None,
            callback_delay: Duration::from_secs(1),
            slow_callback_delay: Duration::from_secs(60),
            poll: Duration::from_millis(250),
            retry: Duration::from_secs(5),
            tries_max: 20,
        }
    }
}

/// Takes callbacks to the shop, as the internet would.
#[async_trait]
pub trait CallbackSink: Send + Sync + 'static {
    /// Posts one.
    ///
    /// # Errors
    /// When it did not arrive or was refused; it is sent again later.
    async fn post(&self, tenant: &TenantCode, callback: Callback) -> Result<(), Fault>;
}

/// What the simulator needs.
pub struct Deps {
    /// Its book, opened with [`SCHEMA`].
    pub db: Database,
    /// Where its callbacks go.
    pub sink: Box<dyn CallbackSink>,
    /// Randomness for its key.
    pub entropy: SharedEntropy,
    /// Where its background work runs.
    pub tasks: Tasks,
}

/// The simulator.
#[derive(Debug)]
pub struct TestCard {
    db: Database,
    secret: Secret<String>,
    options: Options,
}

/// What a callback says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    tenant: String,
    payment_id: PaymentId,
    reference: String,
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl TestCard {
    /// Starts the simulator with its sender of callbacks.
    ///
    /// # Errors
    /// When there is no randomness for its key.
    pub fn start(deps: Deps, options: Options) -> Result<Arc<Self>, Fault> {
        let secret = match &options.secret {
            Some(secret) => secret.clone(),
            None => random_secret(&deps.entropy)?,
        };
        let card = Arc::new(Self { db: deps.db, secret, options });
        // The sink leads back to the payments that hold this provider: only the task may hold it, or
        // neither of them would ever be dropped.
        let (sender, sink) = (Arc::clone(&card), Arc::<dyn CallbackSink>::from(deps.sink));
        let entropy = deps.entropy;
        deps.tasks.spawn_restarting(CALLBACKS, move || {
            let (card, sink, entropy) =
                (Arc::clone(&sender), Arc::clone(&sink), Arc::clone(&entropy));
            async move { callbacks::run(&card, sink.as_ref(), &entropy).await }
        });
        Ok(card)
    }

    /// The signature that a callback with this body would have now: for scripts that play the provider.
    #[must_use]
    pub fn sign(&self, body: &str) -> Option<String> {
        signature::sign(&self.secret, body, self.db.clock().now())
    }

    /// What the book says now: not what a replica has heard of it.
    async fn find(&self, ctx: &Ctx, id: PaymentId) -> Result<Option<ChargeRow>, ProviderError> {
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { store::load(&tx, &tenant, id).await }
            })
            .await
            .map_err(unknown)
    }

    /// Writes down what a card leads to; the first word about a charge stands.
    async fn write(
        &self,
        ctx: &Ctx,
        charge: &Charge<'_>,
        behaviour: &Behaviour,
    ) -> Result<ChargeRow, ProviderError> {
        let now = self.db.clock().now();
        let (outcome, later) = match behaviour {
            Behaviour::Capture | Behaviour::CaptureUnheard => (CAPTURED, None),
            Behaviour::Decline(reason) => (*reason, None),
            Behaviour::Later { outcome, slow } => {
                let delay = match slow {
                    true => self.options.slow_callback_delay,
                    false => self.options.callback_delay,
                };
                (PENDING, Some((*outcome, now.plus(delay))))
            }
            Behaviour::Lost => return Err(ProviderError::Unknown("timed out".to_owned())),
        };
        let row = Arc::new(ChargeRow {
            payment_id: charge.payment_id,
            amount: charge.amount.amount(),
            refunded: 0,
            outcome: outcome.to_owned(),
            later_outcome: later.map(|(outcome, _)| outcome.to_owned()),
            callback_at: later.map(|(_, at)| at),
            callback_tries: 0,
        });
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, row) = (tenant.clone(), Arc::clone(&row));
                async move {
                    if store::insert(&tx, &tenant, &row).await? {
                        return Ok((*row).clone());
                    }
                    let existing = store::load(&tx, &tenant, row.payment_id).await?;
                    existing.ok_or_else(|| Fault::bug("a charge is there and is not"))
                }
            })
            .await
            .map_err(unknown)
    }

    /// How a charge stands now: what was to come later has come when its time is over.
    fn outcome(&self, row: &ChargeRow) -> Outcome {
        let now = self.db.clock().now();
        let over = row.callback_at.is_some_and(|at| at <= now);
        let outcome = row.later_outcome.as_ref().filter(|_| over).unwrap_or(&row.outcome);
        let reference = reference_of(row.payment_id);
        match outcome.as_str() {
            CAPTURED => Outcome::Captured { reference },
            PENDING => Outcome::Pending { reference },
            reason => Outcome::Declined { reason: reason.to_owned(), reference: Some(reference) },
        }
    }
}

fn reference_of(id: PaymentId) -> String {
    format!("tc_{id}")
}

fn unknown(fault: Fault) -> ProviderError {
    ProviderError::Unknown(format!("{fault:?}"))
}

fn random_secret(entropy: &SharedEntropy) -> Result<Secret<String>, Fault> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes).map_err(Fault::internal)?;
    Ok(Secret::new(hex::encode(bytes)))
}

#[async_trait]
impl Provider for TestCard {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn charge(&self, ctx: &Ctx, charge: Charge<'_>) -> Result<Outcome, ProviderError> {
        let behaviour = numbers::behaviour(charge.card, self.db.clock().now());
        let row = self.write(ctx, &charge, &behaviour).await?;
        if behaviour == Behaviour::CaptureUnheard {
            return Err(ProviderError::Unknown("timed out".to_owned()));
        }
        Ok(self.outcome(&row))
    }

    async fn query(
        &self,
        ctx: &Ctx,
        attempted: Attempted<'_>,
    ) -> Result<Option<Outcome>, ProviderError> {
        let row = self.find(ctx, attempted.payment_id).await?;
        Ok(row.map(|row| self.outcome(&row)))
    }

    async fn refund(&self, ctx: &Ctx, give_back: GiveBack<'_>) -> Result<(), ProviderError> {
        let (tenant, of) = (ctx.tenant.clone(), give_back.of.payment_id);
        let (id, amount) = (give_back.refund_id, give_back.amount.amount());
        let captured = {
            let row = self.find(ctx, of).await?;
            row.map(|row| (self.outcome(&row), row.later_outcome))
        };
        let Some((Outcome::Captured { .. }, later)) = captured else {
            return Err(ProviderError::Refused("there is no such captured charge".to_owned()));
        };
        let done = self
            .db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, later) = (tenant.clone(), later.clone());
                async move {
                    if !store::insert_refund(&tx, &tenant, id, of, amount).await? {
                        return Ok(());
                    }
                    if let Some(outcome) = later {
                        store::settle(&tx, &tenant, of, &outcome).await?;
                    }
                    match store::add_refunded(&tx, &tenant, of, amount).await? {
                        true => Ok(()),
                        // Rolls the number back, too.
                        false => {
                            Err(Fault::new(kit::ErrorCode::Conflict, "more than was captured"))
                        }
                    }
                }
            })
            .await;
        match done {
            Err(fault) if fault.code == kit::ErrorCode::Conflict => {
                Err(ProviderError::Refused(fault.message))
            }
            other => other.map_err(unknown),
        }
    }

    fn verify_callback(
        &self,
        header: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<ProviderEvent, BadSignature> {
        signature::verify(&self.secret, header, body, now)?;
        let body: Body = serde_json::from_str(body).map_err(|_| BadSignature)?;
        let outcome = match body.outcome.as_str() {
            CAPTURED => Outcome::Captured { reference: body.reference },
            "declined" => Outcome::Declined {
                reason: body.reason.unwrap_or_else(|| "card_declined".to_owned()),
                reference: Some(body.reference),
            },
            _ => return Err(BadSignature),
        };
        Ok(ProviderEvent { tenant: body.tenant, payment_id: body.payment_id, outcome })
    }
}
