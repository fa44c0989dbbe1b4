//! The service on a throwaway folder, with a local handle and one over a real port. No test logic.

use kit::{Placement, Secret};
use outbox::Outbox;
use rpc::{Ctx, Endpoint, ServeError};
use shard::{Ids, Schema};
use tenant::{Deps, Options, Running};
use tenant_api::{NewTenant, TenantClient, Theme, tenant_router};
use testkit::TempShards;
use tokio::task::JoinSet;
use types::Texts;

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };

pub struct World {
    client: TenantClient,
    pub router: axum::Router,
    pub document: utoipa::openapi::OpenApi,
    pub shards: TempShards,
    servers: JoinSet<Result<(), ServeError>>,
}

impl World {
    pub async fn new() -> Self {
        Self::on(TempShards::with_clock(testkit::test_clock())).await
    }

    /// The same folder after a restart.
    pub async fn restarted(self) -> Self {
        let Self { mut shards, client, router, servers, .. } = self;
        drop((client, router, servers));
        shards.reopen().await;
        Self::on(shards).await
    }

    async fn on(shards: TempShards) -> Self {
        let db = shards.single(tenant::SCHEMA).await;
        let platform = shards.single(PLATFORM).await;
        let ids = Ids::lease(&system(), platform, shards.options().worker_lease).await.unwrap();
        let deps = Deps { outbox: Outbox::new(db.clone()), db, ids };
        let Running { client, api, .. } = tenant::start(deps, Options::default());
        assert!(api.schema_conflicts().is_empty());
        let (router, document) = api.finish();
        Self { client, router, document, shards, servers: JoinSet::new() }
    }

    pub fn local(&self) -> TenantClient {
        self.client.clone()
    }

    pub async fn remote(&mut self) -> TenantClient {
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (listener, address) = testkit::free_listener().await;
        let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
        let router = tenant_router(self.local());
        self.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        TenantClient::remote(endpoint)
    }
}

/// The platform itself.
pub fn system() -> Ctx {
    testkit::test_ctx("platform")
}

/// A tenant to add with a host of its own: `CODE.localhost`.
pub fn new_tenant(code: &str, placement: (u8, u8, u8, u8)) -> NewTenant {
    let (dbs, tables, first_db, first_table) = placement;
    NewTenant {
        code: code.parse().unwrap(),
        name: Texts::one("en".parse().unwrap(), code),
        hosts: vec![format!("{code}.localhost")],
        currency: "CNY".parse().unwrap(),
        locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
        theme: Theme {
            primary: "#0a7d4f".into(),
            accent: "#d4a017".into(),
            background: "#ffffff".into(),
            ..Theme::default()
        },
        shipping_fee: 800,
        placement: Placement::new(dbs, tables, first_db, first_table).unwrap(),
    }
}
