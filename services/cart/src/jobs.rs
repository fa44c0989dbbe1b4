//! What carts do when an order was placed, and with what is too old. Thin.

use std::sync::Arc;

use cart_api::Consume;
use kit::{SharedEntropy, TenantCode};
use order_api::{CREATED, OrderMessage};
use outbox::{ConsumeError, Consumer, Message};
use rpc::{Ctx, Fault, ServiceError as _, TraceId};
use std::time::Duration;
use tasks::{TaskHandle, TaskKind, Tasks};

use crate::service::Service;

const PURGE: TaskKind = TaskKind::new("cart.purge").restarting();
const CONSUME: &str = "cart.consume";
/// Orders that are taken out in one transaction, at most.
const TOGETHER_MAX: usize = 32;
/// How long one batch of the purge may take.
const PURGE_WITHIN: Duration = Duration::from_secs(10);

/// The consumers of this service. It needs no inbox: the mark of an order that was taken out is the same
/// promise, and is kept longer.
pub fn consumers(service: &Arc<Service>) -> Vec<Consumer> {
    vec![Consumer::new(CONSUME, [CREATED], TakeOut(Arc::clone(service)))]
}

struct TakeOut(Arc<Service>);

fn ordered(message: &Message) -> Result<Consume, ConsumeError> {
    let event: OrderMessage = message.json()?;
    let lines = event.data.units().map(|l| (l.sku_id, l.quantity)).collect();
    Ok(Consume { member_id: event.data.member_id, order_id: event.data.order_id, lines })
}

#[rpc::async_trait]
impl outbox::Consume for TakeOut {
    async fn consume(&self, ctx: &Ctx, message: &Message) -> Result<(), ConsumeError> {
        let taken = self.0.take_out(ctx, ordered(message)?).await;
        taken.map_err(|e| e.into_fault().into())
    }

    fn together_max(&self) -> usize {
        TOGETHER_MAX
    }

    async fn consume_many(&self, ctx: &Ctx, messages: &[Arc<Message>]) -> Result<(), ConsumeError> {
        let all = messages.iter().map(|m| ordered(m)).collect::<Result<Vec<_>, _>>()?;
        self.0.take_all_out(ctx, all).await.map_err(|e| e.into_fault().into())
    }
}

/// Deletes anonymous carts that have expired, and marks of orders that nobody asks about any more.
#[derive(Clone)]
pub struct Purge {
    service: Arc<Service>,
    entropy: SharedEntropy,
}

impl Purge {
    pub(crate) fn new(service: Arc<Service>, entropy: SharedEntropy) -> Self {
        Self { service, entropy }
    }

    /// Purges every `purge_every` until the process stops.
    pub fn spawn(self, tasks: &Tasks) -> TaskHandle {
        tasks.spawn_restarting(PURGE, move || {
            let purge = self.clone();
            async move { purge.run().await }
        })
    }

    async fn run(&self) -> Result<(), Fault> {
        let options = &self.service.options;
        loop {
            if self.run_once().await? < options.purge_batch as usize {
                tokio::time::sleep(options.purge_every).await;
            }
        }
    }

    /// One batch; how many rows were deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_once(&self) -> Result<usize, Fault> {
        let number = || self.entropy.next_u64().map_err(Fault::internal);
        let trace = TraceId::from_random(number()?.into(), number()?);
        let ctx = Ctx::system(TenantCode::platform(), "cart.purge", PURGE_WITHIN, trace);
        self.service.purge(&ctx).await
    }
}
