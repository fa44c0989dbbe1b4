//! The simulator's sender: tells the shop what has become of charges that it answered as pending, again
//! and again until somebody listens or it has tried often enough.

use std::time::Duration;

use kit::{SharedEntropy, TenantCode};
use payment_api::{Callback, PaymentClient};
use rpc::{Actor, Ctx, Fault, ServiceError as _, TraceId};
use shard::Route;

use super::{Body, CAPTURED, CallbackSink, NAME, TestCard, reference_of};
use crate::provider::Outcome;
use crate::store::test_card::{self as store, ChargeRow};

/// Callbacks that are sent in one round at most.
const BATCH: u64 = 100;
/// How long one round's statement, and one callback, may take.
const WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn run(
    card: &TestCard,
    sink: &dyn CallbackSink,
    entropy: &SharedEntropy,
) -> Result<(), Fault> {
    let everybody: TenantCode = "platform".parse().map_err(Fault::internal)?;
    loop {
        tokio::time::sleep(card.options.poll).await;
        let now = card.db.clock().now();
        let ctx = context(&everybody, entropy)?;
        let read = card
            .db
            .read(&ctx, Route::Whole, move |tx| async move { store::due(&tx, now, BATCH).await });
        let due: Result<Vec<(TenantCode, ChargeRow)>, Fault> = read.await;
        for (tenant, row) in due? {
            tell(card, sink, &context(&tenant, entropy)?, row).await?;
        }
    }
}

fn context(tenant: &TenantCode, entropy: &SharedEntropy) -> Result<Ctx, Fault> {
    let span = entropy.next_u64().map_err(Fault::internal)?;
    Ok(Ctx::system(tenant.clone(), NAME, WITHIN, TraceId::from_random(span.into(), span)))
}

async fn tell(
    card: &TestCard,
    sink: &dyn CallbackSink,
    ctx: &Ctx,
    row: ChargeRow,
) -> Result<(), Fault> {
    let outcome = card.outcome(&row);
    let (said, reason) = match outcome {
        Outcome::Captured { .. } => (CAPTURED, None),
        Outcome::Declined { reason, .. } => ("declined", Some(reason)),
        Outcome::Pending { .. } => return Err(Fault::bug("a callback is due and has no outcome")),
    };
    let body = Body {
        tenant: ctx.tenant.to_string(),
        payment_id: row.payment_id,
        reference: reference_of(row.payment_id),
        outcome: said.to_owned(),
        reason: reason.clone(),
    };
    let body = serde_json::to_string(&body).map_err(Fault::internal)?;
    let settled = reason.unwrap_or_else(|| CAPTURED.to_owned());
    change(card, ctx, &row, Change::Settled(settled)).await?;
    let signature = card.sign(&body).ok_or_else(|| Fault::bug("the secret is no key"))?;
    let callback = Callback { provider: NAME.to_owned(), signature, body };
    let tries = row.callback_tries.saturating_add(1);
    match sink.post(&ctx.tenant, callback).await {
        Ok(()) => change(card, ctx, &row, Change::Told).await,
        Err(fault) if tries >= card.options.tries_max => {
            tracing::warn!(payment = %row.payment_id, error = ?fault, "a callback is given up");
            change(card, ctx, &row, Change::Told).await
        }
        Err(fault) => {
            tracing::debug!(payment = %row.payment_id, error = ?fault, "a callback did not arrive");
            change(card, ctx, &row, Change::Again(tries)).await
        }
    }
}

#[derive(Clone)]
enum Change {
    Settled(String),
    Told,
    Again(u32),
}

async fn change(card: &TestCard, ctx: &Ctx, row: &ChargeRow, to: Change) -> Result<(), Fault> {
    let (tenant, id, tries) = (ctx.tenant.clone(), row.payment_id, row.callback_tries);
    let again = card.db.clock().now().plus(card.options.retry);
    card.db
        .tx(ctx, Route::Whole, move |tx| {
            let (tenant, to) = (tenant.clone(), to.clone());
            async move {
                match to {
                    Change::Settled(outcome) => store::settle(&tx, &tenant, id, &outcome).await,
                    Change::Told => store::plan_callback(&tx, &tenant, id, None, tries).await,
                    Change::Again(tries) => {
                        store::plan_callback(&tx, &tenant, id, Some(again), tries).await
                    }
                }
            }
        })
        .await
}

/// Takes callbacks straight to the service, as its route would.
pub struct ClientSink {
    payments: PaymentClient,
    entropy: SharedEntropy,
}

impl ClientSink {
    /// A sink for a handle, which may be bound later.
    #[must_use]
    pub const fn new(payments: PaymentClient, entropy: SharedEntropy) -> Self {
        Self { payments, entropy }
    }
}

#[async_trait::async_trait]
impl CallbackSink for ClientSink {
    async fn post(&self, tenant: &TenantCode, callback: Callback) -> Result<(), Fault> {
        let ctx = Ctx { actor: Actor::anonymous(), ..context(tenant, &self.entropy)? };
        self.payments.callback(&ctx, callback).await.map_err(payment_api::Error::into_fault)
    }
}
