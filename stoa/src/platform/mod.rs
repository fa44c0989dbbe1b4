//! The whole platform in one process: databases, services, relays and the front door, started in order
//! and stopped together. Tests, the demo and `serve` call the same [`Platform::start`]. Wiring only: what
//! a service does is not known here.

mod databases;
mod front;
pub mod migrate;
mod services;

use std::sync::Arc;
use std::time::Duration;

use broker::Broker;
use futures::FutureExt as _;
use kit::{Cursor, Limit, Page, SharedClock, SharedEntropy, TenantCode};
use outbox::relay::Relay;
use outbox::{Consumer, Deliver, Outbox, Router};
use rpc::{Ctx, Fault, TraceId};
use shard::{Ids, Shards};
use tasks::{TaskKind, Tasks};
use telemetry::{Health, Metrics};
use tenant_api::{TenantClient, TenantInfo};

pub use databases::Databases;
pub use services::Clients;

use crate::options::PlatformOptions;

const REPLICAS: TaskKind = TaskKind::new("replicas.measure");
const RENEW: TaskKind = TaskKind::new("worker.renew").restarting();
/// How long the first steps of a start may take.
const START_WITHIN: Duration = Duration::from_secs(30);
const TENANTS_PAGE: u32 = Limit::MAX;

/// A running platform.
pub struct Platform {
    /// The services.
    pub clients: Clients,
    /// Every service's outbox by the name of its database, for operators.
    pub outboxes: Vec<(&'static str, Outbox)>,
    /// What messages between services go over, when that is a broker.
    pub broker: Option<Broker>,
    /// The databases.
    pub databases: Databases,
    /// What holds them.
    pub shards: Shards,
    /// The front door.
    pub bus: bus::Bus,
    /// The API document, as it is served.
    pub openapi: String,
    /// Names of schemas that mean different things in different services; a test asserts there are none.
    pub schema_conflicts: Vec<String>,
    /// Readiness.
    pub health: Health,
    /// Where ids come from.
    pub ids: Ids,
    /// Everything that runs in the background.
    pub tasks: Tasks,
    clock: SharedClock,
    entropy: SharedEntropy,
}

/// What a platform is started with.
pub struct Start {
    /// Limits, times, folders.
    pub options: PlatformOptions,
    /// The time.
    pub clock: SharedClock,
    /// Randomness.
    pub entropy: SharedEntropy,
    /// Where background tasks run.
    pub tasks: Tasks,
    /// What was measured, when this process shows it.
    pub metrics: Option<Metrics>,
}

impl Platform {
    /// Starts everything. When it returns, every service answers.
    ///
    /// # Errors
    /// When the data folder is in use or unusable, or a schema is not of this program.
    pub async fn start(start: Start) -> Result<Self, Fault> {
        let Start { options, clock, entropy, tasks, metrics } = start;
        let ctx = system_ctx(TenantCode::platform(), &entropy, START_WITHIN)?;
        let shards = open(&options, &clock).await?;
        if !options.migrate_at_start {
            migrate::refuse(&migrate::of_whole(&shards).await?)?;
        }
        let databases = Databases::open(&shards).await?;
        let ids = Ids::lease(&ctx, databases.platform.clone(), options.shards.worker_lease).await?;
        keep_lease(&tasks, &ids, &entropy, options.shards.worker_lease);
        tasks.spawn(REPLICAS, shards.watch_replicas().map(Ok::<(), Fault>));
        let tenants = services::tenants(&databases, &options, &ids);
        if !options.migrate_at_start {
            let cells = migrate::cells_of(&ctx, &tenants).await?;
            migrate::refuse(&migrate::of_cells(&shards, &cells).await?)?;
        }
        // Before anything runs in the background: whatever finds no cell must not take it for no order.
        ensure_all_cells(&ctx, &tenants, &databases).await?;
        let wired = services::wire(&services::Wiring {
            databases: &databases,
            options: &options,
            ids: &ids,
            clock: &clock,
            entropy: &entropy,
            tasks: &tasks,
        })?;
        let clients = wired.clients.clone();
        let mut consumers = wired.consumers;
        let hub = web::Hub::new(web::live::Options::default(), tasks.token());
        consumers.extend(web::feed::consumers(&hub));
        consumers.push(new_cells(&clients, &databases));
        let sources = (Arc::clone(&clock), Arc::clone(&entropy));
        let (deliver, broker) = delivery(&tasks, options.broker.clone(), sources, consumers)?;
        for (_, outbox) in &wired.outboxes {
            let relay = options.relay.clone();
            Relay::start(&tasks, outbox.clone(), deliver.clone(), Arc::clone(&entropy), relay)?;
        }
        let schema_conflicts = wired.api.schema_conflicts().to_vec();
        let health = Health::new();
        let front = front::Front {
            clients: clients.clone(),
            api: wired.api,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            health: health.clone(),
            metrics,
            options: options.bus.clone(),
            hub,
            tasks: tasks.clone(),
        };
        let (bus, openapi) = front::build(front, &options)?;
        let outboxes = wired.outboxes;
        Ok(Self {
            clients,
            outboxes,
            broker,
            databases,
            shards,
            bus,
            openapi,
            schema_conflicts,
            health,
            ids,
            tasks,
            clock,
            entropy,
        })
    }

    /// A context for something the platform itself does for a tenant.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn system_ctx(&self, tenant: TenantCode, within: Duration) -> Result<Ctx, Fault> {
        system_ctx(tenant, &self.entropy, within)
    }

    /// The clock everything runs by.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Where randomness comes from.
    #[must_use]
    pub fn entropy(&self) -> &SharedEntropy {
        &self.entropy
    }

    /// Makes sure that every tenant's cells exist; a new tenant's are made by the event of its adding,
    /// and this waits for it.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub async fn ensure_cells(&self) -> Result<(), Fault> {
        let ctx = self.system_ctx(TenantCode::platform(), START_WITHIN)?;
        ensure_all_cells(&ctx, &self.clients.tenant, &self.databases).await
    }

    /// Stops accepting work and waits for what runs.
    pub async fn stop(self, grace: Duration) {
        self.health.drain();
        self.tasks.shutdown(grace).await;
    }
}

/// Where relays deliver to, and the consumers at its other end: in this process, or at a broker.
fn delivery(
    tasks: &Tasks,
    broker: Option<Box<broker::Options>>,
    (clock, entropy): (SharedClock, SharedEntropy),
    consumers: Vec<Consumer>,
) -> Result<(Arc<dyn Deliver>, Option<Broker>), Fault> {
    let Some(options) = broker else {
        return Ok((Arc::new(Router::new(consumers).map_err(Fault::internal)?), None));
    };
    // that it cannot be reached is no reason not to start: what is put waits
    let broker = Broker::start(tasks, *options, clock, entropy, consumers);
    let broker = broker.map_err(Fault::internal)?;
    Ok((broker.publisher(), Some(broker)))
}

/// A context for the platform's own work.
///
/// # Errors
/// When the source of randomness fails.
pub fn system_ctx(
    tenant: TenantCode,
    entropy: &SharedEntropy,
    within: Duration,
) -> Result<Ctx, Fault> {
    let mut bits = [0_u8; 24];
    entropy.fill(&mut bits).map_err(Fault::internal)?;
    let (trace, span) = bits.split_at(16);
    let trace = trace.iter().fold(0_u128, |n, b| (n << 8) | u128::from(*b));
    let span = span.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    Ok(Ctx::system(tenant, "stoa", within, TraceId::from_random(trace, span)))
}

async fn open(options: &PlatformOptions, clock: &SharedClock) -> Result<Shards, Fault> {
    let (shards, clock) = (options.shards.clone(), Arc::clone(clock));
    let open = move || Shards::open(shards, clock);
    // Whoever asked must learn why a folder cannot be used: that text is for him.
    tokio::task::spawn_blocking(open).await.map_err(Fault::internal)?.map_err(|e| {
        let text = e.to_string();
        Fault::new(kit::ErrorCode::Unavailable, text).with_slug("data_folder").because(e)
    })
}

fn keep_lease(tasks: &Tasks, ids: &Ids, entropy: &SharedEntropy, lease: Duration) {
    let (ids, entropy) = (ids.clone(), Arc::clone(entropy));
    tasks.spawn_restarting(RENEW, move || {
        let (ids, entropy) = (ids.clone(), Arc::clone(&entropy));
        async move {
            loop {
                tokio::time::sleep(lease / 3).await;
                let ctx = system_ctx(TenantCode::platform(), &entropy, lease / 3)?;
                ids.renew(&ctx).await?;
            }
            #[expect(unreachable_code, reason = "names the error type of an endless task")]
            Ok::<(), Fault>(())
        }
    });
}

async fn ensure_all_cells(
    ctx: &Ctx,
    tenants: &TenantClient,
    databases: &Databases,
) -> Result<(), Fault> {
    let mut cursor = None;
    loop {
        let page = pages(ctx, tenants, cursor).await?;
        for tenant in &page.items {
            databases.ensure_cells(&tenant.placements.routable()).await?;
        }
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

/// A page of all tenants.
async fn pages(
    ctx: &Ctx,
    tenants: &TenantClient,
    cursor: Option<Cursor>,
) -> Result<Page<TenantInfo>, Fault> {
    let limit = Limit::new(TENANTS_PAGE).map_err(Fault::internal)?;
    let request = tenant_api::List { cursor, limit };
    tenants.list(ctx, request).await.map_err(rpc::ServiceError::into_fault)
}

/// A new tenant gets its cells, and a grown one its new cells; its fences stand at its newest version.
fn new_cells(clients: &Clients, databases: &Databases) -> Consumer {
    let (clients, databases) = (clients.clone(), databases.clone());
    let topics = [tenant_api::TENANT_ADDED, tenant_api::TENANT_GROWN];
    Consumer::from_fn("stoa.cells", topics, move |ctx, _message| {
        let (clients, databases) = (clients.clone(), databases.clone());
        async move {
            let request = tenant_api::Get {};
            let tenant = clients.tenant.get(&ctx, request).await;
            let tenant = tenant.map_err(rpc::ServiceError::into_fault)?;
            databases.ensure_cells(&tenant.placements.routable()).await?;
            crate::growth::raise_fences(&ctx, &databases.order, &tenant).await?;
            Ok(())
        }
    })
}
