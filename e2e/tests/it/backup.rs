//! Backups of the real program: taken while orders come in, restored after everything was killed, and
//! refused when they are damaged.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use e2e::server::{binary, command};
use e2e::{Desk, Server, ServerOptions, Shopper, until};
use futures::future::{join, try_join_all};
use order_api::{OrderView, PaymentMethod};
use payment_api::{PaymentState, PaymentView};
use serde_json::Value;
use tempfile::TempDir;
use types::{OrderId, SkuId};

use crate::books::Books;
use crate::common::{GOOD_CARD, LATE_CARD, TENANTS, make_shippable};
use crate::invariants;

/// Shoppers of each tenant who order at the same time.
const BUYERS: usize = 3;
const STOCK: i64 = 100_000;
/// So many things are acknowledged before the backup, and so many more after it began.
const BEFORE: usize = 60;
const AFTER: usize = 30;
/// Where unpaid orders close so soon that some timers are overdue when it is restored. A slow machine may
/// find an order closed there before its buyer pays or cancels it.
const HASTY: &str = "gadget";
/// What somebody is told who wants a backup while the writers are too busy to be held at once.
const BUSY: &str = "the database is not available right now; try again";

/// What somebody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Placed(OrderId),
    Paid(OrderId),
    Shipped(OrderId),
    Cancelled(OrderId),
}

impl Told {
    const fn order(self) -> OrderId {
        match self {
            Self::Placed(id) | Self::Paid(id) | Self::Shipped(id) | Self::Cancelled(id) => id,
        }
    }
}

/// Somebody who orders, and does with every order something else.
struct Buyer {
    tenant: &'static str,
    shopper: Shopper,
    desk: Desk,
    sku: SkuId,
    told: Mutex<Vec<Told>>,
}

impl Buyer {
    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, told: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    /// Until the program is killed. An error before that is one.
    async fn live(&self, killed: &AtomicBool) -> Result<()> {
        for n in 0_usize.. {
            if let Err(e) = self.one_order(n).await {
                if killed.load(Ordering::SeqCst) {
                    return Ok(());
                }
                let at = format!("order {n} of a buyer at {}", self.tenant);
                return Err(e.context(format!("{at}, while the server was running")));
            }
        }
        Ok(())
    }

    async fn one_order(&self, n: usize) -> Result<()> {
        let cash = n % 5 == 3;
        let method = if cash { PaymentMethod::CashOnDelivery } else { PaymentMethod::Card };
        // Placing may take longer than stock is held.
        let units = 1 + u32::try_from(n % 3)?;
        let id = self.shopper.buy_at_last(self.sku, units, method).await?.id;
        self.note(Told::Placed(id));
        match n % 5 {
            0 => {
                let Some(paid) = self.pay(id, GOOD_CARD).await? else { return Ok(()) };
                ensure!(paid.state == PaymentState::Captured, "{:?}", paid.state);
                self.note(Told::Paid(id));
                self.ship(id).await?;
            }
            1 => {
                self.pay(id, LATE_CARD).await?;
            }
            2 => self.cancel(id).await?,
            // Cash is collected some day, and some never pay.
            _ => {}
        }
        Ok(())
    }

    /// Whether the order's timer has closed it.
    async fn is_closed(&self, id: OrderId) -> Result<bool> {
        Ok(self.tenant == HASTY && self.shopper.order(id).await?.status == "CLOSED")
    }

    /// Nothing when the order was closed before.
    async fn pay(&self, id: OrderId, card: &str) -> Result<Option<PaymentView>> {
        let answer = self.shopper.try_to_pay(id, &format!("pay-{id}"), card).await?;
        if answer.is_refusal(409, "not_payable") && self.is_closed(id).await? {
            return Ok(None);
        }
        Ok(Some(answer.ok().context("paying")?))
    }

    /// Ships an order, unless it was closed before it heard of its money.
    async fn ship(&self, id: OrderId) -> Result<()> {
        let what = format!("the warehouse knows order {id}, or it is closed");
        let is_known = until(&what, || async {
            if self.is_closed(id).await? {
                return Ok(Some(false));
            }
            Ok((self.desk.fulfillment(id).await?.status == 200).then_some(true))
        })
        .await?;
        if !is_known {
            return Ok(());
        }
        make_shippable(&self.desk, id).await?;
        self.desk.ship(id, None, &format!("B-{id}")).await?;
        self.note(Told::Shipped(id));
        self.desk.deliver_all(id).await
    }

    /// Cancels an order, unless it was closed before.
    async fn cancel(&self, id: OrderId) -> Result<()> {
        let answer = self.shopper.act(id, "cancel").await?;
        if answer.is_refusal(409, "operation_not_allowed") && self.is_closed(id).await? {
            return Ok(());
        }
        let order: OrderView = answer.ok().context("cancelling")?;
        ensure!(order.status == "CANCELLED", "cancelling led to {}", order.status);
        self.note(Told::Cancelled(id));
        Ok(())
    }

    /// What was told before a backup holds after it was restored.
    async fn holds(&self, shopper: &Shopper, told: Told) -> Result<()> {
        let id = told.order();
        let order = shopper.order(id).await.with_context(|| format!("{told:?}"))?;
        ensure!(order.lines.len() == 1, "{told:?}, and the order is not whole");
        match told {
            Told::Placed(_) => {}
            Told::Paid(_) => self.keeps_its_money(shopper, &order).await?,
            Told::Cancelled(_) => {
                ensure!(order.status == "CANCELLED", "{told:?}: {}", order.status)
            }
            Told::Shipped(_) => {
                let parcels = shopper.shipments(id).await?;
                ensure!(parcels.shipped && parcels.shipments.len() == 1, "{told:?}: {parcels:?}");
            }
        }
        Ok(())
    }

    /// An order that was paid for is paid. Where its timer was overdue it may have been closed before it heard
    /// of its money, which has gone back then.
    async fn keeps_its_money(&self, shopper: &Shopper, order: &OrderView) -> Result<()> {
        if order.paid == order.total {
            return Ok(());
        }
        let money = shopper.payments(order.id).await?;
        let captured = |p: &&PaymentView| p.state == PaymentState::Captured;
        let went_back = money.payments.iter().filter(captured).any(|p| p.refunded == order.total);
        let is_even = went_back && money.balance.amount() == 0;
        let may_be = self.tenant == HASTY && order.status == "CLOSED";
        let Self { tenant, .. } = self;
        ensure!(may_be && is_even, "order {} at {tenant}: {order:?}, {money:?}", order.id);
        Ok(())
    }
}

async fn buyers(server: &Server) -> Result<Vec<Buyer>> {
    let mut buyers = Vec::new();
    for tenant in TENANTS {
        let desk = server.desk(tenant, "owner").await?;
        let sku = desk.product("backed-up", 700, STOCK).await?;
        for n in 0..BUYERS {
            let shopper = server.shopper(tenant, &format!("backed-up-{n}")).await?.patient();
            let told = Mutex::default();
            buyers.push(Buyer { tenant, shopper, desk: desk.clone(), sku, told });
        }
    }
    server.desk(HASTY, "owner").await?.close_unpaid_after("PT3S").await?;
    Ok(buyers)
}

fn count(buyers: &[Buyer]) -> usize {
    buyers.iter().map(|b| b.told().len()).sum()
}

/// Files, or a PostgreSQL server of the test with a database for each platform.
enum Ground {
    Files,
    Server(Box<servers::Postgres>),
}

impl Ground {
    /// What a platform is started with: on files, or on the database of this name.
    fn options(&self, database: &str) -> Result<ServerOptions> {
        let (engine, database_url) = match self {
            Self::Files => ("sqlite", None),
            Self::Server(server) => {
                server.ensure_database(database)?;
                ("postgres", Some(server.url(database)))
            }
        };
        Ok(ServerOptions {
            unpaid_orders_max: Some(1_000_000),
            reservation: Some(std::time::Duration::from_millis(1_500)),
            engine: Some(engine),
            database_url,
        })
    }
}

/// The demo's schemas on a server.
const PREFIX: &str = "stoa_demo_";

fn embedded() -> ServerOptions {
    ServerOptions { engine: Some("sqlite"), ..ServerOptions::default() }
}

/// Runs a command; its JSON, or what it said.
async fn stoa<const N: usize>(args: [&std::ffi::OsStr; N]) -> Result<Value> {
    let Output { status, stdout, stderr } =
        command(args.into_iter().map(OsString::from).chain(["--json".into()])).await?;
    ensure!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    Ok(serde_json::from_slice(&stdout)?)
}

/// Makes a backup; again when that is what the answer asks for.
async fn back_up(data: &Path, to: &Path) -> Result<Value> {
    until("a backup can be made", || async {
        let made = stoa(["backup".as_ref(), to.as_ref(), "--data".as_ref(), data.as_ref()]).await;
        match made {
            Err(e) if e.to_string().contains(BUSY) => Ok(None),
            made => made.map(Some),
        }
    })
    .await
}

async fn restore(from: &Path, to: &ServerOptions, data: &Path) -> Result<Value> {
    let (what, to) = match &to.database_url {
        Some(url) => ("--database-url", url.as_ref()),
        None => ("--data", data.as_os_str()),
    };
    stoa(["restore".as_ref(), from.as_ref(), what.as_ref(), to]).await
}

fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("stoa-e2e-").tempdir()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_restores_to_books_that_agree() -> Result<()> {
    drill(&Ground::Files).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_server_taken_under_load_restores_to_books_that_agree() -> Result<()> {
    if let [Err(e), _] = servers::installed() {
        e2e::note(&format!("SKIPPED: {e}"));
        return Ok(());
    }
    let start = || servers::Postgres::start(&servers::PostgresOptions::default());
    drill(&Ground::Server(Box::new(tokio::task::spawn_blocking(start).await??))).await
}

async fn drill(ground: &Ground) -> Result<()> {
    let mut server = Server::start(ground.options("mall")?).await?;
    let (buyers, killed, store) = (buyers(&server).await?, AtomicBool::new(false), folder()?);
    let (backup, ended) = (store.path().join("monday"), AtomicBool::new(false));
    let operator = async {
        let result = async {
            acknowledged(&buyers, BEFORE, &ended).await?;
            let before: Vec<Vec<Told>> = buyers.iter().map(Buyer::told).collect();
            let manifest = back_up(&server.data(), &backup).await?;
            acknowledged(&buyers, count(&buyers) + AFTER, &ended).await?;
            Ok::<_, anyhow::Error>((before, manifest))
        }
        .await;
        // Whatever happened, the buyers must come to an end.
        killed.store(true, Ordering::SeqCst);
        server.kill()?;
        result
    };
    let living = async {
        let lived = try_join_all(buyers.iter().map(|b| b.live(&killed))).await;
        // When that is too soon, nobody waits for them any more.
        ended.store(true, Ordering::SeqCst);
        lived
    };
    let (result, lived) = join(operator, living).await;
    lived?;
    let (before, manifest) = result?;
    let paused = manifest["paused_us"].as_u64().context("it says how long writers were held")?;
    let files = manifest["files"].as_array().map_or(0, Vec::len);
    e2e::note(&format!(
        "{files} files; writers were held for {paused} µs; {} of {} acknowledgements came before",
        before.iter().map(Vec::len).sum::<usize>(),
        count(&buyers)
    ));
    let is_embedded = matches!(ground, Ground::Files);
    ensure!(is_embedded == (paused > 0), "the server made no backup of itself");
    drop(server);
    let (new, options) = (folder()?, ground.options("restored")?);
    restore(&backup, &options, &new.path().join("data")).await?;
    let restored = Server::start_on(options.clone(), new).await?;
    let books = settled(&restored, &options, store.path()).await?;
    invariants::check(&books).with_context(|| restored.log())?;
    nothing_is_lost(&restored, &buyers, &before).await.with_context(|| restored.log())?;
    no_id_twice(&restored, &buyers).await
}

async fn acknowledged(buyers: &[Buyer], least: usize, ended: &AtomicBool) -> Result<()> {
    until(&format!("{least} things are acknowledged"), || async {
        ensure!(!ended.load(Ordering::SeqCst), "the buyers came to an end before");
        Ok((count(buyers) >= least).then_some(()))
    })
    .await
}

/// Waits until nothing is under way, and reads the books: of files out of a backup, since a platform has them.
async fn settled(server: &Server, on: &ServerOptions, store: &Path) -> Result<Books> {
    let last = Mutex::new(String::new());
    let look = || async {
        let books = match &on.database_url {
            Some(url) => Books::of_server(url, PREFIX)?,
            None => {
                let to = tempfile::tempdir_in(store)?;
                let copy = to.path().join("copy");
                back_up(&server.data(), &copy).await?;
                Books::of_folder(&copy)?
            }
        };
        *last.lock().unwrap_or_else(PoisonError::into_inner) = invariants::under_way(&books);
        Ok(invariants::is_settled(&books).then_some(books))
    };
    let settled = until("everything that was under way has settled", look).await;
    settled.with_context(|| {
        let last = last.lock().unwrap_or_else(PoisonError::into_inner);
        format!("at last: {last}")
    })
}

async fn nothing_is_lost(server: &Server, buyers: &[Buyer], before: &[Vec<Told>]) -> Result<()> {
    for (buyer, told) in buyers.iter().zip(before) {
        let shopper = server.again(buyer.tenant, &buyer.shopper)?;
        for told in told {
            buyer.holds(&shopper, *told).await?;
        }
    }
    Ok(())
}

/// The orders that the backup does not have are lost; none of their ids is made again. A checkout that was
/// open when the backup was made keeps its id, and so its order may be placed once more, by its member.
async fn no_id_twice(server: &Server, buyers: &[Buyer]) -> Result<()> {
    for buyer in buyers {
        let shopper = server.again(buyer.tenant, &buyer.shopper)?;
        let (first, second) = (buy(&shopper, buyer.sku).await?, buy(&shopper, buyer.sku).await?);
        let is_known = |id: OrderId, of: &Buyer| of.told().iter().any(|told| told.order() == id);
        let foreign = |of: &&Buyer| !std::ptr::eq(*of, buyer);
        let taken = buyers.iter().filter(foreign).any(|of| is_known(first, of));
        ensure!(!taken, "order {first} was somebody else's before");
        ensure!(!buyers.iter().any(|of| is_known(second, of)), "order {second} was there before");
    }
    Ok(())
}

/// Buys one, with a new checkout when the stock of the open one was given back meanwhile.
async fn buy(shopper: &Shopper, sku: SkuId) -> Result<OrderId> {
    Ok(shopper.buy_at_last(sku, 1, PaymentMethod::CashOnDelivery).await?.id)
}

/// A backup of a shop that was killed, so that its logs are still to be read in.
struct Case {
    _store: TempDir,
    store: PathBuf,
    server: Server,
}

impl Case {
    async fn set_up() -> Result<Self> {
        let mut server = Server::start(embedded()).await?;
        server.kill()?;
        let store = folder()?;
        let path = store.path().to_path_buf();
        back_up(&server.data(), &path.join("good")).await?;
        Ok(Self { _store: store, store: path, server })
    }

    fn good(&self) -> PathBuf {
        self.store.join("good")
    }

    /// A copy of the backup in which something is wrong.
    fn spoilt(&self, name: &str, spoil: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let to = self.store.join(name);
        fs::create_dir(&to)?;
        for entry in fs::read_dir(self.good())? {
            let from = entry?.path();
            fs::copy(&from, to.join(from.file_name().context("a file has a name")?))?;
        }
        spoil(&to)?;
        Ok(to)
    }

    /// Restoring it fails with these words, leaves nothing behind, and a check says the same.
    async fn is_refused(&self, backup: &Path, words: &str) -> Result<()> {
        let target = self.store.join("target");
        let before = names(&self.store)?;
        for check in [false, true] {
            let mut args: Vec<OsString> = vec!["restore".into(), backup.into()];
            if check {
                args.push("--check".into());
            } else {
                args.extend(["--data".into(), target.clone().into()]);
            }
            let said = fails(command(args).await?)?;
            ensure!(said.contains(words), "not `{words}`, but: {said}");
        }
        ensure!(names(&self.store)? == before, "something was left behind: {words}");
        Ok(())
    }
}

fn fails(output: Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "{}: {said}", output.status);
    Ok(said)
}

fn names(folder: &Path) -> Result<Vec<OsString>> {
    let mut names: Vec<OsString> =
        fs::read_dir(folder)?.map(|e| Ok(e?.file_name())).collect::<std::io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn change_manifest(folder: &Path, change: impl FnOnce(&mut Value)) -> Result<()> {
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path)?)?;
    change(&mut manifest);
    Ok(fs::write(path, serde_json::to_vec(&manifest)?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_refused_and_changes_nothing() -> Result<()> {
    let case = Case::set_up().await?;
    stoa(["restore".as_ref(), case.good().as_ref(), "--check".as_ref()]).await?;
    let cut = case.spoilt("cut", |folder| {
        let file = fs::File::options().write(true).open(folder.join("product.db"))?;
        Ok(file.set_len(file.metadata()?.len() / 2)?)
    })?;
    case.is_refused(&cut, "product.db: it has").await?;
    let flipped = case.spoilt("flipped", |folder| {
        let path = folder.join("inventory.db");
        let mut bytes = fs::read(&path)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Ok(fs::write(path, bytes)?)
    })?;
    case.is_refused(&flipped, "inventory.db: its checksum is another").await?;
    let lacking = case.spoilt("lacking", |f| Ok(fs::remove_file(f.join("cart.db"))?))?;
    case.is_refused(&lacking, "cart.db: it is missing").await?;
    let unfinished =
        case.spoilt("unfinished", |f| Ok(fs::remove_file(f.join("manifest.json"))?))?;
    case.is_refused(&unfinished, "holds no manifest.json").await?;
    let torn = case.spoilt("torn", |f| Ok(fs::write(f.join("manifest.json"), "{\"form")?))?;
    case.is_refused(&torn, "is broken").await?;
    let newer = case.spoilt("newer", |f| change_manifest(f, |m| m["format"] = 2.into()))?;
    case.is_refused(&newer, "use the newer program").await?;
    let astray = case.spoilt("astray", |folder| {
        change_manifest(folder, |m| m["files"][0]["file"] = "../stolen.db".into())
    })?;
    case.is_refused(&astray, "is no file name").await?;
    let nothing = case.store.join("nothing");
    case.is_refused(&nothing, "is no folder").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_into_no_folder_that_is_in_use_or_full_of_something() -> Result<()> {
    let mut case = Case::set_up().await?;
    case.server.restart().await?;
    let (data, good) = (case.server.data(), case.good());
    let try_into = |folder: &Path, reset: bool| {
        let mut args: Vec<OsString> =
            vec!["restore".into(), good.clone().into(), "--data".into(), folder.into()];
        args.extend(reset.then(|| "--reset".into()));
        command(args)
    };
    for reset in [false, true] {
        let said = fails(try_into(&data, reset).await?)?;
        ensure!(said.contains("is in use by another stoa process"), "{said}");
    }
    let other = case.store.join("other");
    fs::create_dir(&other)?;
    fs::write(other.join("letter.txt"), "dear")?;
    let said = fails(try_into(&other, false).await?)?;
    ensure!(said.contains("is not empty"), "{said}");
    let said = fails(try_into(&other, true).await?)?;
    ensure!(said.contains("does not look like a data folder"), "{said}");
    ensure!(fs::read_to_string(other.join("letter.txt"))? == "dear");
    // A folder that nobody uses any more is replaced when that is asked for, and not before.
    case.server.kill()?;
    let said = fails(try_into(&data, false).await?)?;
    ensure!(said.contains("give --reset"), "{said}");
    fs::write(data.join("mark.txt"), "old")?;
    let done = try_into(&data, true).await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    ensure!(!data.join("mark.txt").exists(), "the old folder is still there");
    case.server.restart().await?;
    let rest = names(data.parent().context("it has a parent")?)?;
    ensure!(!rest.iter().any(|n| n.to_string_lossy().starts_with('.')), "left behind: {rest:?}");
    case.server.desk("flora", "owner").await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_written_leaves_nothing() -> Result<()> {
    let mut case = Case::set_up().await?;
    let data = case.server.data();
    let taken = fails(command(backup_args(&case.good(), &data)).await?)?;
    ensure!(taken.contains("holds a backup already"), "{taken}");
    let full = case.store.join("full");
    fs::create_dir(&full)?;
    fs::write(full.join("letter.txt"), "dear")?;
    let said = fails(command(backup_args(&full, &data)).await?)?;
    ensure!(said.contains("is not empty"), "{said}");
    // As if the disk were full: no file may grow over half a megabyte.
    let before = names(&case.store)?;
    let small = limited(backup_args(&case.store.join("small"), &data)).await?;
    let said = fails(small)?;
    ensure!(said.contains("cannot be written") && said.contains("there is no backup"), "{said}");
    let target = case.store.join("target");
    let args = ["restore".into(), case.good().into(), "--data".into(), target.into()];
    let said = fails(limited(args.into()).await?)?;
    ensure!(said.contains("cannot be restored; nothing was changed"), "{said}");
    ensure!(names(&case.store)? == before, "something was left behind");
    // A server refuses the same.
    case.server.restart().await?;
    let said = fails(command(backup_args(&full, &data)).await?)?;
    ensure!(said.contains("is not empty"), "{said}");
    ensure!(names(&full)? == ["letter.txt"], "something was written beside the letter");
    Ok(())
}

fn backup_args(to: &Path, data: &Path) -> Vec<OsString> {
    vec!["backup".into(), to.into(), "--data".into(), data.into()]
}

/// Runs the program where no file may grow over half a megabyte; writing more is an error, not a signal.
async fn limited(args: Vec<OsString>) -> Result<Output> {
    let program = binary()?;
    let run = move || {
        let mut shell = Command::new("bash");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$@\"", "limited"]);
        shell.arg(program).args(args).stdin(Stdio::null());
        shell.output().context("bash cannot be started")
    };
    tokio::task::spawn_blocking(run).await?
}
