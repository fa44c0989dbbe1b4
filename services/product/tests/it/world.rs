//! The service on a throwaway folder, with a local handle and one over a real port, its messages relayed
//! and a warehouse that remembers. No test logic.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use inventory_api::{InventoryClient, InventoryMock};
use kit::{ErrorCode, Money, Placement, Placements, Secret};
use outbox::{Outbox, Relay, Router};
use product::{Deps, Options, Running};
use product_api::{
    ChannelPrice, GetProduct, Image, NewProduct, NewSku, ProductClient, ProductInfo, ProductOption,
    ProductRef, ProductStatus, product_router,
};
use rpc::{Ctx, Endpoint, Fault, ServeError};
use shard::{Ids, Schema};
use tasks::Tasks;
use tenant_api::{CachedTenants, TenantClient, TenantInfo, TenantMock, Theme};
use testkit::TempShards;
use tokio::task::JoinSet;
use types::{ImportId, SkuId, SpuId, Texts};

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };

/// What the warehouse was told, by tenant and sku, and how often.
#[derive(Default)]
pub struct Warehouse {
    pub levels: Mutex<BTreeMap<(String, SkuId), i64>>,
    pub calls: AtomicU32,
    /// Calls to refuse before one is taken.
    pub refusals: AtomicU32,
    /// Calls that are taken and whose answer gets lost.
    pub lost_answers: AtomicU32,
    /// Which parts of which imports were told of, call by call.
    pub parts: Mutex<Vec<(ImportId, u32)>>,
}

impl Warehouse {
    pub fn units(&self) -> i64 {
        self.levels.lock().unwrap().values().sum()
    }

    pub fn len(&self) -> usize {
        self.levels.lock().unwrap().len()
    }

    fn client(self: &Arc<Self>) -> InventoryClient {
        let told = Arc::clone(self);
        InventoryClient::mock(InventoryMock::new().on_set_imported(move |ctx, req| {
            told.calls.fetch_add(1, Ordering::SeqCst);
            if told.refusals.load(Ordering::SeqCst) > 0 {
                told.refusals.fetch_sub(1, Ordering::SeqCst);
                return Err(Fault::new(ErrorCode::Unavailable, "closed").into());
            }
            let (part, set) = ((req.import_id, req.part), req.set);
            assert!(set.levels.len() <= 200);
            let is_first = {
                let mut parts = told.parts.lock().unwrap();
                parts.push(part);
                parts.iter().filter(|p| **p == part).count() == 1
            };
            // As the real one: each part once.
            let mut levels = told.levels.lock().unwrap();
            for (sku, units) in set.levels.into_iter().filter(|_| is_first) {
                levels.insert((ctx.tenant.to_string(), sku), units);
            }
            let lose = |n: u32| n.checked_sub(1);
            match told.lost_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose) {
                Ok(_) => Err(Fault::new(ErrorCode::Unavailable, "the answer got lost").into()),
                Err(_) => Ok(()),
            }
        }))
    }
}

pub struct World {
    client: ProductClient,
    pub router: axum::Router,
    pub document: utoipa::openapi::OpenApi,
    pub warehouse: Arc<Warehouse>,
    tasks: Tasks,
    shards: TempShards,
    servers: JoinSet<Result<(), ServeError>>,
}

impl World {
    pub async fn new() -> Self {
        Self::on(TempShards::new(), Arc::default(), Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::on(TempShards::new(), Arc::default(), options).await
    }

    /// The same folder and warehouse after a restart.
    pub async fn restarted(self) -> Self {
        let Self { mut shards, client, router, servers, tasks, warehouse, .. } = self;
        tasks.shutdown(testkit::PATIENCE).await;
        drop((client, router, servers, tasks));
        shards.reopen().await;
        Self::on(shards, warehouse, Options::default()).await
    }

    async fn on(shards: TempShards, warehouse: Arc<Warehouse>, options: Options) -> Self {
        let db = shards.single(product::SCHEMA).await;
        let platform = shards.single(PLATFORM).await;
        let lease = shards.options().worker_lease;
        let ids = Ids::lease(&testkit::test_ctx("platform"), platform, lease).await.unwrap();
        let tenants = CachedTenants::new(tenants(), Arc::clone(db.clock()));
        let outbox = Outbox::new(db.clone());
        let inventory = warehouse.client();
        let deps = Deps { outbox: outbox.clone(), db, ids, tenants, inventory };
        let Running { client, consumers, api } = product::start(deps, options);
        let tasks = Tasks::new();
        let deliver = Arc::new(Router::new(consumers).unwrap());
        let relaying = outbox::relay::Options {
            backoff: outbox::backoff::Backoff {
                first: std::time::Duration::from_millis(10),
                ..Default::default()
            },
            ..Default::default()
        };
        Relay::start(&tasks, outbox, deliver, testkit::seeded_entropy(1), relaying).unwrap();
        assert!(api.schema_conflicts().is_empty(), "{:?}", api.schema_conflicts());
        let (router, document) = api.finish();
        Self { client, router, document, warehouse, tasks, shards, servers: JoinSet::new() }
    }

    pub fn local(&self) -> ProductClient {
        self.client.clone()
    }

    pub async fn remote(&mut self) -> ProductClient {
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (listener, address) = testkit::free_listener().await;
        let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
        let router = product_router(self.local());
        self.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        ProductClient::remote(endpoint)
    }
}

/// `gadget` counts in yen, everybody else in yuan.
fn tenants() -> TenantClient {
    TenantClient::mock(TenantMock::new().on_get(|ctx, _| {
        let currency = if ctx.tenant.as_str() == "gadget" { "JPY" } else { "CNY" };
        let currency = currency.parse().unwrap();
        Ok(TenantInfo {
            code: ctx.tenant.clone(),
            name: Texts::one("en".parse().unwrap(), "A shop"),
            hosts: Vec::new(),
            currency,
            locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
            theme: Theme::default(),
            banners: vec![],
            shipping_fee: Money::zero(currency),
            placements: Placements::initial(Placement::new(1, 1, 0, 0).unwrap()),
            version: 1,
        })
    }))
}

/// A keeper of the catalogue of `flora`.
pub fn keeper() -> Ctx {
    keeper_of("flora")
}

pub fn keeper_of(tenant: &str) -> Ctx {
    testkit::operator_ctx(tenant, 1, &["products:*"])
}

/// A shopper of `flora`.
pub fn shopper() -> Ctx {
    testkit::anonymous_ctx("flora")
}

pub fn en(text: &str) -> Texts {
    Texts::one("en".parse().unwrap(), text)
}

pub fn price(channel: &str, amount: i64) -> ChannelPrice {
    ChannelPrice { channel: channel.to_owned(), amount, compare_at: None }
}

pub fn sku(options: &[&str], amount: i64) -> NewSku {
    NewSku {
        code: String::new(),
        barcode: String::new(),
        options: options.iter().map(|o| (*o).to_owned()).collect(),
        prices: vec![price("web", amount)],
        weight_grams: 100,
        image: None,
    }
}

pub fn picture(name: &str) -> Image {
    Image { url: format!("https://cdn.example/{name}.png"), alt: name.to_owned() }
}

pub fn option(name: &str, values: &[&str]) -> ProductOption {
    let values = values.iter().map(|v| (*v).to_owned()).collect();
    ProductOption { name: name.to_owned(), values }
}

/// A product on sale with one variant.
pub fn plain(slug: &str, amount: i64) -> NewProduct {
    NewProduct {
        slug: slug.parse().unwrap(),
        title: en(slug),
        description: None,
        brand_id: None,
        category_ids: Vec::new(),
        tags: Vec::new(),
        attributes: Vec::new(),
        options: Vec::new(),
        images: vec![picture(slug)],
        skus: vec![sku(&[], amount)],
        status: ProductStatus::OnSale,
    }
}

pub fn by_id(id: SpuId) -> GetProduct {
    GetProduct { product: ProductRef::Id(id), channel: None }
}

pub fn by_slug(slug: &str) -> GetProduct {
    GetProduct { product: ProductRef::Slug(slug.parse().unwrap()), channel: None }
}

pub fn amounts(product: &ProductInfo) -> Vec<Option<i64>> {
    product.skus.iter().map(|s| s.price.map(Money::amount)).collect()
}
