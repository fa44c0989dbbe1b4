//! The books of a whole platform, read out of its databases as they were at one moment, and what must hold
//! among them (design §13). It reads tables, which nothing outside of a service does otherwise: here the
//! question is what a service cannot answer of itself, whether all of them agree.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use kit::{Id, Place, Secret, SystemClock};
use sea_query::Query;
use serde_json::Value;
use shard::backup::Cut;
use shard::row::FromValue;
use shard::{Row, ServerSnapshot};
use tokio::sync::Mutex;

/// Tenant and order.
pub type Key = (String, i64);

/// Everything that the checks look at.
pub struct Books {
    pub orders: BTreeMap<Key, Order>,
    pub history: BTreeMap<Key, Vec<Line>>,
    pub flows: BTreeMap<(String, i64), Value>,
    pub payments: Vec<Payment>,
    /// By order: the entry's name, the payment, the amount.
    pub money: BTreeMap<Key, Vec<(String, i64, i64)>>,
    /// What the card provider says of a payment: its outcome, the amount, what went back.
    pub charges: BTreeMap<Key, (String, i64, i64)>,
    pub refunds_open: usize,
    pub stock: BTreeMap<Slot, [i64; 3]>,
    pub stock_ledger: Vec<Movement>,
    /// The state by order.
    pub reservations: BTreeMap<Key, String>,
    pub reserved_units: Vec<(Key, Slot, i64)>,
    /// By order: shipped, and units that were ordered, that have left, that lie in parcels.
    pub fulfillments: BTreeMap<Key, (bool, [i64; 3])>,
    pub shipments: Vec<(Key, i64, Place)>,
    /// What lists show of an order: status, version, money that it keeps.
    pub listed: BTreeMap<Key, (String, i64, i64)>,
    /// Checkouts that have not become an order, by what carts say.
    pub checkouts: BTreeSet<Key>,
    pub members: BTreeSet<Key>,
    pub skus: BTreeSet<Key>,
    /// Where a tenant's orders may be.
    pub cells: BTreeMap<String, BTreeSet<(u8, u8)>>,
    pub messages: Vec<Told>,
    /// When all this was so, in microseconds.
    pub at: i64,
}

/// An order.
pub struct Order {
    pub place: Place,
    pub member: i64,
    pub status: String,
    pub version: i64,
    pub flow_version: i64,
    pub method: String,
    pub total: i64,
    pub captured: i64,
    pub refunded: i64,
    pub paid: i64,
    pub skus: Vec<i64>,
}

/// A line of an order's history.
pub struct Line {
    pub seq: i64,
    pub operation: String,
    pub from: String,
    pub to: String,
    pub flow_version: i64,
}

/// A payment.
pub struct Payment {
    pub key: Key,
    pub id: i64,
    pub place: Place,
    pub provider: String,
    pub state: String,
    pub amount: i64,
    pub refunded: i64,
}

/// Tenant, sku, warehouse, bucket.
pub type Slot = (String, i64, i64, i64);

/// A line of the stock's ledger.
pub struct Movement {
    pub slot: Slot,
    pub by: [i64; 3],
    pub of_order: bool,
}

/// A message.
pub struct Told {
    pub database: String,
    pub tenant: String,
    pub aggregate: i64,
    pub topic: String,
    pub state: i64,
    pub blocking: bool,
    pub next_at: i64,
    pub last_error: Option<String>,
}

impl Told {
    /// Whether it is to be delivered now.
    pub fn is_due(&self, at: i64) -> bool {
        matches!(self.state, 0 | 3) && (self.blocking || self.next_at <= at)
    }
}

fn get<T: FromValue>(row: &Row, column: &str) -> Result<T> {
    row.get(column).map_err(|e| anyhow!("{column}: {e:?}"))
}

fn key(row: &Row, id: &str) -> Result<Key> {
    Ok((get(row, "tenant")?, get(row, id)?))
}

fn slot(row: &Row) -> Result<Slot> {
    Ok((get(row, "tenant")?, get(row, "sku_id")?, get(row, "warehouse_id")?, get(row, "bucket")?))
}

fn levels(row: &Row) -> Result<[i64; 3]> {
    Ok([get(row, "available")?, get(row, "reserved")?, get(row, "sold")?])
}

/// The databases of a platform at one moment: files on which nobody runs, or schemas of a server.
enum Databases {
    Files(Cut),
    Schemas(Mutex<ServerSnapshot>, &'static str),
}

/// The newest migration by owner and cell.
type Migrations = BTreeMap<(String, i64), i64>;

impl Databases {
    /// Their names, each with its migrations by owner and cell.
    fn all(&self) -> Result<Vec<(String, Migrations)>> {
        match self {
            Self::Files(cut) => {
                cut.snapshots.iter().map(|s| Ok((s.name(), s.migrations()?))).collect()
            }
            Self::Schemas(moment, prefix) => wait(async {
                let (mut moment, mut found) = (moment.lock().await, Vec::new());
                for name in moment.databases(prefix).await? {
                    let migrations = moment.migrations(&format!("{prefix}{name}")).await?;
                    found.push((name, migrations));
                }
                Ok(found)
            }),
        }
    }

    fn rows(&self, database: &str, name: &str, columns: &[&'static str]) -> Result<Vec<Row>> {
        let from = name.to_owned();
        let select = Query::select().columns(columns.iter().copied()).from(from).to_owned();
        let rows = match self {
            Self::Files(cut) => {
                let found = cut.snapshots.iter().find(|s| s.name() == database);
                found.with_context(|| format!("there is no {database}"))?.rows(&select)
            }
            Self::Schemas(moment, prefix) => wait(async {
                moment.lock().await.rows(&format!("{prefix}{database}"), &select).await
            }),
        };
        rows.with_context(|| format!("{name} of {database}"))
    }

    /// Rows of a table that stands once in every cell, with the cell.
    fn cells(
        &self,
        database: &str,
        name: &str,
        columns: &[&'static str],
    ) -> Result<Vec<(Place, Row)>> {
        let mut found = Vec::new();
        for (file, owners) in self.all()? {
            let Some(db) = file.strip_prefix(database).and_then(|n| n.strip_prefix('_')) else {
                continue;
            };
            let db: u8 = db.parse()?;
            let cells: BTreeSet<i64> = owners.keys().map(|(_, c)| *c).filter(|c| *c >= 0).collect();
            for cell in cells {
                let place = Place::new(db, u8::try_from(cell)?).context("a cell has a place")?;
                let rows = self.rows(&file, &format!("{name}_{cell:02}"), columns)?;
                found.extend(rows.into_iter().map(|row| (place, row)));
            }
        }
        Ok(found)
    }

    fn at(&self) -> Result<i64> {
        Ok(match self {
            Self::Files(cut) => cut.at.micros(),
            Self::Schemas(moment, _) => wait(async { moment.lock().await.at().micros() }),
        })
    }
}

/// Waits in code that is not async, of a test that has threads to spare.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

impl Books {
    /// Reads a data folder, or the folder of a backup.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let clock: kit::SharedClock = Arc::new(SystemClock);
        Self::read(&Databases::Files(shard::backup::of_folder(folder, &clock)?))
    }

    /// Reads the schemas of a PostgreSQL database that begin with a prefix.
    pub fn of_server(url: &str, prefix: &'static str) -> Result<Self> {
        let (clock, url): (kit::SharedClock, _) = (Arc::new(SystemClock), url.to_owned());
        let moment = wait(async { ServerSnapshot::take(&Secret::new(url), &clock).await })?;
        Self::read(&Databases::Schemas(Mutex::new(moment), prefix))
    }

    fn read(files: &Databases) -> Result<Self> {
        let ids = |rows: Vec<Row>, id| rows.iter().map(|r| key(r, id)).collect::<Result<_>>();
        let checkouts = files.rows("cart", "carts", &["tenant", "checkout_id"])?;
        let mut open = BTreeSet::new();
        for row in &checkouts {
            if let Some(id) = get(row, "checkout_id")? {
                open.insert((get(row, "tenant")?, id));
            }
        }
        let is_open = |(_, row): &(Place, Row)| get::<bool>(row, "done").map(|done| !done);
        let refunds = files.cells("payment", "refunds", &["done"])?;
        let refunds: Vec<bool> = refunds.iter().map(is_open).collect::<Result<_>>()?;
        Ok(Self {
            orders: orders(files)?,
            history: history(files)?,
            flows: flows(files)?,
            payments: payments(files)?,
            money: money(files)?,
            charges: charges(files)?,
            refunds_open: refunds.into_iter().filter(|open| *open).count(),
            stock: stock(files)?,
            stock_ledger: stock_ledger(files)?,
            reservations: reservations(files)?,
            reserved_units: reserved_units(files)?,
            fulfillments: fulfillments(files)?,
            shipments: shipments(files)?,
            listed: listed(files)?,
            checkouts: open,
            members: ids(files.rows("member", "members", &["tenant", "id"])?, "id")?,
            skus: ids(files.rows("product", "skus", &["tenant", "id"])?, "id")?,
            cells: placements(files)?,
            messages: messages(files)?,
            at: files.at()?,
        })
    }
}

fn orders(files: &Databases) -> Result<BTreeMap<Key, Order>> {
    let columns = [
        "tenant",
        "id",
        "member_id",
        "status",
        "version",
        "flow_version",
        "payment_method",
        "total",
        "captured",
        "refunded",
        "paid",
    ];
    let mut orders = BTreeMap::new();
    for (place, row) in files.cells("order", "orders", &columns)? {
        let order = Order {
            place,
            member: get(&row, "member_id")?,
            status: get(&row, "status")?,
            version: get(&row, "version")?,
            flow_version: get(&row, "flow_version")?,
            method: get(&row, "payment_method")?,
            total: get(&row, "total")?,
            captured: get(&row, "captured")?,
            refunded: get(&row, "refunded")?,
            paid: get(&row, "paid")?,
            skus: Vec::new(),
        };
        let old = orders.insert(key(&row, "id")?, order);
        ensure!(old.is_none(), "an order stands in two cells");
    }
    for (_, row) in files.cells("order", "order_lines", &["tenant", "order_id", "sku_id"])? {
        let order = orders.get_mut(&key(&row, "order_id")?).context("a line without its order")?;
        order.skus.push(get(&row, "sku_id")?);
    }
    Ok(orders)
}

fn history(files: &Databases) -> Result<BTreeMap<Key, Vec<Line>>> {
    let columns =
        ["tenant", "entity_id", "seq", "operation", "from_status", "to_status", "flow_version"];
    let mut history: BTreeMap<Key, Vec<Line>> = BTreeMap::new();
    for (_, row) in files.cells("order", "order_history", &columns)? {
        let line = Line {
            seq: get(&row, "seq")?,
            operation: get(&row, "operation")?,
            from: get(&row, "from_status")?,
            to: get(&row, "to_status")?,
            flow_version: get(&row, "flow_version")?,
        };
        history.entry(key(&row, "entity_id")?).or_default().push(line);
    }
    history.values_mut().for_each(|lines| lines.sort_by_key(|line| line.seq));
    Ok(history)
}

fn flows(files: &Databases) -> Result<BTreeMap<(String, i64), Value>> {
    let columns = ["tenant", "code", "version", "document"];
    let mut flows = BTreeMap::new();
    for row in files.rows("platform", "flow_documents", &columns)? {
        if get::<String>(&row, "code")? == "order" {
            let text: String = get(&row, "document")?;
            flows.insert(key(&row, "version")?, serde_json::from_str(&text)?);
        }
    }
    Ok(flows)
}

fn payments(files: &Databases) -> Result<Vec<Payment>> {
    let columns = ["tenant", "id", "order_id", "provider", "state", "amount", "refunded"];
    let read = |(place, row): (Place, Row)| {
        Ok(Payment {
            key: key(&row, "order_id")?,
            id: get(&row, "id")?,
            place,
            provider: get(&row, "provider")?,
            state: get(&row, "state")?,
            amount: get(&row, "amount")?,
            refunded: get(&row, "refunded")?,
        })
    };
    files.cells("payment", "payments", &columns)?.into_iter().map(read).collect()
}

/// Entries of the ledger by order: the entry, its payment, the amount.
type Money = BTreeMap<Key, Vec<(String, i64, i64)>>;

fn money(files: &Databases) -> Result<Money> {
    let columns = ["tenant", "order_id", "entry", "payment_id", "amount"];
    let mut money = Money::new();
    for (_, row) in files.cells("payment", "ledger", &columns)? {
        let entry = (get(&row, "entry")?, get(&row, "payment_id")?, get(&row, "amount")?);
        money.entry(key(&row, "order_id")?).or_default().push(entry);
    }
    Ok(money)
}

fn charges(files: &Databases) -> Result<BTreeMap<Key, (String, i64, i64)>> {
    let columns = ["tenant", "payment_id", "outcome", "amount", "refunded"];
    let rows = files.rows("testcard", "charges", &columns)?;
    let charge = |row: &Row| -> Result<_> {
        let said = (get(row, "outcome")?, get(row, "amount")?, get(row, "refunded")?);
        Ok((key(row, "payment_id")?, said))
    };
    rows.iter().map(charge).collect()
}

fn stock(files: &Databases) -> Result<BTreeMap<Slot, [i64; 3]>> {
    let columns = ["tenant", "sku_id", "warehouse_id", "bucket", "available", "reserved", "sold"];
    let rows = files.rows("inventory", "stock", &columns)?;
    rows.iter().map(|row| Ok((slot(row)?, levels(row)?))).collect()
}

fn stock_ledger(files: &Databases) -> Result<Vec<Movement>> {
    let columns =
        ["tenant", "sku_id", "warehouse_id", "bucket", "available", "reserved", "sold", "order_id"];
    let rows = files.rows("inventory", "ledger", &columns)?;
    let movement = |row: &Row| {
        let of_order = get::<Option<i64>>(row, "order_id")?.is_some();
        Ok(Movement { slot: slot(row)?, by: levels(row)?, of_order })
    };
    rows.iter().map(movement).collect()
}

fn reservations(files: &Databases) -> Result<BTreeMap<Key, String>> {
    let rows = files.rows("inventory", "reservations", &["tenant", "order_id", "state"])?;
    rows.iter().map(|row| Ok((key(row, "order_id")?, get(row, "state")?))).collect()
}

fn reserved_units(files: &Databases) -> Result<Vec<(Key, Slot, i64)>> {
    let columns = ["tenant", "order_id", "sku_id", "warehouse_id", "bucket", "quantity"];
    let rows = files.rows("inventory", "reservation_lines", &columns)?;
    rows.iter().map(|row| Ok((key(row, "order_id")?, slot(row)?, get(row, "quantity")?))).collect()
}

fn fulfillments(files: &Databases) -> Result<BTreeMap<Key, (bool, [i64; 3])>> {
    let mut found: BTreeMap<Key, (bool, [i64; 3])> = BTreeMap::new();
    for (_, row) in
        files.cells("fulfillment", "fulfillments", &["tenant", "order_id", "shipped"])?
    {
        found.insert(key(&row, "order_id")?, (get(&row, "shipped")?, [0; 3]));
    }
    let columns = ["tenant", "order_id", "ordered", "shipped"];
    let lost = "units without their fulfillment";
    for (_, row) in files.cells("fulfillment", "fulfillment_lines", &columns)? {
        let (_, units) = found.get_mut(&key(&row, "order_id")?).context(lost)?;
        units[0] += get::<i64>(&row, "ordered")?;
        units[1] += get::<i64>(&row, "shipped")?;
    }
    let columns = ["tenant", "order_id", "quantity"];
    for (_, row) in files.cells("fulfillment", "shipment_lines", &columns)? {
        found.get_mut(&key(&row, "order_id")?).context(lost)?.1[2] += get::<i64>(&row, "quantity")?;
    }
    Ok(found)
}

fn shipments(files: &Databases) -> Result<Vec<(Key, i64, Place)>> {
    let rows = files.cells("fulfillment", "shipments", &["tenant", "order_id", "id"])?;
    let shipment =
        |(place, row): (Place, Row)| Ok((key(&row, "order_id")?, get(&row, "id")?, place));
    rows.into_iter().map(shipment).collect()
}

fn listed(files: &Databases) -> Result<BTreeMap<Key, (String, i64, i64)>> {
    let columns = ["tenant", "order_id", "status", "version", "paid"];
    let rows = files.rows("search", "orders", &columns)?;
    let read = |row: &Row| -> Result<_> {
        let shown = (get(row, "status")?, get(row, "version")?, get(row, "paid")?);
        Ok((key(row, "order_id")?, shown))
    };
    rows.iter().map(read).collect()
}

fn placements(files: &Databases) -> Result<BTreeMap<String, BTreeSet<(u8, u8)>>> {
    let mut cells: BTreeMap<String, BTreeSet<(u8, u8)>> = BTreeMap::new();
    for row in files.rows("tenant", "tenant_placements", &["tenant", "placement"])? {
        let text: String = get(&row, "placement")?;
        let numbers = text.trim_matches(['(', ')']).split(',').map(|n| n.trim().parse::<u8>());
        let numbers: Vec<u8> = numbers.collect::<Result<_, _>>().context(text)?;
        let [dbs, tables, db, table] = numbers[..] else { anyhow::bail!("{numbers:?}") };
        let all = (db..db + dbs).flat_map(|d| (table..table + tables).map(move |t| (d, t)));
        cells.entry(get(&row, "tenant")?).or_default().extend(all);
    }
    Ok(cells)
}

fn messages(files: &Databases) -> Result<Vec<Told>> {
    let columns = ["tenant", "aggregate_id", "topic", "state", "blocking", "next_at", "last_error"];
    let mut messages = Vec::new();
    for (database, migrations) in files.all()? {
        if !migrations.contains_key(&("outbox".to_owned(), -1)) {
            continue;
        }
        for row in files.rows(&database, "outbox", &columns)? {
            messages.push(Told {
                database: database.clone(),
                tenant: get(&row, "tenant")?,
                aggregate: get(&row, "aggregate_id")?,
                topic: get(&row, "topic")?,
                state: get(&row, "state")?,
                blocking: get(&row, "blocking")?,
                next_at: get(&row, "next_at")?,
                last_error: get(&row, "last_error")?,
            });
        }
    }
    Ok(messages)
}

/// The cell that an id names.
pub fn place_of(id: i64) -> Result<Place> {
    Ok(Id::from_i64(id)?.place())
}
