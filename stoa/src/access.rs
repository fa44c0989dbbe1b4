//! How an operator's command reaches the platform of a data folder: through the running server's
//! loopback endpoint, or by starting the platform itself when no server has the folder. The endpoint's
//! address and secret stand in a file that only the folder's owner can read.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kit::{Entropy as _, ErrorCode, Secret, SharedEntropy, SystemClock, SystemEntropy, TenantCode};
use rpc::{Ctx, Endpoint, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use tasks::{TaskKind, Tasks};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::backup::Backups;
use crate::commands::{DataArgs, failed};
use crate::engine::Home;
use crate::growth::{self, GrowthClient, growth_router};
use crate::operator::{Answer, Local, OperatorClient, operator_router};
use crate::options::{PlatformOptions, Settings};
use crate::platform::{Platform, Start, system_ctx};

const ENDPOINT_FILE: &str = "operator.json";
const ENDPOINT: TaskKind = TaskKind::new("stoa.operator").finishing();
/// The longest a running server may take to say that it is there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a command's own platform gets to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct EndpointFile {
    address: String,
    #[serde(serialize_with = "kit::secret::reveal")]
    secret: Secret<String>,
    pid: u32,
}

/// What a command works with.
pub struct Access {
    /// Tenants.
    pub tenant: tenant_api::TenantClient,
    /// Products and imports.
    pub product: product_api::ProductClient,
    /// Stock.
    pub inventory: inventory_api::InventoryClient,
    /// Orders and flows.
    pub order: order_api::OrderClient,
    /// Finding products and orders.
    pub search: search_api::SearchClient,
    /// Messages and health.
    pub operator: OperatorClient,
    /// Growing tenants.
    pub growth: GrowthClient,
    entropy: SharedEntropy,
    own: Option<(Platform, Option<Home>)>,
}

impl Access {
    /// Reaches the platform of a folder, or of settings, works with it, and lets go of it whatever came of
    /// the work.
    ///
    /// # Errors
    /// When it cannot be reached; what the work says.
    pub async fn with<T>(
        at: &DataArgs,
        work: impl AsyncFnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let access = Self::open(at).await?;
        let done = work(&access).await;
        access.close().await;
        done
    }

    /// Reaches the platform of a folder, or of settings.
    ///
    /// # Errors
    /// When a server has the folder and cannot be reached, or the platform cannot start.
    pub async fn open(at: &DataArgs) -> anyhow::Result<Self> {
        let Some(file) = &at.config else { return Self::to(&at.data).await };
        let settings = Settings::load(Some(file.clone()))?;
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        match Self::through_server(&settings.server.data, &entropy).await? {
            Some(access) => Ok(access),
            None => {
                settings.remember()?;
                Self::start(settings.platform(), None, entropy).await
            }
        }
    }

    async fn to(folder: &Path) -> anyhow::Result<Self> {
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        if let Some(access) = Self::through_server(folder, &entropy).await? {
            return Ok(access);
        }
        let at = folder.to_owned();
        let home = tokio::task::spawn_blocking(move || Home::of_folder(&at)).await??;
        let mut options = PlatformOptions::in_folder(folder);
        options.shards.backend = home.backend();
        Self::start(options, Some(home), entropy).await
    }

    async fn start(
        options: PlatformOptions,
        home: Option<Home>,
        entropy: SharedEntropy,
    ) -> anyhow::Result<Self> {
        let start = Start {
            options,
            clock: Arc::new(SystemClock),
            entropy: Arc::clone(&entropy),
            tasks: Tasks::new(),
            metrics: None,
        };
        // boxed: it would make the future of every command large
        let platform = Box::pin(Platform::start(start)).await.map_err(explain)?;
        let clients = platform.clients.clone();
        Ok(Self {
            tenant: clients.tenant,
            product: clients.product,
            inventory: clients.inventory,
            order: clients.order,
            search: clients.search,
            operator: OperatorClient::local(local(&platform)),
            growth: GrowthClient::local(growing(&platform)),
            entropy,
            own: Some((platform, home)),
        })
    }

    /// Reaches the server of a folder; none when there is none.
    ///
    /// # Errors
    /// When what is known of it cannot be read, or somebody is there and does not answer as a server does.
    pub async fn to_server(folder: &Path) -> anyhow::Result<Option<Self>> {
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        Self::through_server(folder, &entropy).await
    }

    async fn through_server(
        folder: &Path,
        entropy: &SharedEntropy,
    ) -> anyhow::Result<Option<Self>> {
        Self::reach(folder, entropy, ANSWERS_WITHIN).await
    }

    /// The file of a server that was killed is still there; nobody listens at its address then, and only then
    /// is there none. One whose databases are away answers all the same, and that is when a command may have
    /// to help it.
    async fn reach(
        folder: &Path,
        entropy: &SharedEntropy,
        within: Duration,
    ) -> anyhow::Result<Option<Self>> {
        let path = folder.join(ENDPOINT_FILE);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let file: EndpointFile = serde_json::from_str(&text)?;
        let knock = tokio::time::timeout(within, TcpStream::connect(&file.address)).await;
        if matches!(knock, Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionRefused) {
            return Ok(None);
        }
        let endpoint = Endpoint::new(&format!("http://{}", file.address), &file.secret)?;
        let access = Self {
            tenant: tenant_api::TenantClient::remote(endpoint.clone()),
            product: product_api::ProductClient::remote(endpoint.clone()),
            inventory: inventory_api::InventoryClient::remote(endpoint.clone()),
            order: order_api::OrderClient::remote(endpoint.clone()),
            search: search_api::SearchClient::remote(endpoint.clone()),
            operator: OperatorClient::remote(endpoint.clone()),
            growth: GrowthClient::remote(endpoint),
            entropy: Arc::clone(entropy),
            own: None,
        };
        let ctx = access.ctx(TenantCode::platform(), within)?;
        match access.operator.answer(&ctx, Answer {}).await {
            Ok(()) => Ok(Some(access)),
            Err(fault) => Err(silent(&file, &path, &fault)),
        }
    }

    /// A context of this command.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn ctx(&self, tenant: TenantCode, within: Duration) -> Result<Ctx, Fault> {
        system_ctx(tenant, &self.entropy, within)
    }

    /// Asks within a time that may be longer than that of one call ([`rpc::ctx::DEADLINE_MAX`]): what runs out
    /// of a call's time is asked again. For what goes on where it was when it is asked again.
    ///
    /// # Errors
    /// What the answer says; when there is none within the time.
    pub async fn patiently<T, E: ServiceError>(
        &self,
        tenant: &TenantCode,
        within: Duration,
        ask: impl AsyncFn(&Ctx) -> Result<T, E>,
    ) -> anyhow::Result<T> {
        repeat(within, |left| self.ctx(tenant.clone(), left), ask).await.map_err(failed)
    }

    /// Stops what was started for the command.
    pub async fn close(self) {
        let Some((platform, home)) = self.own else { return };
        platform.stop(STOP_WITHIN).await;
        if let Some(home) = home
            && let Err(e) = home.close().await
        {
            tracing::warn!(error = %e, "the database server of the data folder did not end in order");
        }
    }
}

/// What to do about somebody who listens where a server should be, and does not answer as one.
fn silent(file: &EndpointFile, path: &Path, fault: &Fault) -> anyhow::Error {
    let is_late = matches!(fault.code, ErrorCode::DeadlineExceeded | ErrorCode::Unavailable);
    let (why, then) = if is_late {
        ("does not answer in time; it may be busy", "try again, or stop it")
    } else {
        ("does not answer as this program does", "use the command of its own version, or stop it")
    };
    anyhow::anyhow!(
        "the server of this folder (process {}, at {}) {why}: {}. Look whether it runs; {then}. When it does not \
         run, another program has got its address: remove {}",
        file.pid,
        file.address,
        fault.chain(),
        path.display()
    )
}

async fn repeat<T, E: ServiceError>(
    within: Duration,
    ctx: impl Fn(Duration) -> Result<Ctx, Fault>,
    ask: impl AsyncFn(&Ctx) -> Result<T, E>,
) -> Result<T, Fault> {
    let end = Instant::now() + within;
    loop {
        let ctx = ctx(end.saturating_duration_since(Instant::now()))?;
        match ask(&ctx).await {
            Err(e) if e.code() == ErrorCode::DeadlineExceeded && Instant::now() < end => {}
            done => return done.map_err(ServiceError::into_fault),
        }
    }
}

fn local(platform: &Platform) -> Local {
    Local {
        outboxes: platform.outboxes.clone(),
        broker: platform.broker.clone(),
        databases: platform.databases.clone(),
        shards: platform.shards.clone(),
        backups: Backups::of(platform),
        takeover: Mutex::default(),
    }
}

/// What grows tenants of a running platform.
#[must_use]
pub fn growing(platform: &Platform) -> growth::Local {
    growth::Local {
        tenant: platform.clients.tenant.clone(),
        order: platform.clients.order.clone(),
        databases: platform.databases.clone(),
        clock: Arc::clone(platform.clock()),
    }
}

/// A start that failed tells why, not only that it did.
pub(crate) fn explain(fault: Fault) -> anyhow::Error {
    let chain = fault.chain();
    if chain.is_empty() || chain == fault.message {
        return anyhow::anyhow!("{}", fault.message);
    }
    anyhow::anyhow!("{}: {chain}", fault.message)
}

/// Lets commands reach a running platform: serves its services on a loopback port until the tasks stop.
///
/// # Errors
/// When the port or the file cannot be made.
pub async fn open_endpoint(platform: &Platform, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut bytes = [0_u8; 32];
    SystemEntropy.fill(&mut bytes)?;
    let secret = Secret::new(hex::encode(bytes));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let clients = platform.clients.clone();
    let routers = vec![
        tenant_api::tenant_router(clients.tenant),
        product_api::product_router(clients.product),
        inventory_api::inventory_router(clients.inventory),
        order_api::order_router(clients.order),
        search_api::search_router(clients.search),
        operator_router(OperatorClient::local(local(platform))),
        growth_router(GrowthClient::local(growing(platform))),
    ];
    let (token, serving) = (platform.tasks.token(), secret.clone());
    platform.tasks.spawn(ENDPOINT, async move {
        rpc::serve(listener, routers, &serving, async move { token.cancelled().await }).await
    });
    let path = folder.join(ENDPOINT_FILE);
    let file = EndpointFile { address, secret, pid: std::process::id() };
    write_private(&path, &serde_json::to_vec(&file)?)?;
    Ok(path)
}

/// Written beside and renamed, so that nobody reads half of it.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("tmp");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use kit::SharedEntropy;

    use super::*;

    /// As long as a call may take here, and all of them together.
    const CALL: Duration = Duration::from_millis(50);
    const WITHIN: Duration = Duration::from_secs(2);

    fn ctx(within: Duration) -> Result<Ctx, Fault> {
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        system_ctx(TenantCode::platform(), &entropy, within.min(CALL))
    }

    /// Works as long, all calls together, and is cut off where a call ends.
    async fn takes(work: Duration) -> (Result<(), Fault>, Duration, u32) {
        let (began, calls) = (Instant::now(), AtomicU32::new(0));
        let done = repeat(WITHIN, ctx, async |ctx: &Ctx| {
            calls.fetch_add(1, Ordering::SeqCst);
            let end = began + work;
            tokio::time::sleep_until(end.min(ctx.deadline)).await;
            if Instant::now() >= end { Ok(()) } else { ctx.check_deadline() }
        });
        (done.await, began.elapsed(), calls.into_inner())
    }

    #[tokio::test]
    async fn what_takes_longer_than_a_call_is_asked_for_again_until_its_own_time_is_over() {
        let (done, _, calls) = takes(Duration::ZERO).await;
        assert!(done.is_ok() && calls == 1, "{done:?} after {calls} calls");
        let (done, took, calls) = takes(3 * CALL).await;
        assert!(done.is_ok() && calls >= 2 && took >= 3 * CALL, "{done:?} {calls} {took:?}");
        let (done, took, _) = takes(10 * WITHIN).await;
        assert_eq!(done.unwrap_err().code, ErrorCode::DeadlineExceeded);
        assert!(took >= WITHIN && took < 2 * WITHIN, "{took:?}");
    }

    /// What a command finds where the file of a server names this address.
    async fn found(address: &str) -> anyhow::Result<Option<Access>> {
        let folder = tempfile::tempdir().unwrap();
        let (address, secret) = (address.to_owned(), Secret::new("0123456789abcdef".to_owned()));
        let file = EndpointFile { address, secret, pid: 7 };
        let path = folder.path().join(ENDPOINT_FILE);
        write_private(&path, &serde_json::to_vec(&file).unwrap()).unwrap();
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        Access::reach(folder.path(), &entropy, Duration::from_millis(500)).await
    }

    #[tokio::test]
    async fn where_nobody_listens_there_is_no_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert!(found(&address).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_server_that_is_busy_is_not_taken_for_none() {
        let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = busy.local_addr().unwrap().to_string();
        let told = found(&address).await.err().unwrap().to_string();
        assert!(told.contains("process 7") && told.contains("try again, or stop it"), "{told}");
    }

    #[tokio::test]
    async fn a_server_of_another_version_is_not_taken_for_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // an older one knows nothing of whether anybody is there
        let secret = Secret::new("0123456789abcdef".to_owned());
        let serving = rpc::serve(listener, Vec::new(), &secret, std::future::pending());
        let found = tokio::select! {
            found = found(&address) => found,
            _ = serving => panic!("it serves no more"),
        };
        let told = found.err().unwrap().to_string();
        assert!(told.contains("use the command of its own version"), "{told}");
    }

    #[tokio::test]
    async fn a_refusal_is_not_asked_for_again() {
        let calls = AtomicU32::new(0);
        let refused = repeat(WITHIN, ctx, async |_: &Ctx| {
            calls.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(Fault::new(ErrorCode::Unavailable, "not now"))
        });
        assert_eq!(refused.await.unwrap_err().code, ErrorCode::Unavailable);
        assert_eq!(calls.into_inner(), 1);
    }
}
