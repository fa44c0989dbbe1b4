//! How an operator's command reaches the platform of a data folder: through the running server's
//! loopback endpoint, or by starting the platform itself when no server has the folder. The endpoint's
//! address and secret stand in a file that only the folder's owner can read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kit::{Entropy as _, Secret, SharedEntropy, SystemClock, SystemEntropy, TenantCode};
use rpc::{Ctx, Endpoint, Fault};
use serde::{Deserialize, Serialize};
use tasks::{TaskKind, Tasks};
use tokio::net::TcpListener;

use crate::backup::Backups;
use crate::commands::DataArgs;
use crate::engine::Home;
use crate::growth::{self, GrowthClient, growth_router};
use crate::operator::{Local, OperatorClient, operator_router};
use crate::options::{PlatformOptions, Settings};
use crate::platform::{Platform, Start, system_ctx};

const ENDPOINT_FILE: &str = "operator.json";
const ENDPOINT: TaskKind = TaskKind::new("stoa.operator").finishing();
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

    /// Reaches the platform of a folder.
    ///
    /// # Errors
    /// When a server has the folder and cannot be reached, or the platform cannot start.
    pub async fn to(folder: &Path) -> anyhow::Result<Self> {
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
    /// When what is known of it cannot be read.
    pub async fn to_server(folder: &Path) -> anyhow::Result<Option<Self>> {
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        Self::through_server(folder, &entropy).await
    }

    async fn through_server(
        folder: &Path,
        entropy: &SharedEntropy,
    ) -> anyhow::Result<Option<Self>> {
        let path = folder.join(ENDPOINT_FILE);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let file: EndpointFile = serde_json::from_str(&text)?;
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
        // The file of a server that was killed is still there; nobody answers at its address then.
        let ctx = access.ctx(TenantCode::platform(), Duration::from_secs(2))?;
        let request = tenant_api::List { cursor: None, limit: kit::Limit::new(1)? };
        Ok(access.tenant.list(&ctx, request).await.is_ok().then_some(access))
    }

    /// A context of this command.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn ctx(&self, tenant: TenantCode, within: Duration) -> Result<Ctx, Fault> {
        system_ctx(tenant, &self.entropy, within)
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

fn local(platform: &Platform) -> Local {
    Local {
        outboxes: platform.outboxes.clone(),
        databases: platform.databases.clone(),
        shards: platform.shards.clone(),
        ids: platform.ids.clone(),
        backups: Backups::of(platform),
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
