//! What payments do by themselves: refunds that orders ask for, refunds that are not done, attempts whose
//! outcome is not known. Thin: they read the message and call the service.

use std::convert::Infallible;
use std::sync::Arc;

use futures::StreamExt as _;
use kit::{ErrorCode, Place, SharedEntropy, TenantCode};
use order_api::{ACTION_REFUND, OrderMessage};
use outbox::{ConsumeError, Consumer};
use payment_api::{PaymentEvent, REFUND_SURPLUS};
use rpc::{Ctx, Fault, TraceId};
use tasks::{TaskKind, Tasks};

use crate::service::{REFUND_DUE, RefundDue, Service};
use crate::store::{Of, PaymentRow};

const QUERIES: TaskKind = TaskKind::new("payment.queries").restarting();
/// Cells that are looked into at the same time at most.
const CELLS_AT_ONCE: usize = 4;
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

/// Whose attempts are asked for beside those of the others.
struct Lane {
    service: Arc<Service>,
    of: Arc<Of>,
    entropy: SharedEntropy,
}

/// Starts asking for attempts whose outcome is not known: a task for each provider, so that one that does not
/// answer holds up its own attempts only. The first takes those of providers that are gone as well.
pub fn spawn(service: &Arc<Service>, tasks: &Tasks, entropy: &SharedEntropy) {
    let others: Vec<&'static str> = service.providers.iter().skip(1).map(|p| p.name()).collect();
    let each = others.clone().into_iter().map(Of::Provider);
    for of in std::iter::once(Of::AllBut(others)).chain(each) {
        let (service, entropy) = (Arc::clone(service), Arc::clone(entropy));
        let lane = Arc::new(Lane { service, of: Arc::new(of), entropy });
        tasks.spawn_restarting(QUERIES, move || {
            let lane = Arc::clone(&lane);
            async move {
                queries(lane).await;
                Ok::<(), Infallible>(())
            }
        });
    }
}

/// Looks into several cells at once, again and again, and asks meanwhile: an answer that takes long keeps one
/// place of those that may be awaited, not the others waiting.
async fn queries(lane: Arc<Lane>) {
    let at_once = lane.service.options.query_concurrency.max(1);
    let rounds = futures::stream::unfold(lane, |lane| async move {
        tokio::time::sleep(lane.service.options.query_poll).await;
        let cells = lane.service.db.cells().into_iter();
        let cells: Vec<_> = cells.map(|place| (Arc::clone(&lane), place)).collect();
        Some((cells, lane))
    });
    rounds
        .flat_map(|cells| {
            let cells = futures::stream::iter(cells);
            cells.map(|(lane, place)| due_in(lane, place)).buffer_unordered(CELLS_AT_ONCE)
        })
        .flat_map(|(lane, due)| {
            let due = due.into_iter().map(move |(tenant, row)| (Arc::clone(&lane), tenant, row));
            futures::stream::iter(due)
        })
        .map(|(lane, tenant, row)| ask(lane, tenant, row))
        .buffer_unordered(at_once)
        .for_each(|()| std::future::ready(()))
        .await;
}

/// A cell that cannot be read must not hold up the others.
async fn due_in(lane: Arc<Lane>, place: Place) -> (Arc<Lane>, Vec<(TenantCode, PaymentRow)>) {
    let now = lane.service.db.clock().now();
    let due = match context(&lane, &TenantCode::platform()) {
        Ok(ctx) => lane.service.due(&ctx, place, &lane.of, now).await,
        Err(fault) => Err(fault),
    };
    let due = due.unwrap_or_else(|fault| {
        tracing::warn!(%place, error = ?fault, "open attempts of a cell are looked for later");
        Vec::new()
    });
    (lane, due)
}

async fn ask(lane: Arc<Lane>, tenant: TenantCode, row: PaymentRow) {
    let asked = match context(&lane, &tenant) {
        Ok(ctx) => lane.service.ask(&ctx, &row).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = asked {
        tracing::warn!(payment = %row.id, error = ?fault, "an open attempt is asked for later");
    }
}

fn context(lane: &Lane, tenant: &TenantCode) -> Result<Ctx, Fault> {
    let span = lane.entropy.next_u64().map_err(Fault::internal)?;
    let trace = TraceId::from_random(span.into(), span);
    // The provider's time, and as much again for our own statements.
    let within = lane.service.options.provider_within.saturating_mul(2);
    Ok(Ctx::system(tenant.clone(), "payment.queries", within, trace))
}
