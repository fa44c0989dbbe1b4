//! Logical databases go to another server and back, by the command for that, while people buy: orders, their
//! payments and parcels, the stock, and the platform's own. Nobody starts anything anew; who meets a fence is
//! told 503 and asks again. In the end every order is there once, and the books agree.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use e2e::server::command;
use e2e::{PATIENCE, Server, ServerOptions, Shopper, until};
use futures::future::{join, try_join_all};
use order_api::PaymentMethod;
use serde_json::Value;
use servers::{Postgres, PostgresOptions};
use types::{OrderId, SkuId};

use crate::books::Books;
use crate::common::{GOOD_CARD, TENANTS};
use crate::invariants;

const PREFIX: &str = "stoa_demo_";
const STOCK: i64 = 100_000;
/// So many orders are placed between one move and the next.
const BETWEEN: usize = 3;
/// What moves: `outlet` lives in the databases 4 to 7.
const MOVED: [&str; 8] = [
    "order_04",
    "payment_04",
    "fulfillment_05",
    "inventory",
    "cart",
    "platform",
    "search",
    "member",
];

/// What everybody knows of everybody.
#[derive(Default)]
struct Shared {
    placed: AtomicUsize,
    is_over: AtomicBool,
}

struct Buyer<'a> {
    tenant: &'static str,
    shopper: Shopper,
    sku: SkuId,
    shared: &'a Shared,
    orders: Mutex<Vec<OrderId>>,
}

impl Buyer<'_> {
    async fn live(&self) -> Result<()> {
        while !self.shared.is_over.load(Ordering::SeqCst) {
            let order = self.shopper.buy_at_last(self.sku, 1, PaymentMethod::Card).await?;
            self.shopper.pay(order.id, GOOD_CARD).await?;
            self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order.id);
            self.shared.placed.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Runs a command on the settings; what it says as JSON, or why it does not.
async fn run(config: &Path, args: &[&str]) -> Result<Value, String> {
    let args = args.iter().map(Into::into);
    let args = args.chain(["--json".into(), "--config".into(), config.as_os_str().to_owned()]);
    let done = command(args).await.map_err(|e| format!("{e:#}"))?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    serde_json::from_slice(&done.stdout).map_err(|e| e.to_string())
}

/// Moves everything there, and back again; for how long writes were refused at most, in ms.
async fn operate(config: &Path, shared: &Shared, backup: &Path) -> Result<u64> {
    let mut longest = 0;
    for to in ["b", "a"] {
        for database in MOVED {
            let before = shared.placed.load(Ordering::SeqCst);
            until("orders come in", || async {
                ensure!(!shared.is_over.load(Ordering::SeqCst), "the buyers have failed");
                Ok((shared.placed.load(Ordering::SeqCst) >= before + BETWEEN).then_some(()))
            })
            .await?;
            let told = run(config, &["shard", "move", database, "--to", to]).await;
            let told = told.map_err(anyhow::Error::msg)?;
            ensure!(told["end"] == "moved" && told["to"] == to, "{told}");
            longest = longest.max(told["writes_refused_ms"].as_u64().unwrap_or(u64::MAX));
        }
        let servers = run(config, &["shard", "servers"]).await.map_err(anyhow::Error::msg)?;
        let on = |name: &&&str| {
            let is = |l: &Value| l["database"] == **name && l["server"] == to;
            servers.as_array().is_some_and(|all| all.iter().any(is))
        };
        ensure!(MOVED.iter().filter(on).count() == MOVED.len(), "{servers}");
        let folder = backup.join(to);
        let backed_up = run(config, &["backup", &folder.to_string_lossy()]).await;
        match to {
            "b" => {
                let told = backed_up.err().unwrap_or_default();
                ensure!(told.contains("2 servers (a, b)"), "a backup of a part: {told}");
            }
            _ => drop(backed_up.map_err(anyhow::Error::msg)?),
        }
    }
    Ok(longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_buy_while_databases_move_to_another_server_and_back() -> Result<()> {
    if let [Err(e), _] = servers::installed() {
        e2e::note(&format!("SKIPPED: {e}"));
        return Ok(());
    }
    let options = PostgresOptions::default();
    let (a, b) = tokio::task::block_in_place(|| -> Result<_> {
        let (a, b) = (Postgres::start(&options)?, Postgres::start(&options)?);
        a.ensure_database("mall")?;
        b.ensure_database("mall")?;
        Ok((a, b))
    })?;
    let options = ServerOptions {
        engine: Some("postgres"),
        database_url: Some(a.url("mall")),
        ..ServerOptions::default()
    };
    let mut server = Server::start(options).await?;
    server.kill()?;
    let settings = format!(
        "[order]\nunpaid_orders_max = 1000000\n\
         [storage]\nengine = \"postgres\"\nprefix = \"{PREFIX}\"\n\
         [[storage.server]]\nname = \"a\"\nurl = \"{}\"\n\
         [[storage.server]]\nname = \"b\"\nurl = \"{}\"\n[storage.directory]\ndefault = \"a\"\n",
        a.url("mall"),
        b.url("mall")
    );
    server.serve(&settings).await?;
    let shared = Shared::default();
    let mut buyers = Vec::new();
    for tenant in TENANTS {
        let sku = server.desk(tenant, "owner").await?.product("moved", 700, STOCK).await?;
        for n in 0..2 {
            let shopper = server.shopper(tenant, &format!("moved-{n}")).await?;
            shopper.add_address().await?;
            let (shopper, shared) = (shopper.patient(), &shared);
            buyers.push(Buyer { tenant, shopper, sku, shared, orders: Mutex::default() });
        }
    }
    let backups = tempfile::tempdir()?;
    let config = server.config();
    let operating = async {
        let longest = operate(&config, &shared, backups.path()).await;
        shared.is_over.store(true, Ordering::SeqCst);
        longest
    };
    let living = async {
        let lived = try_join_all(buyers.iter().map(Buyer::live)).await;
        shared.is_over.store(true, Ordering::SeqCst);
        lived
    };
    let (longest, lived) = join(operating, living).await;
    lived?;
    let (longest, placed) = (longest?, shared.placed.load(Ordering::SeqCst));
    e2e::note(&format!(
        "moving: {} moves, {placed} orders meanwhile, writes of one database refused for {longest} ms at most",
        2 * MOVED.len()
    ));
    let books = until("everything that was under way has settled", || async {
        let books = Books::of_server(&a.url("mall"), PREFIX)?;
        Ok(invariants::is_settled(&books).then_some(books))
    })
    .await?;
    invariants::check(&books)?;
    let mut told = BTreeSet::new();
    for buyer in &buyers {
        for order in buyer.orders.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let key = (buyer.tenant.to_owned(), order.get());
            let found = books.orders.get(&key);
            ensure!(found.is_some_and(|o| o.paid == o.total), "{order} was paid, and is not so");
            ensure!(told.insert(key), "{order} was given out twice");
        }
    }
    ensure!(told.len() == placed, "{} of {placed}, within {PATIENCE:?}", told.len());
    Ok(())
}
