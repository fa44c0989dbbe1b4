//! Where the orders of ten thousand users lie. In process, because registering so many people over HTTP
//! would take longer than the test: they are written into the member database as the service would have
//! left them, under fixed ids. From the cart on everything is asked of the services.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use auth::PasswordOptions;
use cart_api::{BeginCheckout, SetLine};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use inventory_api::{NewWarehouse, SetAvailable};
use kit::id::EPOCH_MS;
use kit::placement::HashVersion;
use kit::{Id, Place, SystemClock, SystemEntropy, TenantCode};
use order_api::{Cells, LineInput, PaymentMethod, QuoteLines};
use product_api::{GetProduct, ListProducts, ProductRef};
use rpc::{Actor, Ctx};
use sea_query::Query;
use shard::Route;
use stoa::demo::{SeedOptions, seed};
use stoa::engine::Home;
use stoa::options::PlatformOptions;
use stoa::platform::{Clients, Platform, Start};
use tasks::Tasks;
use types::{Address, AddressId, OrderId, Quantity, SkuId};

const TENANT: &str = "outlet";
const USERS: u32 = 10_000;
/// So many users order at the same time.
const AT_ONCE: usize = 256;
/// Rows of one transaction.
const BATCH: usize = 250;
/// Enough for everybody.
const STOCK: i64 = 1_000_000;
/// `outlet` is placed at (4, 8, 4, 0).
const DBS: u64 = 4;
const TABLES: u64 = 8;
const DB_START: u64 = 4;
const CELLS: u64 = DBS * TABLES;
/// The 99.9 % quantile of chi-square with 31 degrees of freedom, in thousandths. A placement that is
/// uniform is over it once in a thousand sets of users; these users are fixed, so it is always or never.
const CHI_SQUARE_MAX: u64 = 61_098;
const WITHIN: Duration = Duration::from_secs(120);

/// The fixed users: ids as the platform mints them, a prime number of milliseconds apart.
fn users() -> Vec<Id> {
    let id = |n: u32| Id::compose(EPOCH_MS + i64::from(n) * 7_919, Place::ZERO, 1, 0);
    (1..=USERS).filter_map(id).collect()
}

/// Cell by the formula, written down again: divide first.
fn cell(user: Id) -> (u64, u64) {
    let h = HashVersion::V1.hash(user.get());
    (h / TABLES % DBS + DB_START, h % TABLES)
}

/// Chi-square of counts over all cells, in thousandths, rounded down: n · chi² = cells · Σ count² − n².
fn chi_square_thousandths(counts: &[u64]) -> u64 {
    let n: u64 = counts.iter().sum();
    let squares: u64 = counts.iter().map(|c| c * c).sum();
    1_000 * (CELLS * squares - n * n) / n
}

#[test]
fn without_the_division_orders_would_lie_in_8_of_32_cells() {
    let mut skewed = BTreeMap::<(u64, u64), u64>::new();
    let mut spread = BTreeMap::<(u64, u64), u64>::new();
    for user in users() {
        let h = HashVersion::V1.hash(user.get());
        *skewed.entry((h % DBS + DB_START, h % TABLES)).or_default() += 1;
        *spread.entry(cell(user)).or_default() += 1;
    }
    assert_eq!((skewed.len(), spread.len()), (8, 32));
    let counts: Vec<u64> = spread.into_values().collect();
    assert!(chi_square_thousandths(&counts) < CHI_SQUARE_MAX, "{counts:?}");
    let mut counts: Vec<u64> = skewed.into_values().collect();
    counts.resize(32, 0);
    assert!(chi_square_thousandths(&counts) > 100 * CHI_SQUARE_MAX, "{counts:?}");
}

/// A platform in this process with a tenant whose sku everybody can order.
pub struct Mall {
    pub platform: Platform,
    /// Other processes that serve the same databases.
    pub others: Vec<Platform>,
    pub tenant: TenantCode,
    sku: SkuId,
    address: Address,
    // Ends before its folder goes.
    _home: Home,
    _folder: tempfile::TempDir,
}

/// The databases of an engine.
async fn on_engine(folder: &Path, engine: &str) -> Result<Home> {
    // a server may run under an account of its own
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))?;
    let engine = engine.parse().map_err(anyhow::Error::msg)?;
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || Home::of_demo(&folder, Some(engine), None)).await?
}

impl Mall {
    /// On the engine that the run is about.
    pub async fn open(change: impl Fn(&mut PlatformOptions)) -> Result<Self> {
        Self::open_on(&e2e::server::engine(), 1, change).await
    }

    /// So many processes' platforms on the databases of one engine. Files have one process.
    pub async fn open_on(
        engine: &str,
        processes: usize,
        change: impl Fn(&mut PlatformOptions),
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = on_engine(folder.path(), engine).await?;
        let platform = start(folder.path(), &home, &change).await?;
        seed(&platform, &seeding(), &|_, _| {}).await?;
        let tenant: TenantCode = TENANT.parse()?;
        let ctx = platform.system_ctx(tenant.clone(), WITHIN)?;
        let sku = stocked(&platform, &ctx).await?;
        let address = Address {
            name: "Wei Ling".to_owned(),
            phone: "+86 10 5555 0100".to_owned(),
            country: "CN".to_owned(),
            region: String::new(),
            city: "Beijing".to_owned(),
            street: "1 Long Street".to_owned(),
            postal_code: String::new(),
        };
        let mut others = Vec::new();
        for n in 1..processes {
            others.push(start(&folder.path().join(n.to_string()), &home, &change).await?);
        }
        Ok(Self { platform, others, tenant, sku, address, _home: home, _folder: folder })
    }

    pub async fn stop(self) {
        for platform in self.others.into_iter().chain([self.platform]) {
            platform.stop(Duration::from_secs(10)).await;
        }
    }

    pub fn system(&self) -> Result<Ctx> {
        Ok(self.platform.system_ctx(self.tenant.clone(), WITHIN)?)
    }

    /// Members with one address each; an address has its member's id, which is unique as well.
    pub async fn settle(&self, users: &[Id]) -> Result<()> {
        let address = serde_json::to_string(&self.address)?;
        for some in users.chunks(BATCH) {
            let (users, tenant, address) =
                (Arc::new(some.to_vec()), self.tenant.clone(), address.clone());
            let write = move |tx: shard::Tx| {
                let (users, tenant, address) =
                    (Arc::clone(&users), tenant.clone(), address.clone());
                async move {
                    for user in users.iter() {
                        write_member(&tx, tenant.as_str(), *user, &address).await?;
                    }
                    Ok::<_, rpc::Fault>(())
                }
            };
            self.platform.databases.member.tx(&self.system()?, Route::Whole, write).await?;
        }
        Ok(())
    }

    /// What an order of one piece costs.
    pub async fn total(&self) -> Result<kit::Money> {
        let lines = vec![LineInput { sku_id: self.sku, quantity: one()? }];
        let quote = QuoteLines { lines, channel: None };
        Ok(self.platform.clients.order.quote(&self.system()?, quote).await?.total)
    }

    /// One user's way from the product to the order.
    pub async fn order(&self, user: Id, total: kit::Money) -> Result<OrderId> {
        self.order_at(&self.platform.clients, user, total).await
    }

    /// The same through one of the processes.
    pub async fn order_at(
        &self,
        clients: &Clients,
        user: Id,
        total: kit::Money,
    ) -> Result<OrderId> {
        let ctx = Ctx { actor: Actor::user(user.get()), ..self.system()? };
        let line = SetLine { token: None, sku_id: self.sku, quantity: Some(one()?), add: false };
        clients.cart.set_line(&ctx, line).await?;
        let checkout_id = clients.cart.begin_checkout(&ctx, BeginCheckout {}).await?.checkout_id;
        let place = order_api::Place {
            checkout_id,
            address_id: AddressId(user),
            payment_method: PaymentMethod::Card,
            expected_total: total,
            note: String::new(),
            channel: None,
        };
        Ok(clients.order.place(&ctx, place).await?.id)
    }
}

async fn start(
    folder: &Path,
    home: &Home,
    change: &impl Fn(&mut PlatformOptions),
) -> Result<Platform> {
    let mut options = PlatformOptions::in_folder(folder);
    options.shards.backend = home.backend();
    options.passwords = PasswordOptions::cheap_for_tests();
    // A busy debug build is slow; holding stock for longer changes nothing here.
    options.inventory.hold = WITHIN;
    change(&mut options);
    let start = Start {
        options,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        tasks: Tasks::new(),
        metrics: None,
    };
    Ok(Platform::start(start).await?)
}

fn seeding() -> SeedOptions {
    SeedOptions { close_after: "P1D".to_owned(), with_fuzz_tenant: false }
}

fn one() -> Result<Quantity> {
    Ok(Quantity::new(1)?)
}

async fn write_member(
    tx: &shard::Tx,
    tenant: &str,
    user: Id,
    address: &str,
) -> Result<(), rpc::Fault> {
    let login = format!("user-{user}@example.com");
    let member = Query::insert()
        .into_table("members")
        .columns([
            "tenant",
            "id",
            "login",
            "login_key",
            "name",
            "password_hash",
            "book_version",
            "created_at",
        ])
        .values_panic([
            tenant.into(),
            user.get().into(),
            login.clone().into(),
            login.into(),
            "".into(),
            "nobody signs in with this".into(),
            1_i64.into(),
            user.made_at().micros().into(),
        ])
        .to_owned();
    let book = Query::insert()
        .into_table("member_addresses")
        .columns(["tenant", "member_id", "id", "is_default", "address"])
        .values_panic([
            tenant.into(),
            user.get().into(),
            user.get().into(),
            true.into(),
            address.into(),
        ])
        .to_owned();
    tx.exec(&member).await?;
    tx.exec(&book).await.map(|_| ())
}

/// A sku on sale with enough for everybody, in a warehouse of its own, so that no order is split.
async fn stocked(platform: &Platform, ctx: &Ctx) -> Result<SkuId> {
    let clients = &platform.clients;
    let list = ListProducts {
        channel: None,
        category_id: None,
        brand_id: None,
        status: Some(product_api::ProductStatus::OnSale),
        cursor: None,
        limit: kit::Limit::new(1)?,
    };
    let listed = clients.product.list(ctx, list).await?;
    let first = listed.items.first().context("something is on sale")?;
    let get = GetProduct { product: ProductRef::Id(first.id), channel: None };
    let product = clients.product.get(ctx, get).await?;
    let sku = product.skus.first().context("a product has a sku")?.id;
    let new = NewWarehouse { code: "BIG".into(), name: "Big".into(), priority: -1 };
    let warehouse = clients.inventory.add_warehouse(ctx, new).await?;
    let set = SetAvailable {
        warehouse_id: Some(warehouse.id),
        levels: vec![(sku, STOCK)],
        reason: "for the test".to_owned(),
    };
    clients.inventory.set_available(ctx, set).await?;
    Ok(sku)
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_10_000_users_fill_all_32_cells_uniformly() -> Result<()> {
    let mall = Mall::open(|_| {}).await?;
    let users = users();
    ensure!(users.len() == usize::try_from(USERS)?);
    mall.settle(&users).await?;
    let total = mall.total().await?;
    let orders: Vec<(Id, OrderId)> = stream::iter(users.iter().copied())
        .map(|user| {
            let mall = &mall;
            async move { Ok::<_, anyhow::Error>((user, mall.order(user, total).await?)) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut counts = BTreeMap::<(u64, u64), u64>::new();
    for (user, order) in &orders {
        let place = order.place();
        let found = (u64::from(place.db), u64::from(place.table));
        ensure!(found == cell(*user), "order {order} of user {user} lies at {place:?}");
        *counts.entry(found).or_default() += 1;
    }
    // What the ids say is where the rows are.
    let told = mall.platform.clients.order.cells(&mall.system()?, Cells {}).await?;
    let told: BTreeMap<(u64, u64), u64> = told
        .into_iter()
        .filter(|c| c.orders > 0)
        .map(|c| Ok(((u64::from(c.place.db), u64::from(c.place.table)), u64::try_from(c.orders)?)))
        .collect::<Result<_>>()?;
    ensure!(told == counts, "ids say {counts:?}, rows say {told:?}");
    ensure!(counts.len() == 32, "orders lie in {} cells", counts.len());
    let counts: Vec<u64> = counts.into_values().collect();
    let chi_square = chi_square_thousandths(&counts);
    ensure!(chi_square < CHI_SQUARE_MAX, "chi-square is {chi_square} thousandths: {counts:?}");
    mall.stop().await;
    Ok(())
}
