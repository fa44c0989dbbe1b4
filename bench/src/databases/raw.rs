//! The raw limit on a server: sqlx alone writes the rows that an order leaves behind, statement by
//! statement, in one transaction per order, with as many connections as the program has at most. It has
//! the program's own tables and indices, and reads and checks nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use futures::future::join_all;
use rusqlite::types::Value;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};
use tokio::runtime::Runtime;

use super::literal;
use super::server::{Kind, Server};
use crate::engine::Engine;
use crate::raw::{FILES, Numbers, Source};
use crate::rows::{Copier, Fill};
use crate::stats::per_second;

const NOT_COPIED: &str = "schema_migrations";
const STOCK: &str = "inventory";

/// The writers.
pub struct ServerRaw {
    plan: Plan,
    lanes: Vec<Lane>,
}

/// What every writer does.
struct Plan {
    engine: Engine,
    copier: Copier,
    numbers: Numbers,
    tenant: String,
    /// By schema and table.
    statements: Vec<BTreeMap<String, Statement>>,
    takes: Vec<Arc<str>>,
    next: AtomicU64,
}

struct Statement {
    sql: Arc<str>,
    kinds: Vec<Kind>,
}

/// A thread's connections, each bound to one schema.
struct Lane {
    runtime: Runtime,
    conns: Vec<(usize, Conn)>,
}

enum Conn {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

impl ServerRaw {
    /// Makes the schemas and connects.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn create(server: &Server, source: &Source<'_>, connections: usize) -> Result<Self> {
        let first = source.placement.cells().next().context("a placement has a cell")?;
        let order = format!("order_{:02}", first.db);
        let statements: Result<Vec<_>> =
            (0..FILES).map(|n| schema(server, n, [&order, STOCK], source.tenant)).collect();
        let mark = |n| match server.engine() {
            Engine::Mysql => "?".to_owned(),
            _ => format!("${n}"),
        };
        let take = |n: usize| {
            let table = server.qualified(&name(n), "stock");
            Arc::from(format!(
                "UPDATE {table} SET available = available - 1, reserved = reserved + 1 WHERE tenant = {} \
                 AND sku_id = {} AND warehouse_id = {} AND bucket = {} AND available >= 1",
                mark(1),
                mark(2),
                mark(3),
                mark(4)
            ))
        };
        let rows = source.sample.order.iter().chain(&source.sample.stock).cloned().collect();
        let plan = Plan {
            engine: server.engine(),
            copier: Copier::new(rows),
            numbers: Numbers::new(source)?,
            tenant: source.tenant.to_owned(),
            statements: statements?,
            takes: (0..FILES).map(take).collect(),
            next: AtomicU64::new(0),
        };
        let threads = crate::load::threads();
        let lanes = (0..threads).map(|t| {
            let numbers = (0..connections).filter(|n| n % threads == t);
            Lane::open(server, numbers.collect())
        });
        Ok(Self { plan, lanes: lanes.collect::<Result<_>>()? })
    }

    /// Writes orders for a window with some of the connections; how many a second.
    ///
    /// # Errors
    /// When the server refuses a row.
    pub fn run(&mut self, clients: usize, window: Duration) -> Result<u64> {
        let (plan, began, threads) = (&self.plan, Instant::now(), self.lanes.len());
        let written: Result<Vec<u64>> = std::thread::scope(|scope| {
            let share = |t: usize| clients / threads + usize::from(t < clients % threads);
            let threads: Vec<_> = self
                .lanes
                .iter_mut()
                .enumerate()
                .map(|(t, lane)| scope.spawn(move || lane.run(plan, share(t), began + window)))
                .collect();
            let end = |t: std::thread::ScopedJoinHandle<'_, Result<u64>>| {
                t.join().unwrap_or_else(|_| Err(anyhow!("a raw writer panicked")))
            };
            threads.into_iter().map(end).collect()
        });
        Ok(per_second(written?.iter().sum(), began.elapsed()))
    }
}

/// One of the schemas.
fn name(n: usize) -> String {
    format!("raw_{n}")
}

/// Makes a schema with the tables of some logical databases, and the statements that fill them.
fn schema(
    server: &Server,
    n: usize,
    databases: [&str; 2],
    tenant: &str,
) -> Result<BTreeMap<String, Statement>> {
    let raw = name(n);
    let (create, like, end) = match server.engine() {
        Engine::Mysql => ("CREATE DATABASE", "LIKE ", ""),
        _ => ("CREATE SCHEMA", "(LIKE ", " INCLUDING ALL)"),
    };
    server.exec(&format!("{create} {}", server.quoted(&raw)))?;
    let mut statements = BTreeMap::new();
    for database in databases {
        for (table, columns) in server.columns(&server.schema(database))? {
            if table == NOT_COPIED || statements.contains_key(&table) {
                continue;
            }
            let into = server.qualified(&raw, &table);
            let from = server.table(database, &table);
            server.exec(&format!("CREATE TABLE {into} {like}{from}{end}"))?;
            statements.insert(table, Statement::new(server, &into, columns));
        }
    }
    let (into, from) = (server.qualified(&raw, "stock"), server.table(STOCK, "stock"));
    let copied =
        format!("INSERT INTO {into} SELECT * FROM {from} WHERE tenant = {}", literal(tenant));
    ensure!(server.exec(&copied)? > 0, "the tenant has no stock");
    Ok(statements)
}

impl Statement {
    fn new(server: &Server, into: &str, columns: Vec<(String, Kind)>) -> Self {
        let mark = |n: usize| match server.engine() {
            Engine::Mysql => "?".to_owned(),
            _ => format!("${n}"),
        };
        let names: Vec<String> = columns.iter().map(|(c, _)| server.quoted(c)).collect();
        let marks: Vec<String> = (1..=columns.len()).map(mark).collect();
        let sql =
            format!("INSERT INTO {into} ({}) VALUES ({})", names.join(", "), marks.join(", "));
        Self { sql: sql.into(), kinds: columns.into_iter().map(|(_, kind)| kind).collect() }
    }
}

impl Lane {
    fn open(server: &Server, numbers: Vec<usize>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut conns = Vec::new();
        for n in numbers {
            let conn = runtime.block_on(Conn::open(server))?;
            conns.push((n % FILES, conn));
        }
        Ok(Self { runtime, conns })
    }

    fn run(&mut self, plan: &Plan, clients: usize, until: Instant) -> Result<u64> {
        let conns = self.conns.iter_mut().take(clients);
        let all = join_all(conns.map(|(schema, conn)| write_until(plan, *schema, conn, until)));
        self.runtime.block_on(all).into_iter().sum()
    }
}

async fn write_until(plan: &Plan, schema: usize, conn: &mut Conn, until: Instant) -> Result<u64> {
    let mut written = 0;
    while Instant::now() < until {
        conn.plain("BEGIN").await?;
        plan.write_one(schema, conn).await?;
        conn.plain("COMMIT").await?;
        written += 1;
    }
    Ok(written)
}

impl Plan {
    async fn write_one(&self, schema: usize, conn: &mut Conn) -> Result<()> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let one = self.numbers.order(n, u8::try_from(schema)?)?;
        let fill = Fill { subjects: &one.subjects, at: one.at, place: one.place };
        for row in self.copier.filled(&fill) {
            let (table, columns, values) = row?;
            let statement = self.statements[schema]
                .get(&table)
                .filter(|s| s.kinds.len() == columns.len())
                .with_context(|| format!("the raw schema has another {table}"))?;
            conn.insert(statement, values).await?;
        }
        // Last, and in one sequence for all: rows that many want are held for as short as can be, and
        // nobody waits for somebody who waits for him.
        let mut takes = one.takes;
        takes.sort_unstable();
        for take in takes {
            let changed = conn.take(&self.takes[schema], &self.tenant, take).await?;
            ensure!(changed == 1, "{} has no stock to take", self.engine.title());
        }
        Ok(())
    }
}

/// Binds values by what their columns hold.
macro_rules! bound {
    ($query:expr, $kinds:expr, $values:expr) => {{
        let mut query = $query;
        for (kind, value) in $kinds.iter().zip($values) {
            query = match (kind, value) {
                (Kind::Int, Value::Integer(n)) => query.bind(Some(n)),
                (Kind::Bool, Value::Integer(n)) => query.bind(Some(n != 0)),
                (Kind::Text, Value::Text(text)) => query.bind(Some(text)),
                (Kind::Blob, Value::Blob(bytes)) => query.bind(Some(bytes)),
                (Kind::Int, Value::Null) => query.bind(Option::<i64>::None),
                (Kind::Bool, Value::Null) => query.bind(Option::<bool>::None),
                (Kind::Text, Value::Null) => query.bind(Option::<String>::None),
                (Kind::Blob, Value::Null) => query.bind(Option::<Vec<u8>>::None),
                (kind, value) => anyhow::bail!("a column of {kind:?} holds {value:?}"),
            };
        }
        query
    }};
}

impl Conn {
    async fn open(server: &Server) -> Result<Self> {
        Ok(match server.engine() {
            Engine::Mysql => {
                let mut conn = MySqlConnection::connect(server.url()).await?;
                // As the program's own transactions are.
                let level = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
                sqlx::raw_sql(level).execute(&mut conn).await?;
                Self::Mysql(conn)
            }
            _ => Self::Postgres(PgConnection::connect(server.url()).await?),
        })
    }

    async fn plain(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Self::Postgres(conn) => sqlx::raw_sql(sql).execute(conn).await.map(|_| ())?,
            Self::Mysql(conn) => sqlx::raw_sql(sql).execute(conn).await.map(|_| ())?,
        }
        Ok(())
    }

    async fn insert(&mut self, statement: &Statement, values: Vec<Value>) -> Result<()> {
        let sql = AssertSqlSafe(Arc::clone(&statement.sql));
        match self {
            Self::Postgres(conn) => {
                let query = bound!(sqlx::query::<sqlx::Postgres>(sql), statement.kinds, values);
                query.execute(conn).await.map(|_| ())?;
            }
            Self::Mysql(conn) => {
                let query = bound!(sqlx::query::<sqlx::MySql>(sql), statement.kinds, values);
                query.execute(conn).await.map(|_| ())?;
            }
        }
        Ok(())
    }

    async fn take(
        &mut self,
        sql: &Arc<str>,
        tenant: &str,
        (sku, warehouse, bucket): (i64, i64, i64),
    ) -> Result<u64> {
        let sql = AssertSqlSafe(Arc::clone(sql));
        Ok(match self {
            Self::Postgres(conn) => {
                let query = sqlx::query::<sqlx::Postgres>(sql).bind(tenant);
                let query = query.bind(sku).bind(warehouse).bind(bucket);
                query.execute(conn).await?.rows_affected()
            }
            Self::Mysql(conn) => {
                let query = sqlx::query::<sqlx::MySql>(sql).bind(tenant);
                let query = query.bind(sku).bind(warehouse).bind(bucket);
                query.execute(conn).await?.rows_affected()
            }
        })
    }
}
