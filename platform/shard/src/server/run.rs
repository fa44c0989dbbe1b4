//! Runs the body of a transaction on a connection, and again when the engine asks for that (deadlock,
//! serialization failure). Success is said after the commit only. A read goes to a replica if one has what
//! the caller needs to see, and to the primary when that fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use rpc::{Ctx, Fault, Session};

use super::conn::{Conn, Mode};
use super::line::{ServerLine, Trouble};
use super::replica::{self, Replica};
use super::token::{self, Needs, Position};
use super::{Physical, ServerDb};
use crate::body::{Body, Failed, Ran};
use crate::error::DbError;
use crate::tx::{Hooks, Tx, TxParts};
use crate::write::run_hooks;

/// What began in time may end a little later: that it is done is better news than that nobody knows.
const COMMIT_GRACE: Duration = Duration::from_millis(500);

/// How a try ended.
enum End {
    Done(Ran, Hooks, Option<Position>),
    Again(Failed),
}

/// Runs a transaction, and tells the session how far it has written.
pub(crate) async fn run_tx(
    db: &ServerDb,
    session: &Session,
    deadline: Instant,
    parts: TxParts,
    body: &Body,
) -> Ran {
    let mut tries = 0;
    loop {
        let (conn, left) = begin(db, Mode::Write, deadline).await.map_err(Fault::from)?;
        let line = Arc::new(ServerLine::new(conn));
        let tx = Tx::on_server(Arc::clone(&line), parts.clone());
        let result = poll(&tx, left, body).await;
        let hooks = tx.close();
        match end(db, &line, result, hooks, deadline).await {
            End::Done(result, hooks, position) => {
                if let Some(position) = position {
                    token::wrote(session, db.server.name(), position);
                }
                run_hooks(hooks);
                return result;
            }
            End::Again(e) => {
                let pause = db.server.pause(tries);
                tries += 1;
                if tries > db.server.retries_max || Instant::now() + pause >= deadline {
                    metrics::counter!("stoa_db_gave_up_total").increment(1);
                    return Err(e);
                }
                metrics::counter!("stoa_db_retries_total").increment(1);
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Runs a single statement, which the server commits by itself. Again when its connection turns out to have
/// broken since it was used last: it may have run then, and may run twice. Where there are replicas a session
/// is told how far it has written, which takes a transaction.
pub(crate) async fn run_one(
    db: &ServerDb,
    session: &Session,
    deadline: Instant,
    parts: TxParts,
    body: &Body,
) -> Ran {
    if !db.server.replicas().is_empty() {
        return run_tx(db, session, deadline, parts, body).await;
    }
    let mut tries = 0;
    loop {
        let (conn, left) = begin(db, Mode::One, deadline).await.map_err(Fault::from)?;
        let was_fresh = conn.is_fresh();
        let committing = conn.committing().map_err(Fault::from)?;
        let line = Arc::new(ServerLine::new(conn));
        let tx = Tx::on_server(Arc::clone(&line), parts.clone());
        let result = poll(&tx, left, body).await;
        let hooks = tx.close();
        drop(committing);
        let (_conn, trouble) = line.end();
        if result.is_ok() {
            run_hooks(hooks);
            return result;
        }
        let pause = match trouble {
            Some(Trouble::Away) if !was_fresh => Duration::ZERO,
            Some(Trouble::Retry) if tries < db.server.retries_max => db.server.pause(tries),
            _ => return result,
        };
        tries += 1;
        if Instant::now() + pause >= deadline {
            return result;
        }
        metrics::counter!("stoa_db_retries_total").increment(1);
        tokio::time::sleep(pause).await;
    }
}

/// Runs a read on one snapshot.
pub(crate) async fn run_read(
    db: &ServerDb,
    ctx: &Ctx,
    deadline: Instant,
    parts: TxParts,
    body: &Body,
) -> Ran {
    let server = &db.server;
    let replicas = server.replicas();
    if !replicas.is_empty()
        && let Needs::UpTo(position) = Needs::of(ctx, server.name())
    {
        let preference = token::preference(ctx);
        let chosen = replica::choose(&replicas, position, preference, &server.splitting).await;
        if let Some(replica) = chosen {
            let result = on_replica(db, replica, position, deadline, parts.clone(), body).await;
            count_read(server, if result.is_some() { "replica" } else { "primary_after_replica" });
            if let Some(result) = result {
                return result;
            }
        } else {
            count_read(server, "primary");
        }
    }
    let mode = if parts.single { Mode::One } else { Mode::Read };
    loop {
        let (conn, left) = begin(db, mode, deadline).await.map_err(Fault::from)?;
        let was_fresh = conn.is_fresh();
        let (result, trouble) = snapshot(conn, left, parts.clone(), body).await;
        // a connection that had broken since it was used last shows at a single read's only statement
        let is_stale = trouble == Some(Trouble::Away) && mode == Mode::One && !was_fresh;
        if !is_stale || result.is_ok() || Instant::now() >= deadline {
            return result;
        }
    }
}

fn count_read(server: &Physical, to: &'static str) {
    let name = server.name().to_owned();
    metrics::counter!("stoa_db_reads_total", "server" => name, "to" => to).increment(1);
}

/// Reads on a replica; `None` when it could not, for whatever reason, and the primary is to be asked: it is
/// away, it takes the read back because of what it has to replay, a table has not got there yet.
async fn on_replica(
    db: &ServerDb,
    replica: &Replica,
    position: Position,
    deadline: Instant,
    parts: TxParts,
    body: &Body,
) -> Option<Ran> {
    let now = Instant::now();
    // the primary must have the time to do it again
    let left = deadline.saturating_duration_since(now) / 2;
    let begun = async {
        let Some(mut conn) = replica.lease(&db.schema, position, now + left).await? else {
            return Ok(None);
        };
        let mode = if parts.single { Mode::One } else { Mode::Read };
        conn.begin(&db.schema, mode, left).await?;
        Ok::<_, DbError>(Some(conn))
    };
    let begun = tokio::time::timeout(left, begun).await;
    let conn = match begun.unwrap_or(Err(DbError::Timeout("beginning a read on a replica"))) {
        Ok(conn) => conn?,
        Err(e) => {
            // one that is busy, or that a caller had no time for, is not broken
            if matches!(e, DbError::Down(_)) {
                replica.failed(&e);
            }
            return None;
        }
    };
    let (result, trouble) = snapshot(conn, left, parts, body).await;
    match trouble {
        None => Some(result),
        Some(Trouble::Away) => {
            replica.failed(&DbError::Down("a statement was not answered".to_owned()));
            None
        }
        Some(Trouble::Late | Trouble::Retry | Trouble::Broken) => None,
    }
}

/// Runs the body of a read where its snapshot is open.
async fn snapshot(
    conn: Conn,
    left: Duration,
    parts: TxParts,
    body: &Body,
) -> (Ran, Option<Trouble>) {
    let line = Arc::new(ServerLine::new(conn));
    let tx = Tx::on_server(Arc::clone(&line), parts);
    let result = poll(&tx, left, body).await;
    drop(tx.close());
    let (conn, trouble) = line.end();
    let Some(mut conn) = conn else { return (result, Some(Trouble::Late)) };
    // nothing was changed; what counts is that the snapshot goes, and that the session's setting stays
    if trouble.is_some() || conn.end_read().await.is_err() {
        conn.rollback().await;
    }
    (result, trouble)
}

/// A connection to the primary with a transaction begun, and how much time is left. A connection may have
/// broken since it was used last, which shows here, where nothing is lost: then another is taken.
async fn begin(db: &ServerDb, mode: Mode, deadline: Instant) -> Result<(Conn, Duration), DbError> {
    loop {
        let mut conn = db.server.acquire(&db.schema, deadline).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DbError::Timeout("waiting for a connection"));
        }
        match tokio::time::timeout(left, conn.begin(&db.schema, mode, left)).await {
            Err(_) => return Err(DbError::Timeout("beginning a transaction")),
            Ok(Ok(())) => {
                return Ok((conn, deadline.saturating_duration_since(Instant::now())));
            }
            Ok(Err(DbError::Down(e))) if !conn.is_fresh() => {
                tracing::debug!(server = db.server.name(), error = e, "a connection had broken");
            }
            Ok(Err(e)) => return Err(e),
        }
    }
}

async fn poll(tx: &Tx, left: Duration, body: &Body) -> Ran {
    let begun = match std::panic::catch_unwind(AssertUnwindSafe(|| body(tx.clone()))) {
        Ok(future) => tokio::time::timeout(left, AssertUnwindSafe(future).catch_unwind()).await,
        Err(panic) => Ok(Err(panic)),
    };
    match begun {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let text = crate::tx::panic_text(panic.as_ref());
            tracing::error!(panic = text, "the body of a transaction panicked");
            Err(Fault::from(DbError::Panicked).into())
        }
        Err(_) => Err(Fault::from(DbError::Timeout("a transaction")).into()),
    }
}

async fn end(
    db: &ServerDb,
    line: &ServerLine,
    result: Ran,
    hooks: Hooks,
    deadline: Instant,
) -> End {
    let fault = |e: DbError| Failed::from(Fault::from(e));
    let failed = |e: Failed| End::Done(Err(e), Vec::new(), None);
    let (conn, trouble) = line.end();
    let Some(mut conn) = conn else {
        // a statement was given up in the middle, and its connection closed with it
        let lost = || fault(DbError::Timeout("a statement was given up"));
        return failed(result.err().unwrap_or_else(lost));
    };
    match (result, trouble) {
        (Ok(()), None) => match commit(db, &mut conn, deadline).await {
            Ok(position) => End::Done(Ok(()), hooks, position),
            // nothing was committed
            Err(e @ DbError::Retry(_)) => {
                conn.rollback().await;
                End::Again(fault(e))
            }
            // dropped with its commit on its way, the connection is closed
            Err(e @ DbError::Timeout(_)) => failed(fault(e)),
            Err(e) => failed(fault(DbError::CommitFailed(e.to_string()))),
        },
        (result, trouble) => {
            conn.rollback().await;
            let refused = || fault(DbError::CommitFailed("a statement had failed".to_owned()));
            let error = result.err().unwrap_or_else(refused);
            if trouble == Some(Trouble::Retry) {
                return End::Again(error);
            }
            failed(error)
        }
    }
}

/// Commits; how far the log is then is asked only where there are replicas to compare with. Nobody waits for
/// ever for a server that is silent, or for a replica that must confirm and is away: it may be committed then.
async fn commit(
    db: &ServerDb,
    conn: &mut Conn,
    deadline: Instant,
) -> Result<Option<Position>, DbError> {
    let committing = async {
        if db.server.replicas().is_empty() {
            return conn.commit().await.map(|()| None);
        }
        conn.commit_and_look().await.map(Some)
    };
    let unknown = Err(DbError::Timeout("a commit, whose outcome is unknown"));
    tokio::time::timeout_at((deadline + COMMIT_GRACE).into(), committing).await.unwrap_or(unknown)
}
