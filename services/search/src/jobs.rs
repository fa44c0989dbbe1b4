//! What the index does when the catalogue, the stock or an order changed, and the catch-up of tenants
//! whose catalogue and orders it has not read to the end. Thin.

use std::sync::Arc;
use std::time::Duration;

use inventory_api::{AVAILABILITY_CHANGED, AvailabilityChanged};
use kit::{Cursor, ErrorCode, Limit, SharedEntropy, TenantCode};
use order_api::{ALL_EVENTS, OrderMessage};
use outbox::{Consume, ConsumeError, Consumer, Message};
use product_api::{PRODUCT_CHANGED, ProductChanged};
use rpc::{Ctx, Fault, ServiceError as _, TraceId};
use tasks::{TaskHandle, TaskKind, Tasks};
use tenant_api::TenantClient;

use crate::model::catch_up::{Progress, What};
use crate::model::order::OrderEntry;
use crate::service::Service;

const CATCH_UP: TaskKind = TaskKind::new("search.catch_up").restarting();
/// What is away for a moment is asked for again after these pauses: the cells of a tenant that is just being
/// added are opened a moment after it is listed.
const PAUSES_MS: [u64; 5] = [200, 400, 800, 1_600, 3_200];
/// Messages of orders that are kept in one transaction, at most.
const TOGETHER_MAX: usize = 32;

/// The consumers of this service. None needs an inbox: each compares what it has with what comes.
pub fn consumers(service: &Arc<Service>) -> Vec<Consumer> {
    let (products, stock, orders) = (Arc::clone(service), Arc::clone(service), Arc::clone(service));
    vec![
        Consumer::from_fn("search.product", [PRODUCT_CHANGED], move |ctx, message| {
            let service = Arc::clone(&products);
            async move {
                let event: ProductChanged = message.json()?;
                Ok(service.keep_product(&ctx, event.spu_id).await?)
            }
        }),
        Consumer::from_fn("search.stock", [AVAILABILITY_CHANGED], move |ctx, message| {
            let service = Arc::clone(&stock);
            async move {
                let event: AvailabilityChanged = message.json()?;
                Ok(service.keep_availability(&ctx, event, message.id.seq).await?)
            }
        }),
        Consumer::new("search.order", ALL_EVENTS.iter().copied(), Orders(orders)),
    ]
}

struct Orders(Arc<Service>);

fn entry(message: &Message) -> Result<OrderEntry, ConsumeError> {
    let event: OrderMessage = message.json()?;
    Ok(OrderEntry::of(event, message.id.seq, message.created_at))
}

#[rpc::async_trait]
impl Consume for Orders {
    async fn consume(&self, ctx: &Ctx, message: &Message) -> Result<(), ConsumeError> {
        Ok(self.0.keep_orders(ctx, vec![entry(message)?]).await?)
    }

    fn together_max(&self) -> usize {
        TOGETHER_MAX
    }

    async fn consume_many(&self, ctx: &Ctx, messages: &[Arc<Message>]) -> Result<(), ConsumeError> {
        let orders = messages.iter().map(|m| entry(m)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.0.keep_orders_together(ctx, orders).await?)
    }
}

/// Reads the catalogue and the orders of every tenant that is older than the index, each once and to the end:
/// how far it is stands in the index, so that a restart or something that failed loses nothing.
#[derive(Clone)]
pub struct CatchUp {
    service: Arc<Service>,
    tenants: TenantClient,
    entropy: SharedEntropy,
    within: Duration,
}

/// What a catch-up has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Products.
    pub products: u64,
    /// Orders.
    pub orders: u64,
}

impl CatchUp {
    pub(crate) const fn new(
        service: Arc<Service>,
        tenants: TenantClient,
        entropy: SharedEntropy,
        within: Duration,
    ) -> Self {
        Self { service, tenants, entropy, within }
    }

    /// Catches up in the background, once; tries again when something fails.
    pub fn spawn(self, tasks: &Tasks) -> TaskHandle {
        tasks.spawn_restarting(CATCH_UP, move || {
            let catch_up = self.clone();
            async move { catch_up.run().await.map(|_| ()) }
        })
    }

    /// Catches up; what was read. What is away for a moment is no failure.
    ///
    /// # Errors
    /// As [`CatchUp::run_once`], when it goes on.
    pub async fn run(&self) -> Result<CaughtUp, Fault> {
        let mut all = CaughtUp::default();
        for pause in PAUSES_MS.map(Duration::from_millis) {
            match self.pass(&mut all, true).await {
                Err(fault) if fault.code == ErrorCode::Unavailable => {}
                done => return done.map(|()| all),
            }
            tokio::time::sleep(pause).await;
        }
        self.pass(&mut all, false).await.map(|()| all)
    }

    /// Catches up; what was read. A tenant of whom something cannot be read holds up no other.
    ///
    /// # Errors
    /// The first, when something could not be read: the next run goes on there.
    pub async fn run_once(&self) -> Result<CaughtUp, Fault> {
        let mut read = CaughtUp::default();
        self.pass(&mut read, false).await.map(|()| read)
    }

    /// Looks at every tenant once. With `again` somebody does so again soon when something was away.
    async fn pass(&self, read: &mut CaughtUp, again: bool) -> Result<(), Fault> {
        let (mut failed, mut cursor) = (None, None);
        loop {
            let limit = Limit::new(Limit::MAX).map_err(Fault::internal)?;
            let req = tenant_api::List { cursor, limit };
            let page = self.tenants.list(&self.ctx(TenantCode::platform())?, req).await;
            let page = page.map_err(tenant_api::Error::into_fault)?;
            for tenant in page.items {
                for (what, rows) in
                    [(What::Products, &mut read.products), (What::Orders, &mut read.orders)]
                {
                    if let Err(fault) = self.read_all(&tenant.code, what, rows).await {
                        let tenant = &tenant.code;
                        if again && fault.code == ErrorCode::Unavailable {
                            tracing::debug!(%tenant, ?what, %fault, "not all is read for searching yet");
                        } else {
                            tracing::warn!(%tenant, ?what, %fault, "not all was read for searching");
                        }
                        failed = failed.or(Some(fault));
                    }
                }
            }
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return failed.map_or(Ok(()), Err),
            }
        }
    }

    /// Goes on where it was; counts what it reads.
    async fn read_all(&self, tenant: &TenantCode, what: What, rows: &mut u64) -> Result<(), Fault> {
        let before = *rows;
        let mut progress = self.service.progress(&self.ctx(tenant.clone())?, what).await?;
        loop {
            let cursor = match progress {
                Progress::Done => break,
                Progress::Begin => None,
                Progress::At(cursor) => Some(cursor),
            };
            let ctx = self.ctx(tenant.clone())?;
            let (read, next) = match self.read_page(&ctx, what, cursor.clone()).await {
                Err(fault) if fault.code == ErrorCode::Invalid && cursor.is_some() => {
                    // A cursor of before an upgrade may mean nothing now: the next try begins anew.
                    self.service.keep_progress(&ctx, what, Progress::Begin).await?;
                    return Err(fault);
                }
                outcome => outcome?,
            };
            *rows += u64::from(read);
            progress = Progress::after(next);
            let ctx = self.ctx(tenant.clone())?;
            self.service.keep_progress(&ctx, what, progress.clone()).await?;
        }
        let read = *rows - before;
        if read > 0 {
            tracing::info!(%tenant, ?what, read, "all was read for searching");
        }
        Ok(())
    }

    async fn read_page(
        &self,
        ctx: &Ctx,
        what: What,
        cursor: Option<Cursor>,
    ) -> Result<(u32, Option<Cursor>), Fault> {
        match what {
            What::Products => {
                let page = self.service.read_page(ctx, cursor).await?;
                Ok((page.products, page.next_cursor))
            }
            What::Orders => {
                let page = self.service.read_orders(ctx, cursor).await?;
                Ok((page.orders, page.next_cursor))
            }
        }
    }

    fn ctx(&self, tenant: TenantCode) -> Result<Ctx, Fault> {
        let number = || self.entropy.next_u64().map_err(Fault::internal);
        let trace = u128::from(number()?) << 64 | u128::from(number()?);
        let trace = TraceId::from_random(trace, number()?);
        Ok(Ctx::system(tenant, "search.catch_up", self.within, trace))
    }
}
