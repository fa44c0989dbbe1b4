//! A running cart service in a temporary folder with mocks around it, and short ways to ask it. No test
//! logic.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use cart::{Deps, Options, Purge, SCHEMA};
use cart_api::{
    CartClient, CartToken, CartView, Consume, Create, Error, Get, GetContent, Merge, SaveLine,
    SetLine, cart_router,
};
use inventory_api::{InventoryClient, InventoryMock, Reservation, ReservationState};
use kit::{Money, Placement, Placements, Secret, SharedClock, SystemClock};
use order_api::{OrderClient, OrderMock};
use outbox::Router;
use product_api::{ProductClient, ProductMock, SkuInfo};
use rpc::{ActorKind, Ctx, Endpoint, Fault};
use tasks::{TaskKind, Tasks};
use tenant_api::{CachedTenants, TenantClient, TenantInfo, TenantMock, Theme};
use testkit::{TempShards, free_listener, seeded_entropy};
use types::{MemberId, OrderId, Quantity, SkuId, SpuId, Texts};

/// Skus up to this are on sale, for a hundred times their number; one more is off; others are unknown.
pub const ON_SALE: i64 = 500;

/// A running service.
pub struct World {
    pub client: CartClient,
    pub purge: Purge,
    pub messages: Router,
    pub api: axum::Router,
    pub tasks: Tasks,
    pub schema_conflicts: Vec<String>,
    /// Orders whose reservation was given back.
    pub released: Arc<Mutex<BTreeSet<OrderId>>>,
    _shards: TempShards,
}

impl World {
    pub async fn new() -> Self {
        Self::at(Arc::new(SystemClock)).await
    }

    pub async fn at(clock: SharedClock) -> Self {
        let shards = TempShards::with_clock(Arc::clone(&clock));
        let db = shards.single(SCHEMA).await;
        let released = Arc::new(Mutex::new(BTreeSet::new()));
        let deps = Deps {
            db,
            entropy: seeded_entropy(1),
            products: products(),
            orders: orders(),
            inventory: inventory(&released),
            tenants: CachedTenants::new(tenants(), clock),
        };
        let running = cart::start(deps, Options::default());
        let schema_conflicts = running.api.schema_conflicts().to_vec();
        Self {
            client: running.client,
            purge: running.purge,
            messages: Router::new(running.consumers).unwrap(),
            api: running.api.finish().0,
            tasks: Tasks::new(),
            schema_conflicts,
            released,
            _shards: shards,
        }
    }

    /// The same service over the wire.
    pub async fn remote(&self) -> CartClient {
        let (listener, address) = free_listener().await;
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (routes, key) = (cart_router(self.client.clone()), secret.clone());
        self.tasks.spawn(TaskKind::new("test.serve"), async move {
            rpc::serve(listener, [routes], &key, std::future::pending()).await
        });
        CartClient::remote(Endpoint::new(&format!("http://{address}"), &secret).unwrap())
    }
}

fn sku_info(sku_id: &SkuId) -> Option<SkuInfo> {
    let n = sku_id.get();
    (1..=ON_SALE + 1).contains(&n).then(|| SkuInfo {
        sku_id: *sku_id,
        spu_id: SpuId::from_i64(n).unwrap(),
        slug: "rose".parse().unwrap(),
        title: Texts::one("en".parse().unwrap(), "Rose"),
        variant: "Red".to_owned(),
        code: String::new(),
        price: Some(Money::new(n * 100, "CNY".parse().unwrap()).unwrap()),
        image: None,
        sellable: n <= ON_SALE,
    })
}

fn products() -> ProductClient {
    ProductClient::mock(
        ProductMock::new()
            .on_get_skus(|_, req| Ok(req.sku_ids.iter().filter_map(sku_info).collect())),
    )
}

/// Mints 1001, 1002, …
fn orders() -> OrderClient {
    let minted = AtomicI64::new(0);
    OrderClient::mock(OrderMock::new().on_mint(move |ctx, _| {
        assert_eq!(ctx.actor.kind, ActorKind::System);
        Ok(order(1_001 + minted.fetch_add(1, Ordering::SeqCst)))
    }))
}

fn inventory(released: &Arc<Mutex<BTreeSet<OrderId>>>) -> InventoryClient {
    let released = Arc::clone(released);
    InventoryClient::mock(InventoryMock::new().on_get_reservation(move |ctx, req| {
        assert_eq!(ctx.actor.kind, ActorKind::System);
        if !released.lock().unwrap().contains(&req.order_id) {
            return Err(Fault::not_found("this reservation").into());
        }
        Ok(Reservation {
            order_id: req.order_id,
            state: ReservationState::Released,
            parcels: Vec::new(),
            expires_at: None,
        })
    }))
}

fn tenants() -> TenantClient {
    TenantClient::mock(TenantMock::new().on_get(|ctx, _| {
        let currency = "CNY".parse().unwrap();
        Ok(TenantInfo {
            code: ctx.tenant.clone(),
            name: Texts::one("en".parse().unwrap(), "Flora"),
            hosts: vec![],
            currency,
            locales: vec!["en".parse().unwrap()],
            theme: Theme::default(),
            banners: vec![],
            shipping_fee: Money::zero(currency),
            placements: Placements::initial(Placement::new(1, 1, 0, 0).unwrap()),
            version: 1,
        })
    }))
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

pub fn order(n: i64) -> OrderId {
    OrderId::from_i64(n).unwrap()
}

pub fn many(n: u32) -> Quantity {
    Quantity::new(n).unwrap()
}

pub async fn anonymous(client: &CartClient, ctx: &Ctx) -> CartToken {
    CartToken(client.create(ctx, Create {}).await.unwrap().token)
}

pub async fn add(
    client: &CartClient,
    ctx: &Ctx,
    token: Option<&CartToken>,
    s: i64,
    n: u32,
) -> Result<CartView, Error> {
    let (token, quantity) = (token.cloned(), Some(many(n)));
    client.set_line(ctx, SetLine { token, sku_id: sku(s), quantity, add: true }).await
}

pub async fn set(
    client: &CartClient,
    ctx: &Ctx,
    token: Option<&CartToken>,
    s: i64,
    n: Option<u32>,
) -> Result<CartView, Error> {
    let (token, quantity) = (token.cloned(), n.map(many));
    client.set_line(ctx, SetLine { token, sku_id: sku(s), quantity, add: false }).await
}

pub async fn save(
    client: &CartClient,
    ctx: &Ctx,
    token: Option<&CartToken>,
    s: i64,
) -> Result<CartView, Error> {
    client.save_for_later(ctx, SaveLine { token: token.cloned(), sku_id: sku(s) }).await
}

pub async fn restore(
    client: &CartClient,
    ctx: &Ctx,
    token: Option<&CartToken>,
    s: i64,
) -> Result<CartView, Error> {
    client.move_to_cart(ctx, SaveLine { token: token.cloned(), sku_id: sku(s) }).await
}

pub async fn forget(
    client: &CartClient,
    ctx: &Ctx,
    token: Option<&CartToken>,
    s: i64,
) -> Result<CartView, Error> {
    client.remove_saved(ctx, SaveLine { token: token.cloned(), sku_id: sku(s) }).await
}

pub async fn show(client: &CartClient, ctx: &Ctx, token: Option<&CartToken>) -> CartView {
    client.get(ctx, Get { token: token.cloned() }).await.unwrap()
}

pub async fn merge(client: &CartClient, ctx: &Ctx, token: &CartToken) -> CartView {
    client.merge(ctx, Merge { token: token.clone() }).await.unwrap()
}

/// Sku and units, in their order.
pub fn lines(view: &CartView) -> Vec<(i64, u32)> {
    view.lines.iter().map(|l| (l.sku_id.get(), l.quantity.get())).collect()
}

/// The same of what is saved for later.
pub fn saved(view: &CartView) -> Vec<(i64, u32)> {
    view.saved.iter().map(|l| (l.sku_id.get(), l.quantity.get())).collect()
}

pub fn consume(member: i64, id: OrderId, lines: &[(i64, u32)]) -> Consume {
    Consume {
        member_id: MemberId::from_i64(member).unwrap(),
        order_id: id,
        lines: lines.iter().map(|(s, n)| (sku(*s), many(*n))).collect(),
    }
}

pub fn content_of(member: i64) -> GetContent {
    GetContent { member_id: MemberId::from_i64(member).unwrap() }
}
