//! What payments do by themselves: refunds that orders ask for, refunds that are not done, attempts whose
//! outcome is not known. Thin: they read the message and call the service.

use std::sync::Arc;

use futures::StreamExt as _;
use kit::{ErrorCode, SharedEntropy, TenantCode};
use order_api::{ACTION_REFUND, OrderMessage};
use outbox::{ConsumeError, Consumer};
use payment_api::{PaymentEvent, REFUND_SURPLUS};
use rpc::{Ctx, Fault, TraceId};
use tasks::{TaskKind, Tasks};

use crate::service::{REFUND_DUE, RefundDue, Service};
use crate::store::PaymentRow;

const QUERIES: TaskKind = TaskKind::new("payment.queries").restarting();
const SURPLUS: &str = "payment.refund_surplus";
const OF_ORDER: &str = "payment.refund_order";
const DUE: &str = "payment.refund_due";

/// The consumers of this service.
pub fn consumers(service: &Arc<Service>) -> Vec<Consumer> {
    vec![surplus(service), of_order(service), due(service)]
}

fn surplus(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    Consumer::from_fn(SURPLUS, [REFUND_SURPLUS], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let event: PaymentEvent = message.json()?;
            service.refund_surplus(&ctx, SURPLUS, message, event).await.map_err(verdict)
        }
    })
}

fn of_order(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    Consumer::from_fn(OF_ORDER, [ACTION_REFUND], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let order: OrderMessage = message.json()?;
            service.refund_order(&ctx, OF_ORDER, message, order).await.map_err(verdict)
        }
    })
}

fn due(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    Consumer::from_fn(DUE, [REFUND_DUE], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let RefundDue { refund_id } = message.json()?;
            service.execute(&ctx, refund_id).await.map(|_| ()).map_err(verdict)
        }
    })
}

/// What is not there will not come, and what a provider refuses it will refuse again: people must look.
fn verdict(fault: Fault) -> ConsumeError {
    if matches!(fault.code, ErrorCode::NotFound | ErrorCode::Unprocessable) {
        return ConsumeError::permanent(format!("{fault:?}"));
    }
    fault.into()
}

/// Starts asking for attempts whose outcome is not known.
pub fn spawn(service: &Arc<Service>, tasks: &Tasks, entropy: SharedEntropy) {
    let service = Arc::clone(service);
    tasks.spawn_restarting(QUERIES, move || {
        let (service, entropy) = (Arc::clone(&service), Arc::clone(&entropy));
        async move { queries(&service, &entropy).await }
    });
}

async fn queries(service: &Service, entropy: &SharedEntropy) -> Result<(), Fault> {
    let everybody: TenantCode = "platform".parse().map_err(Fault::internal)?;
    loop {
        tokio::time::sleep(service.options.query_poll).await;
        for place in service.db.cells() {
            let now = service.db.clock().now();
            let due = service.due(&context(service, &everybody, entropy)?, place, now).await?;
            let asked = futures::stream::iter(due)
                .map(|(tenant, row)| ask(service, tenant, row, entropy))
                .buffer_unordered(service.options.query_concurrency.max(1));
            asked.for_each(|()| std::future::ready(())).await;
        }
    }
}

async fn ask(service: &Service, tenant: TenantCode, row: PaymentRow, entropy: &SharedEntropy) {
    let asked = match context(service, &tenant, entropy) {
        Ok(ctx) => service.ask(&ctx, &row).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = asked {
        tracing::warn!(payment = %row.id, error = ?fault, "an open attempt is asked for later");
    }
}

fn context(service: &Service, tenant: &TenantCode, entropy: &SharedEntropy) -> Result<Ctx, Fault> {
    let span = entropy.next_u64().map_err(Fault::internal)?;
    let trace = TraceId::from_random(span.into(), span);
    // The provider's time, and as much again for our own two statements.
    let within = service.options.provider_within.saturating_mul(2);
    Ok(Ctx::system(tenant.clone(), "payment.queries", within, trace))
}
