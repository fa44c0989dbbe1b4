//! What stock does when a message of an order comes or a reservation's time is over. Thin: the verbs
//! are the service's.

use std::sync::Arc;

use futures::StreamExt as _;
use inventory_api::Error;
use kit::{ErrorCode, SharedEntropy, TenantCode};
use order_api::{ACTION_RELEASE_STOCK, ACTION_SELL_STOCK, Brief, OrderClient, OrderMessage};
use outbox::{ConsumeError, Consumer};
use rpc::{Ctx, Fault, ServiceError as _, TraceId};
use tasks::{TaskHandle, TaskKind, Tasks};
use types::OrderId;

use crate::model::Verb;
use crate::service::Service;

const EXPIRY: TaskKind = TaskKind::new("inventory.expiry").restarting();
/// Orders that are asked about in one call.
const ASK_MAX: usize = 200;
/// Tenants whose reservations are ended at the same time at most.
const TENANTS_AT_ONCE: usize = 4;

/// The consumers of this service.
pub fn consumers(service: &Arc<Service>) -> Vec<Consumer> {
    vec![
        on(service, "inventory.release_stock", ACTION_RELEASE_STOCK, Verb::Release),
        on(service, "inventory.sell_stock", ACTION_SELL_STOCK, Verb::SellOrdered),
    ]
}

fn on(service: &Arc<Service>, name: &'static str, topic: &'static str, verb: Verb) -> Consumer {
    let service = Arc::clone(service);
    Consumer::from_fn(name, [topic], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let command: OrderMessage = message.json()?;
            let order = command.data.order_id;
            service.step_once(&ctx, name, message, order, verb).await.map_err(verdict)
        }
    })
}

/// What the state refuses now it refuses for ever; everything else may pass.
fn verdict(e: Error) -> ConsumeError {
    let stays = match &e {
        Error::Fault(f) => f.code == ErrorCode::NotFound,
        _ => true,
    };
    let fault = e.into_fault();
    if stays { ConsumeError::permanent(format!("{fault:?}")) } else { fault.into() }
}

/// Ends reservations whose time is over: what an order needs is bound to it, the rest is given back.
/// Which it is says `order`; while that cannot be asked, nothing is given back.
#[derive(Clone)]
pub struct Expiry {
    service: Arc<Service>,
    entropy: SharedEntropy,
}

impl Expiry {
    pub(crate) fn new(service: Arc<Service>, entropy: SharedEntropy) -> Self {
        Self { service, entropy }
    }

    /// Looks for expired reservations every `expiry_every` until the process stops.
    pub fn spawn(self, tasks: &Tasks, orders: OrderClient) -> TaskHandle {
        tasks.spawn_restarting(EXPIRY, move || {
            let (expiry, orders) = (self.clone(), orders.clone());
            async move { expiry.run(&orders).await }
        })
    }

    async fn run(&self, orders: &OrderClient) -> Result<(), Fault> {
        let options = &self.service.options;
        loop {
            if self.run_once(orders).await? < options.expiry_batch as usize {
                tokio::time::sleep(options.expiry_every).await;
            }
        }
    }

    /// One round; how many reservations were due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_once(&self, orders: &OrderClient) -> Result<usize, Fault> {
        let due = self.service.claim_due(&self.ctx(TenantCode::platform())?).await?;
        let count = due.values().map(Vec::len).sum();
        let ends = due.into_iter().map(|(tenant, ids)| self.end_all(orders, tenant, ids));
        // One tenant whose orders cannot be asked about must not hold up the others.
        let ended: Vec<Result<(), Fault>> =
            futures::stream::iter(ends).buffer_unordered(TENANTS_AT_ONCE).collect().await;
        ended.into_iter().collect::<Result<(), Fault>>()?;
        Ok(count)
    }

    async fn end_all(
        &self,
        orders: &OrderClient,
        tenant: TenantCode,
        ids: Vec<OrderId>,
    ) -> Result<(), Fault> {
        for chunk in ids.chunks(ASK_MAX) {
            self.end(orders, &tenant, chunk).await?;
        }
        Ok(())
    }

    async fn end(
        &self,
        orders: &OrderClient,
        tenant: &TenantCode,
        ids: &[OrderId],
    ) -> Result<(), Fault> {
        match self.ask(orders, tenant, ids).await {
            Ok(needed) => self.settle(tenant, ids, &needed).await,
            Err(e) if ids.len() == 1 || e.code.is_retryable() => {
                self.postpone(tenant, ids, e).await
            }
            // One order that cannot be told about must not hold up the others.
            Err(_) => {
                for id in ids {
                    let one = std::slice::from_ref(id);
                    match self.ask(orders, tenant, one).await {
                        Ok(needed) => self.settle(tenant, one, &needed).await?,
                        Err(e) => self.postpone(tenant, one, e).await?,
                    }
                }
                Ok(())
            }
        }
    }

    /// The orders among these that exist and need their stock.
    async fn ask(
        &self,
        orders: &OrderClient,
        tenant: &TenantCode,
        ids: &[OrderId],
    ) -> Result<Vec<OrderId>, Fault> {
        let ctx = self.ctx(tenant.clone())?;
        let briefs = orders.settle(&ctx, Brief { order_ids: ids.to_vec() }).await;
        let briefs = briefs.map_err(rpc::ServiceError::into_fault)?;
        Ok(briefs.into_iter().filter(|b| b.holds_stock).map(|b| b.id).collect())
    }

    async fn settle(
        &self,
        tenant: &TenantCode,
        ids: &[OrderId],
        needed: &[OrderId],
    ) -> Result<(), Fault> {
        for id in ids {
            let ctx = self.ctx(tenant.clone())?;
            let step = if needed.contains(id) {
                self.service.bind_order(&ctx, *id).await
            } else {
                self.service.step(&ctx, *id, Verb::Expire, "expired").await
            };
            match step {
                Ok(()) => {}
                // It was released meanwhile; the order closes itself when it learns that.
                Err(Error::ReservationOver) => {}
                // One that cannot be ended must not hold up the others.
                Err(e) => self.postpone(tenant, std::slice::from_ref(id), e.into_fault()).await?,
            }
        }
        Ok(())
    }

    async fn postpone(
        &self,
        tenant: &TenantCode,
        ids: &[OrderId],
        why: Fault,
    ) -> Result<(), Fault> {
        tracing::warn!(
            tenant = %tenant,
            orders = ids.len(),
            error = ?why,
            "expired reservations wait: they cannot be ended now"
        );
        let pause = self.service.options.expiry_retry;
        self.service.check_later(&self.ctx(tenant.clone())?, ids, pause).await
    }

    fn ctx(&self, tenant: TenantCode) -> Result<Ctx, Fault> {
        let number = || self.entropy.next_u64().map_err(Fault::internal);
        let trace = u128::from(number()?) << 64 | u128::from(number()?);
        let trace = TraceId::from_random(trace, number()?);
        let within = self.service.options.expiry_within;
        Ok(Ctx::system(tenant, "inventory.expiry", within, trace))
    }
}
