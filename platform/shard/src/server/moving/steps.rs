//! The steps of a move. Each can be repeated, and leaves a note before it does what the next one relies on.

use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;

use super::super::explain::explain;
use super::super::{Connected, ServerDb, migrate};
use super::copy::Pair;
use super::end::{End, Table, quoted};
use super::notes::{self, Note};
use super::{Names, not_made};
use crate::error::DbError;
use crate::moving::{MoveEnd, Moved, Mover, Progress, Step, Watch};

/// For so long a change of a table waits for those who write, and lets nobody else begin.
const LOCK_WITHIN: &str = "2s";
/// How often it is tried; in between everybody may write.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether the replicas know.
const REPLICAS_EVERY: Duration = Duration::from_millis(20);

const FENCE: &str = "stoa_moving";
/// What a move says that its watcher has ended.
const STOPPED: &str = "the move was stopped; the same command goes on with it";

/// Tells how far it is.
struct Teller<'a> {
    watch: Watch<'a>,
    tables: usize,
    bytes: u64,
}

impl Teller<'_> {
    fn tell(&mut self, step: Step, done: &[Table]) -> Result<(), DbError> {
        let progress = Progress {
            step,
            tables: self.tables,
            tables_done: done.len(),
            bytes: self.bytes,
            bytes_done: done.iter().map(|t| t.bytes).sum(),
        };
        if (self.watch)(&progress) {
            return Ok(());
        }
        Err(DbError::Misuse(STOPPED))
    }
}

/// Tables, rows and bytes of a schema.
pub(super) async fn size(at: &mut End, schema: &str) -> Result<(usize, u64, u64), DbError> {
    let tables = at.tables(schema).await?;
    let mut rows = 0;
    for table in &tables {
        let sql = format!("SELECT COUNT(*) FROM {}.{}", quoted(schema), quoted(&table.name));
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
        rows += count.fetch_one(&mut at.conn).await.map_err(explain)?.unsigned_abs();
    }
    let sql = "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::BIGINT FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'";
    let bytes = sqlx::query_scalar::<_, i64>(sql).bind(schema).fetch_one(&mut at.conn).await;
    Ok((tables.len(), rows, bytes.map_err(explain)?.unsigned_abs()))
}

/// Refuses a server that has a database of this name; an empty one a process with an old map has made.
pub(super) async fn is_free(target: &mut End, names: &Names) -> Result<(), DbError> {
    if target.tables(&names.schema).await?.is_empty() {
        return Ok(());
    }
    Err(DbError::Open(format!(
        "`{}` has a database {} already, with tables in it; both may be the same server. Nothing was changed",
        target.name, names.schema
    )))
}

pub(super) async fn drop_schema(end: &mut End, schema: &str) -> Result<(), DbError> {
    end.batch(format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(schema))).await
}

/// From where it is to another server, as far as a former run has not done it.
pub(super) async fn carry(
    mover: &Mover,
    names: &Names,
    mut at: End,
    target: &mut End,
    fenced: bool,
    watch: Watch<'_>,
) -> Result<Moved, DbError> {
    is_free(target, names).await?;
    let tables = at.tables(&names.schema).await?;
    let bytes = tables.iter().map(|t| t.bytes).sum();
    let mut teller = Teller { watch, tables: tables.len(), bytes };
    teller.tell(Step::Preparing, &[])?;
    prepare(mover, names, &mut at, target, fenced).await?;
    same_tables(&tables, target, names).await?;
    if !fenced {
        copy(names, &tables, &mut at, target, &mut teller).await?;
    }
    teller.tell(Step::Fencing, &[])?;
    let began = (!fenced).then(Instant::now);
    fence(names, &tables, &mut at, target).await?;
    let (rows, rows_late) = compare(names, &tables, &mut at, target, &mut teller).await?;
    teller.tell(Step::Leaving, &tables)?;
    leave(names, &mut at, target).await?;
    let (from, to) = (at.name.clone(), target.name.clone());
    arrive(mover, names, &mut at, &to, teller.watch).await?;
    let refused = began.map_or(Duration::ZERO, |began| began.elapsed());
    Ok(Moved {
        database: names.database.clone(),
        from,
        to,
        end: MoveEnd::Moved,
        rows,
        rows_late,
        refused,
    })
}

/// The intention is written down on both servers, and the tables are made on the new one.
async fn prepare(
    mover: &Mover,
    names: &Names,
    at: &mut End,
    target: &mut End,
    fenced: bool,
) -> Result<(), DbError> {
    let here = up_to_date(mover, names, at).await?;
    at.prepare().await?;
    if !fenced {
        at.batch(at.write(&names.schema, &Note::Copying(target.name.clone()))).await?;
    }
    target.prepare().await?;
    target.batch(target.write(&names.schema, &Note::Arriving(at.name.clone()))).await?;
    // what it has left there the last time, and an empty schema that a process with an old map has made
    drop_schema(target, &names.left).await?;
    target.batch(format!("DROP SCHEMA IF EXISTS {}", quoted(&names.schema))).await?;
    let connected = Connected::default();
    let server = connected.server(&mover.servers, &names.database, &target.name).await?;
    let there = ServerDb { server, schema: names.coming.clone(), directory: here.directory };
    let cells = at.cells(&names.schema).await?;
    migrate::run(&there, mover.schema, &cells, mover.clock.now()).await
}

/// Refuses an old place that lacks migrations of this program, or has others.
async fn up_to_date(mover: &Mover, names: &Names, at: &mut End) -> Result<ServerDb, DbError> {
    let connected = Connected::default();
    let server = connected.server(&mover.servers, &names.database, &at.name).await?;
    let directory = notes::directory(&mover.servers.prefix);
    let here = ServerDb { server, schema: names.schema.clone(), directory };
    if !at.tables(&names.schema).await?.iter().any(|t| t.name == "schema_migrations") {
        return Err(not_made(names, at));
    }
    let cells = at.cells(&names.schema).await?;
    let pending = migrate::pending(&here, &names.database, mover.schema, &cells).await?;
    match pending.first() {
        None => Ok(here),
        Some(first) => Err(DbError::Open(format!(
            "{} lacks {} migrations of this program, the first is {} `{}` of {}; run `stoa migrate` first",
            names.database,
            pending.len(),
            first.version,
            first.name,
            first.owner
        ))),
    }
}

/// Refuses when there is a table, or a column, that the program has not made.
async fn same_tables(tables: &[Table], target: &mut End, names: &Names) -> Result<(), DbError> {
    let made = target.tables(&names.coming).await?;
    let is_same = |a: &Table, b: &Table| a.name == b.name && a.columns == b.columns;
    let other = tables.iter().find(|a| !made.iter().any(|b| is_same(a, b)));
    let other = other.or_else(|| made.iter().find(|b| !tables.iter().any(|a| is_same(a, b))));
    match other {
        None => Ok(()),
        Some(table) => Err(DbError::Open(format!(
            "the table {}.{} is not as this program makes it, and would not be moved whole",
            names.schema, table.name
        ))),
    }
}

/// Copies while the old place is written to. Afterwards the planner knows the new tables.
async fn copy(
    names: &Names,
    tables: &[Table],
    at: &mut End,
    target: &mut End,
    teller: &mut Teller<'_>,
) -> Result<(), DbError> {
    for (n, table) in tables.iter().enumerate() {
        teller.tell(Step::Copying, tables.get(..n).unwrap_or_default())?;
        let pair = Pair::new(table, &names.schema, &names.coming);
        if pair.is_empty(target).await? {
            pair.fill(at, target).await?;
        } else {
            pair.mend(at, target).await?;
        }
    }
    let named = named(&names.coming, tables);
    target.batch(format!("ANALYZE {}", named.join(", "))).await
}

fn named(schema: &str, tables: &[Table]) -> Vec<String> {
    tables.iter().map(|t| format!("{}.{}", quoted(schema), quoted(&t.name))).collect()
}

/// From when this returns nobody changes a row at the old place any more. One table after the other: who waits
/// for several at once meets those who have them in another order.
async fn fence(names: &Names, tables: &[Table], at: &mut End, target: &End) -> Result<(), DbError> {
    let refusal = at.refusal();
    at.batch(at.write(&names.schema, &Note::Leaving(target.name.clone()))).await?;
    at.batch(format!(
        "CREATE OR REPLACE FUNCTION {refusal}() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'it is being moved to another server' USING ERRCODE = 'SM001'; END $$"
    ))
    .await?;
    for table in named(&names.schema, tables) {
        let trigger = format!(
            "CREATE OR REPLACE TRIGGER {FENCE} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
                 FOR EACH STATEMENT EXECUTE FUNCTION {refusal}()"
        );
        alone(at, &table, &trigger).await?;
    }
    Ok(())
}

/// Changes a table when nobody else does, and lets those wait shortly who come meanwhile.
async fn alone(at: &mut End, table: &str, sql: &str) -> Result<(), DbError> {
    let sql = format!("SET LOCAL lock_timeout = '{LOCK_WITHIN}'; {sql}");
    for _ in 0..LOCK_TRIES {
        match at.together(&sql).await {
            Err(DbError::Timeout(_) | DbError::Retry(_)) => tokio::time::sleep(LOCK_PAUSE).await,
            done => return done,
        }
    }
    Err(DbError::Open(format!(
        "{table} is in use by one long transaction; end that, and run the same command again"
    )))
}

/// Makes the copy equal, and is sure of it: rows, and how many were copied.
async fn compare(
    names: &Names,
    tables: &[Table],
    at: &mut End,
    target: &mut End,
    teller: &mut Teller<'_>,
) -> Result<(u64, u64), DbError> {
    let (mut rows, mut copied) = (0, 0);
    for (n, table) in tables.iter().enumerate() {
        teller.tell(Step::Comparing, tables.get(..n).unwrap_or_default())?;
        let pair = Pair::new(table, &names.schema, &names.coming);
        let mended = pair.mend(at, target).await?;
        if mended.copied > 0 || mended.parts > 0 {
            pair.verify(at, target).await?;
        }
        rows += mended.rows;
        copied += mended.copied;
    }
    Ok((rows, copied))
}

/// The point of no return: one transaction at the old place. Processes that follow the note find a copy that is
/// whole and has not got its name yet, and wait.
async fn leave(names: &Names, at: &mut End, target: &End) -> Result<(), DbError> {
    drop_schema(at, &names.left).await?;
    let note = at.write(&names.schema, &Note::Left(target.name.clone()));
    let (schema, left) = (quoted(&names.schema), quoted(&names.left));
    at.together(&format!("{note}; ALTER SCHEMA {schema} RENAME TO {left}")).await
}

/// Whether a copy that was left alone is still what was left behind, and if not, is made so: between the two a
/// server may have lost what it had confirmed.
pub(super) async fn look_again(
    mover: &Mover,
    names: &Names,
    at: &mut End,
    to: &str,
) -> Result<(), DbError> {
    let mut target = End::connect(&mover.servers, to).await?;
    for table in at.tables(&names.left).await? {
        let pair = Pair::new(&table, &names.left, &names.coming);
        if pair.mend(at, &mut target).await?.parts > 0 {
            pair.verify(at, &mut target).await?;
        }
    }
    Ok(())
}

/// The copy gets its name. Before that no replica of the old place shows rows there any more that may soon be
/// changed at the new one.
pub(super) async fn arrive(
    mover: &Mover,
    names: &Names,
    at: &mut End,
    to: &str,
    watch: Watch<'_>,
) -> Result<(), DbError> {
    let mut teller = Teller { watch, tables: 0, bytes: 0 };
    teller.tell(Step::Arriving, &[])?;
    replicas_know(mover, at).await?;
    let mut target = End::connect(&mover.servers, to).await?;
    let (coming, schema) = (quoted(&names.coming), quoted(&names.schema));
    let arrived = target.arrived(&names.schema, &at.name);
    // an empty schema may have been made meanwhile; one with tables stops it
    target
        .together(&format!(
            "{arrived}; DROP SCHEMA IF EXISTS {schema}; ALTER SCHEMA {coming} RENAME TO {schema}"
        ))
        .await?;
    // it has arrived, whatever the watcher says
    let _ = teller.tell(Step::Done, &[]);
    Ok(())
}

/// Waits until all replicas of the old place have got to this moment; one that is later than the limit, or is away
/// for so long, is used by nobody.
async fn replicas_know(mover: &Mover, at: &mut End) -> Result<(), DbError> {
    let server = mover.servers.servers.iter().find(|s| s.name == at.name);
    let replicas = server.map_or(0, |s| s.replicas.len());
    if replicas == 0 {
        return Ok(());
    }
    let rule = &mover.servers.splitting;
    let until = Instant::now() + rule.lag_max + rule.forget_after + rule.measure_every;
    let place = sqlx::query_scalar::<_, String>("SELECT pg_current_wal_lsn()::TEXT");
    let place = place.fetch_one(&mut at.conn).await.map_err(explain)?;
    let standing = "SELECT COUNT(*) FILTER (WHERE replay_lsn >= $1::PG_LSN), COUNT(*) FROM pg_stat_replication";
    loop {
        let standing = sqlx::query_as::<_, (i64, i64)>(standing).bind(&place);
        let (there, all) = standing.fetch_one(&mut at.conn).await.map_err(explain)?;
        let is_whole = usize::try_from(all).is_ok_and(|all| all >= replicas);
        if (is_whole && there == all) || Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(REPLICAS_EVERY).await;
    }
}

/// The old place takes writes again; what was copied goes.
pub(super) async fn take_back(
    mover: &Mover,
    names: &Names,
    at: &mut End,
    to: &str,
) -> Result<(), DbError> {
    // What is there is of no use without the note here, so a server that is lost does not matter.
    let cleaned = async {
        let mut target = End::connect(&mover.servers, to).await?;
        drop_schema(&mut target, &names.coming).await?;
        target.prepare().await?;
        target.batch(target.forget(&names.schema)).await
    };
    if let Err(e) = cleaned.await {
        tracing::warn!(server = to, error = %e, "what was copied is left there");
    }
    unfence(names, at).await?;
    at.batch(at.forget(&names.schema)).await
}

async fn unfence(names: &Names, at: &mut End) -> Result<(), DbError> {
    let tables = at.tables(&names.schema).await?;
    for table in named(&names.schema, &tables) {
        alone(at, &table, &format!("DROP TRIGGER IF EXISTS {FENCE} ON {table}")).await?;
    }
    Ok(())
}

/// A move that has failed behind its fence does not leave writes refused: they go on where it is, and what was
/// copied stays for the next try. One that was cut off by its watcher is left as it is.
pub(super) async fn let_go(mover: &Mover, names: &Names, from: &str, why: DbError) -> DbError {
    if matches!(why, DbError::Misuse(STOPPED)) {
        return why;
    }
    let opening = async {
        // the move's own connection may have ended in the middle of something
        let mut at = End::connect(&mover.servers, from).await?;
        at.lock(&names.schema).await?;
        let Some(Note::Leaving(to)) = at.note(&names.schema).await? else { return Ok(false) };
        unfence(names, &mut at).await?;
        at.batch(at.write(&names.schema, &Note::Copying(to))).await.map(|()| true)
    };
    let database = &names.database;
    match opening.await {
        Ok(false) => why,
        Ok(true) => DbError::Open(format!(
            "{why}. {database} takes writes on `{from}` again; the same command begins with what was copied"
        )),
        Err(e) => DbError::Open(format!(
            "{why}. Writes of {database} may be refused until the same command completes the move, or --to {from} \
             takes it back ({e})"
        )),
    }
}
