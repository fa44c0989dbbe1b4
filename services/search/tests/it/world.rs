//! A running search service in a temporary folder, with a catalogue and a warehouse that a test fills, and
//! messages that a test delivers. No test logic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use inventory_api::{
    AVAILABILITY_CHANGED, AvailabilityChanged, InventoryClient, InventoryMock, SkuStock,
};
use kit::{
    Cursor, ErrorCode, Money, Page, Place, Placement, Placements, Secret, SystemClock, Timestamp,
};
use order_api::{
    CHANGED, CREATED, OPERATION_SCAN, OrderClient, OrderEvent, OrderLine, OrderMessage, OrderMock,
    PaymentMethod,
};
use outbox::{ConsumeError, Deliver as _, Message, Router};
use product_api::{
    Attribute, Brand, Category, PRODUCT_CHANGED, ProductChanged, ProductClient, ProductInfo,
    ProductMock, ProductOption, ProductRef, ProductStatus, ProductSummary, Sku,
};
use rpc::{Endpoint, Fault, TraceId};
use search::{CatchUp, Deps, Options, SCHEMA};
use search_api::{
    FindOrders, FindProducts, OrderResults, ProductResults, SearchClient, search_router,
};
use serde::Serialize;
use tasks::{TaskKind, Tasks};
use tenant_api::{CachedTenants, TenantClient, TenantInfo, TenantMock, Theme};
use testkit::{BEGIN, TempShards, free_listener, operator_ctx, seeded_entropy, tenant};
use types::{Address, BrandId, CategoryId, MemberId, OrderId, Quantity, SkuId, SpuId, Texts};

/// What the mocks know.
#[derive(Default)]
pub struct Shop {
    pub products: BTreeMap<(String, SpuId), ProductInfo>,
    pub available: BTreeSet<SkuId>,
    pub asked_for_stock: u32,
    /// What a scan of orders says of each.
    pub orders: BTreeMap<(String, OrderId), OrderMessage>,
    /// Products that are not given the next time they are asked for.
    pub failing: BTreeSet<SpuId>,
}

/// A running service.
pub struct World {
    pub client: SearchClient,
    pub api: axum::Router,
    pub schema_conflicts: Vec<String>,
    pub catch_up: CatchUp,
    pub shop: Arc<Mutex<Shop>>,
    pub messages: Router,
    tasks: Tasks,
    _shards: TempShards,
}

impl World {
    pub async fn new() -> Self {
        let shards = TempShards::new();
        let shop: Arc<Mutex<Shop>> = Arc::default();
        let tenant = tenants();
        let deps = Deps {
            db: shards.single(SCHEMA).await,
            products: catalogue(&shop),
            inventory: warehouse(&shop),
            orders: ledger(&shop),
            tenant: tenant.clone(),
            tenants: CachedTenants::new(tenant, Arc::new(SystemClock)),
            clock: Arc::new(SystemClock),
            entropy: seeded_entropy(1),
        };
        let running = search::start(deps, Options::default());
        Self {
            schema_conflicts: running.api.schema_conflicts().to_vec(),
            client: running.client,
            api: running.api.finish().0,
            catch_up: running.catch_up,
            shop,
            messages: Router::new(running.consumers).unwrap(),
            tasks: Tasks::new(),
            _shards: shards,
        }
    }

    /// The same service over the wire.
    pub async fn remote(&self) -> SearchClient {
        let (listener, address) = free_listener().await;
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (routes, key) = (search_router(self.client.clone()), secret.clone());
        self.tasks.spawn(TaskKind::new("test.serve"), async move {
            rpc::serve(listener, [routes], &key, std::future::pending()).await
        });
        SearchClient::remote(Endpoint::new(&format!("http://{address}"), &secret).unwrap())
    }

    /// Puts products into the catalogue and tells of them.
    pub async fn publish(&self, code: &str, products: impl IntoIterator<Item = ProductInfo>) {
        for product in products {
            let id = product.id;
            self.shop.lock().unwrap().products.insert((code.to_owned(), id), product);
            self.tell_product(code, id).await;
        }
    }

    pub async fn tell_product(&self, code: &str, spu_id: SpuId) {
        let event = ProductChanged { spu_id };
        let message = message(code, PRODUCT_CHANGED, "product", spu_id.get(), 1, &event);
        self.deliver(message).await.unwrap();
    }

    pub async fn tell_stock(&self, code: &str, sku_id: SkuId, available: bool, seq: i64) {
        let event = AvailabilityChanged { sku_id, available };
        let message = message(code, AVAILABILITY_CHANGED, "sku", sku_id.get(), seq, &event);
        self.deliver(message).await.unwrap();
    }

    pub async fn tell_order(&self, code: &str, order: &OrderMessage, seq: i64) {
        let topic = if order.from.is_empty() { CREATED } else { CHANGED };
        let id = order.data.order_id.get();
        self.deliver(message(code, topic, "order", id, seq, order)).await.unwrap();
    }

    pub async fn deliver(&self, message: Message) -> Result<(), ConsumeError> {
        self.messages.deliver(&Arc::new(message), testkit::PATIENCE).await.map(|_| ())
    }
}

pub fn message(
    code: &str,
    topic: &str,
    aggregate: &str,
    id: i64,
    seq: i64,
    payload: &impl Serialize,
) -> Message {
    Message {
        source: aggregate.to_owned(),
        id: format!("{aggregate}:{id}:{seq}").parse().unwrap(),
        tenant: tenant(code),
        topic: topic.to_owned(),
        place: Place::ZERO,
        payload: serde_json::to_string(payload).unwrap(),
        trace: TraceId::from_random(1, 1),
        request_id: "r-1".to_owned(),
        attempt: 1,
        created_at: BEGIN,
        deliver_at: None,
    }
}

fn catalogue(shop: &Arc<Mutex<Shop>>) -> ProductClient {
    let (get, list) = (Arc::clone(shop), Arc::clone(shop));
    let get_product = move |ctx: &rpc::Ctx, req: product_api::GetProduct| {
        let ProductRef::Id(id) = req.product else { return Err(Fault::bug("by id").into()) };
        let key = (ctx.tenant.to_string(), id);
        let mut shop = get.lock().unwrap();
        if shop.failing.remove(&id) {
            return Err(Fault::new(ErrorCode::Unavailable, "not now").into());
        }
        let found = shop.products.get(&key).cloned();
        found.ok_or_else(|| Fault::not_found("the product").into())
    };
    let list_products = move |ctx: &rpc::Ctx, req: product_api::ListProducts| {
        let after: Option<SpuId> = req.cursor.as_ref().map(|c| Cursor::decode(c).unwrap());
        let shop = list.lock().unwrap();
        let code = ctx.tenant.to_string();
        let items = shop.products.iter().filter(|((t, id), _)| *t == code && Some(*id) > after);
        let items: Vec<_> = items.take(req.limit.as_usize() + 1).map(|(_, p)| summary(p)).collect();
        Ok(Page::from_overfetch(items, req.limit, |p| p.id))
    };
    ProductClient::mock(
        ProductMock::new()
            .on_get(get_product)
            .on_list(list_products)
            .on_list_categories(|_, _| Ok(categories())),
    )
}

/// Orders as they would be scanned.
fn ledger(shop: &Arc<Mutex<Shop>>) -> OrderClient {
    let shop = Arc::clone(shop);
    OrderClient::mock(OrderMock::new().on_scan(move |ctx, req| {
        let after: Option<OrderId> = match &req.cursor {
            Some(c) => Some(c.decode().map_err(|_| Fault::invalid("cursor", "odd"))?),
            None => None,
        };
        let (shop, code) = (shop.lock().unwrap(), ctx.tenant.to_string());
        let items = shop.orders.iter().filter(|((t, id), _)| *t == code && Some(*id) > after);
        let items: Vec<_> = items.take(req.limit.as_usize() + 1).map(|(_, m)| m.clone()).collect();
        Ok(Page::from_overfetch(items, req.limit, |m| m.data.order_id))
    }))
}

fn summary(product: &ProductInfo) -> ProductSummary {
    ProductSummary {
        id: product.id,
        slug: product.slug.clone(),
        status: product.status,
        title: product.title.clone(),
        image: None,
        price_from: None,
        price_varies: false,
        sku_count: 1,
    }
}

fn warehouse(shop: &Arc<Mutex<Shop>>) -> InventoryClient {
    let shop = Arc::clone(shop);
    InventoryClient::mock(InventoryMock::new().on_get_stock(move |_, req| {
        let mut shop = shop.lock().unwrap();
        shop.asked_for_stock += 1;
        let stock = |sku_id| SkuStock {
            sku_id,
            available: i64::from(shop.available.contains(&sku_id)),
            reserved: 0,
            sold: 0,
            warehouses: Vec::new(),
        };
        Ok(req.sku_ids.into_iter().map(stock).collect())
    }))
}

fn tenants() -> TenantClient {
    let info = |code: &str| {
        let currency = "CNY".parse().unwrap();
        TenantInfo {
            code: tenant(code),
            name: Texts::one("en".parse().unwrap(), "A shop"),
            hosts: vec![],
            currency,
            locales: vec!["en".parse().unwrap()],
            theme: Theme::default(),
            banners: vec![],
            shipping_fee: Money::zero(currency),
            placements: Placements::initial(Placement::new(1, 1, 0, 0).unwrap()),
            version: 1,
        }
    };
    TenantClient::mock(
        TenantMock::new().on_get(move |ctx, _| Ok(info(ctx.tenant.as_str()))).on_list(
            move |_, _| {
                Ok(Page { items: ["flora", "gadget"].map(info).to_vec(), next_cursor: None })
            },
        ),
    )
}

/// Flowers (1) with roses (2) and tulips (3) under them, vases (4), and empty ones (5).
fn categories() -> Vec<Category> {
    [(1, None, "Flowers", "鲜花"), (4, None, "Vases", "花瓶"), (5, None, "Empty", "空")]
        .into_iter()
        .chain([(2, Some(1), "Roses", "玫瑰"), (3, Some(1), "Tulips", "郁金香")])
        .map(|(id, parent, en, zh)| Category {
            id: category(id),
            parent_id: parent.map(category),
            slug: format!("c{id}").parse().unwrap(),
            name: texts(en, zh),
            position: i32::try_from(id).unwrap(),
        })
        .collect()
}

pub fn texts(en: &str, zh: &str) -> Texts {
    let both = [("en".parse().unwrap(), en), ("zh-CN".parse().unwrap(), zh)];
    Texts::new(both.into_iter().map(|(l, t)| (l, t.to_owned())).collect()).unwrap()
}

pub fn category(n: i64) -> CategoryId {
    CategoryId::from_i64(n).unwrap()
}

pub fn brand(n: i64) -> BrandId {
    BrandId::from_i64(n).unwrap()
}

pub fn spu(n: i64) -> SpuId {
    SpuId::from_i64(n).unwrap()
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

pub fn order_id(n: i64) -> OrderId {
    OrderId::from_i64(n).unwrap()
}

pub fn yuan(n: i64) -> Money {
    Money::new(n, "CNY".parse().unwrap()).unwrap()
}

/// A product on sale for a hundred times its number, with one sku of ten times its number.
pub fn product(n: i64, en: &str, zh: &str) -> ProductInfo {
    ProductInfo {
        id: spu(n),
        slug: format!("p{n}").parse().unwrap(),
        status: ProductStatus::OnSale,
        title: texts(en, zh),
        description: None,
        brand: None,
        category_ids: Vec::new(),
        tags: Vec::new(),
        attributes: Vec::new(),
        options: Vec::new(),
        images: Vec::new(),
        skus: vec![Sku {
            id: sku(n * 10),
            code: format!("CODE-{n}"),
            barcode: String::new(),
            options: Vec::new(),
            price: Some(yuan(n * 100)),
            compare_at: None,
            weight_grams: 0,
            image: None,
        }],
        version: 1,
        updated_at: BEGIN,
    }
}

/// Short ways to say what a product has.
pub trait With: Sized {
    fn of_brand(self, n: i64, name: &str) -> Self;
    fn in_category(self, n: i64) -> Self;
    fn with_option(self, name: &str, values: &[&str]) -> Self;
    fn with_attribute(self, name: &str, value: &str) -> Self;
    fn reduced_from(self, amount: i64) -> Self;
    fn at_version(self, version: i64) -> Self;
}

impl With for ProductInfo {
    fn of_brand(mut self, n: i64, name: &str) -> Self {
        self.brand = Some(Brand { id: brand(n), name: name.to_owned() });
        self
    }

    fn in_category(mut self, n: i64) -> Self {
        self.category_ids.push(category(n));
        self
    }

    fn with_option(mut self, name: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        self.options.push(ProductOption { name: name.to_owned(), values });
        self
    }

    fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push(Attribute { name: name.to_owned(), value: value.to_owned() });
        self
    }

    fn reduced_from(mut self, amount: i64) -> Self {
        self.skus[0].compare_at = Some(yuan(amount));
        self
    }

    fn at_version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }
}

/// An order of 100 yuan of member 7, placed so many minutes after the beginning of time.
pub fn order(n: i64, minutes: i64, title: &str) -> OrderMessage {
    let at = Timestamp::from_micros(BEGIN.micros() + minutes * 60_000_000);
    let line = OrderLine {
        line_no: 1,
        sku_id: sku(1),
        spu_id: spu(1),
        title: title.to_owned(),
        variant: String::new(),
        code: format!("CODE-{n}"),
        image_url: None,
        quantity: Quantity::new(2).unwrap(),
        price: yuan(5_000),
        total: yuan(10_000),
    };
    OrderMessage {
        operation: "begin".to_owned(),
        from: String::new(),
        to: "PENDING_PAYMENT".to_owned(),
        version: 1,
        data: OrderEvent {
            order_id: order_id(n),
            member_id: MemberId::from_i64(7).unwrap(),
            payment_method: PaymentMethod::Card,
            total: yuan(10_000),
            paid: yuan(0),
            captured: Some(yuan(0)),
            refunded: Some(yuan(0)),
            status_label: "To pay".to_owned(),
            is_final: false,
            flow_version: 1,
            channel: "web".to_owned(),
            created_at: at,
            updated_at: at,
            lines: vec![line],
            parcels: Vec::new(),
            address: Address {
                name: "王小明".to_owned(),
                phone: "13800000000".to_owned(),
                country: "CN".to_owned(),
                region: String::new(),
                city: "Shanghai".to_owned(),
                street: "Nanjing Road 1".to_owned(),
                postal_code: String::new(),
            },
        },
    }
}

/// The same order after it was paid, or closed.
pub fn moved(mut order: OrderMessage, to: &str, is_final: bool) -> OrderMessage {
    order.from = std::mem::replace(&mut order.to, to.to_owned());
    order.version += 1;
    order.data.status_label = to.to_lowercase();
    order.data.is_final = is_final;
    if to == "PAID" {
        order.data.paid = order.data.total;
    }
    order
}

/// What a scan says of an order.
pub fn scanned(order: OrderMessage) -> OrderMessage {
    OrderMessage { operation: OPERATION_SCAN.to_owned(), from: order.to.clone(), ..order }
}

/// Products by a text.
pub fn text(text: &str) -> FindProducts {
    FindProducts { text: text.to_owned(), ..FindProducts::default() }
}

pub fn ids(results: &ProductResults) -> Vec<i64> {
    results.items.iter().map(|p| p.id.get()).collect()
}

pub fn order_ids(results: &OrderResults) -> Vec<i64> {
    results.items.iter().map(|o| o.id.get()).collect()
}

pub async fn orders(client: &SearchClient, code: &str, req: FindOrders) -> OrderResults {
    client.find_orders(&operator_ctx(code, 1, &["orders:read"]), req).await.unwrap()
}
