//! The world around the service: real databases, and mocks of the other services that remember what
//! they were asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use cart_api::{CartClient, CartContent, CartMock};
use inventory_api::{
    InventoryClient, InventoryMock, Parcel, Reservation, ReservationState, Shortage,
};
use kit::{Money, Placement, Placements};
use member_api::{MemberClient, MemberMock, SavedAddress};
use order_api::{OrderClient, OrderView, PaymentMethod, Place};
use outbox::Outbox;
use product_api::{ProductClient, ProductMock, SkuInfo};
use rpc::{Ctx, Fault, IdempotencyKey};
use shard::{Backend, Database, Ids, Shards};
use tenant_api::{CachedTenants, TenantClient, TenantInfo, TenantMock, Theme};
use testkit::{TempShards, test_ctx, user_ctx};
use types::{Address, AddressId, MemberId, OrderId, Quantity, SkuId, Texts, WarehouseId};

pub const SHIPPING: i64 = 1_000;
pub const PRICE: i64 = 500;
const TAB: &str = "tab-";

const PLATFORM: shard::Schema = shard::Schema {
    database: "platform",
    sets: &[shard::worker::MIGRATIONS, flow::store::MIGRATIONS],
    cell_tables: &[],
};

/// What the mocks remember.
#[derive(Default)]
pub struct Seen {
    pub carts: Mutex<BTreeMap<i64, CartContent>>,
    pub verbs: Mutex<Vec<(&'static str, OrderId)>>,
    pub price: AtomicI64,
    pub stock: AtomicI64,
    /// Reservations are over before they can be bound.
    pub is_late: AtomicBool,
}

pub struct World {
    pub db: Database,
    pub outbox: Outbox,
    pub seen: Arc<Seen>,
    pub client: OrderClient,
    pub consumers: Vec<outbox::Consumer>,
    platform: Database,
    // The folder lives as long as the world.
    shards: TempShards,
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

pub fn units(n: u32) -> Quantity {
    Quantity::new(n).unwrap()
}

pub fn cny(amount: i64) -> Money {
    Money::new(amount, "CNY".parse().unwrap()).unwrap()
}

pub fn placements() -> Placements {
    Placements::initial(Placement::new(2, 2, 4, 0).unwrap())
}

/// Tenants with these placements.
pub fn tenants(placements: impl Fn() -> Placements + Send + Sync + 'static) -> TenantClient {
    TenantClient::mock(TenantMock::new().on_get(move |ctx, _| {
        Ok(TenantInfo {
            code: ctx.tenant.clone(),
            name: Texts::one("en".parse().unwrap(), "Flora"),
            hosts: vec!["flora.localhost".into()],
            currency: "CNY".parse().unwrap(),
            locales: vec!["en".parse().unwrap()],
            theme: Theme::default(),
            banners: vec![],
            shipping_fee: cny(SHIPPING),
            placements: placements(),
            version: 1,
        })
    }))
}

fn product_mock(seen: &Arc<Seen>) -> ProductMock {
    let seen = Arc::clone(seen);
    ProductMock::new().on_get_skus(move |_, req| {
        let price = cny(seen.price.load(Ordering::SeqCst));
        Ok(req
            .sku_ids
            .into_iter()
            .filter(|s| s.get() < 1_000)
            .map(|sku_id| SkuInfo {
                sku_id,
                spu_id: types::SpuId::from_i64(1).unwrap(),
                slug: "rose".parse().unwrap(),
                title: Texts::one("en".parse().unwrap(), "Rose"),
                variant: String::new(),
                code: String::new(),
                price: Some(price),
                image: Some(product_api::Image {
                    url: format!("/media/{}", sku_id.get()),
                    alt: String::new(),
                }),
                sellable: true,
            })
            .collect())
    })
}

fn inventory_mock(seen: &Arc<Seen>) -> InventoryMock {
    let (reserving, binding, verbs) = (Arc::clone(seen), Arc::clone(seen), Arc::clone(seen));
    let reservation = |order_id, lines, state| Reservation {
        order_id,
        state,
        parcels: vec![Parcel { warehouse_id: WarehouseId::from_i64(1).unwrap(), lines }],
        expires_at: None,
    };
    let note = move |verb, order_id| verbs.verbs.lock().unwrap().push((verb, order_id));
    let (bound, released) = (note.clone(), note);
    InventoryMock::new()
        .on_reserve(move |_, req| {
            let wanted: i64 = req.lines.iter().map(|l| i64::from(l.quantity.get())).sum();
            let available = reserving.stock.load(Ordering::SeqCst);
            if wanted > available {
                let short = Shortage { sku_id: req.lines[0].sku_id, wanted, available };
                return Err(inventory_api::Error::SoldOut(vec![short]));
            }
            reserving.verbs.lock().unwrap().push(("reserve", req.order_id));
            Ok(reservation(req.order_id, req.lines, ReservationState::Reserved))
        })
        .on_bind(move |_, req| {
            bound("bind", req.order_id);
            match binding.is_late.load(Ordering::SeqCst) {
                true => Err(inventory_api::Error::ReservationOver),
                false => Ok(()),
            }
        })
        .on_release(move |_, req| {
            released("release", req.order_id);
            Ok(())
        })
}

fn cart_mock(seen: &Arc<Seen>) -> CartMock {
    let seen = Arc::clone(seen);
    CartMock::new().on_get_content(move |ctx, req| {
        // Several tabs of one member, each before its own checkout.
        if let Some(id) = ctx.request_id.strip_prefix(TAB) {
            let checkout_id = Some(id.parse().unwrap());
            return Ok(CartContent { lines: vec![(sku(1), units(1))], checkout_id, version: 1 });
        }
        let carts = seen.carts.lock().unwrap();
        let empty = CartContent { lines: Vec::new(), checkout_id: None, version: 0 };
        Ok(carts.get(&req.member_id.get()).cloned().unwrap_or(empty))
    })
}

fn member_mock() -> MemberMock {
    MemberMock::new().on_get_address(|_, req| {
        if req.id.get() != 1 {
            return Err(Fault::not_found("this address").into());
        }
        Ok(SavedAddress { id: req.id, is_default: true, address: address() })
    })
}

pub fn address() -> Address {
    Address {
        name: "Lin".into(),
        phone: "12345".into(),
        country: "CN".into(),
        region: String::new(),
        city: "Hangzhou".into(),
        street: "West Lake 1".into(),
        postal_code: String::new(),
    }
}

async fn start(
    db: &Database,
    platform: &Database,
    outbox: &Outbox,
    seen: &Arc<Seen>,
    tenants: TenantClient,
) -> order::Running {
    let lease = std::time::Duration::from_secs(60);
    let ids = Ids::lease(&test_ctx("platform"), platform.clone(), lease).await.unwrap();
    order::start(
        order::Deps {
            db: db.clone(),
            outbox: outbox.clone(),
            ids,
            flows: flow::Registry::new(platform.clone(), flow::registry::Options::default()),
            tenants: CachedTenants::new(tenants, db.clock().clone()),
            products: ProductClient::mock(product_mock(seen)),
            inventory: InventoryClient::mock(inventory_mock(seen)),
            carts: CartClient::mock(cart_mock(seen)),
            members: MemberClient::mock(member_mock()),
        },
        order::Options { unpaid_orders_max: 3, ..order::Options::default() },
    )
}

impl World {
    pub async fn new() -> Self {
        Self::with(tenants(placements), &placements().cells()).await
    }

    /// The world where tenants live elsewhere.
    pub async fn with(tenants: TenantClient, cells: &[kit::Place]) -> Self {
        let shards = TempShards::new();
        let db = shards.sharded(order::SCHEMA, cells).await;
        let platform = shards.single(PLATFORM).await;
        let seen = Arc::new(Seen::default());
        seen.price.store(PRICE, Ordering::SeqCst);
        seen.stock.store(1_000_000, Ordering::SeqCst);
        let outbox = Outbox::new(db.clone());
        let running = start(&db, &platform, &outbox, &seen, tenants).await;
        let world = Self {
            db,
            outbox,
            seen,
            client: running.client,
            consumers: running.consumers,
            platform,
            shards,
        };
        world.publish("flora", include_str!("flow.json")).await;
        world
    }

    /// Another process over the same databases, with a map of tenants of its own.
    pub async fn beside(&self, tenants: TenantClient) -> OrderClient {
        start(&self.db, &self.platform, &self.outbox, &self.seen, tenants).await.client
    }

    /// Another process over the same databases on a server, which has opened none of their cells; none where
    /// they are files, which one process has.
    pub async fn apart(&self, name: &str, tenants: TenantClient) -> Option<OrderClient> {
        let folder = self.shards.folder().join(name);
        let options = shard::Options { folder, ..self.shards.options().clone() };
        if matches!(options.backend, Backend::Embedded) {
            return None;
        }
        let shards = Shards::open(options, self.db.clock().clone()).unwrap();
        let db = shards.database(order::SCHEMA).await.unwrap();
        let platform = shards.database(PLATFORM).await.unwrap();
        let outbox = Outbox::new(db.clone());
        Some(start(&db, &platform, &outbox, &self.seen, tenants).await.client)
    }

    pub async fn publish(&self, tenant: &str, document: &str) {
        let request = order_api::PublishFlow { document: document.to_owned(), dry_run: false };
        self.client.publish_flow(&test_ctx(tenant), request).await.unwrap();
    }

    /// Begins a checkout of `lines` for a member, as the cart does.
    pub async fn checkout(&self, member: i64, lines: &[(i64, u32)]) -> OrderId {
        self.checkout_at(&self.client, member, lines).await
    }

    /// The same through some process.
    pub async fn checkout_at(
        &self,
        client: &OrderClient,
        member: i64,
        lines: &[(i64, u32)],
    ) -> OrderId {
        let member_id = MemberId::from_i64(member).unwrap();
        let id = client.mint(&test_ctx("flora"), order_api::Mint { member_id }).await.unwrap();
        let lines = lines.iter().map(|(s, n)| (sku(*s), units(*n))).collect();
        let content = CartContent { lines, checkout_id: Some(id), version: 1 };
        self.seen.carts.lock().unwrap().insert(member, content);
        id
    }

    pub fn verbs_of(&self, id: OrderId) -> Vec<&'static str> {
        let verbs = self.seen.verbs.lock().unwrap();
        verbs.iter().filter(|(_, order)| *order == id).map(|(verb, _)| *verb).collect()
    }

    /// A placed order of one rose, to be paid at the door.
    pub async fn placed_in_cash(&self, member: i64) -> Result<OrderView, order_api::Error> {
        let id = self.checkout(member, &[(1, 1)]).await;
        let payment_method = PaymentMethod::CashOnDelivery;
        let wanted = Place { payment_method, ..order_of(id, PRICE + SHIPPING) };
        self.client.place(&buyer(member), wanted).await
    }

    /// A placed order of one rose.
    pub async fn placed(&self, member: i64) -> OrderView {
        let id = self.checkout(member, &[(1, 1)]).await;
        self.client.place(&buyer(member), order_of(id, PRICE + SHIPPING)).await.unwrap()
    }
}

pub fn buyer(member: i64) -> Ctx {
    user_ctx("flora", member)
}

/// The same buyer in a tab of his own, whose checkout is of one rose.
pub fn in_tab(member: i64, checkout: OrderId) -> Ctx {
    Ctx { request_id: format!("{TAB}{checkout}"), ..buyer(member) }
}

/// The same buyer with an idempotency key.
pub fn keyed(member: i64, key: &str, body_hash: &str) -> Ctx {
    let idempotency = Some(IdempotencyKey {
        key: key.to_owned(),
        route: "POST /v1/store/orders".to_owned(),
        body_hash: body_hash.to_owned(),
    });
    Ctx { idempotency, ..buyer(member) }
}

pub fn order_of(checkout_id: OrderId, total: i64) -> Place {
    Place {
        checkout_id,
        address_id: AddressId::from_i64(1).unwrap(),
        payment_method: PaymentMethod::Card,
        expected_total: cny(total),
        note: String::new(),
        channel: None,
    }
}
