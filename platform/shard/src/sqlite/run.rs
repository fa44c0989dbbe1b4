//! Runs the body of a transaction to its end on the engine's own thread. The body's future is polled
//! once: everything it may await is ready at once, so a body that is still pending awaits something
//! that it must not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use rpc::Fault;
use rusqlite::Connection;

use crate::body::{Body, Ran};
use crate::error::DbError;
use crate::sqlite::engine;
use crate::sqlite::writer::Guarded;
use crate::tx::{Hooks, Tx, TxParts, panic_text};

/// Runs the body inside a savepoint of the transaction that is open on this connection.
pub(crate) fn run_savepoint(
    conn: &Guarded,
    deadline: Instant,
    parts: TxParts,
    body: &Body,
) -> (Ran, Hooks) {
    if Instant::now() >= deadline {
        return (Err(Fault::from(DbError::Timeout("waiting for the writer")).into()), Vec::new());
    }
    if let Err(e) = batch(&conn.shared, "SAVEPOINT tx") {
        return (Err(Fault::from(e).into()), Vec::new());
    }
    conn.limit(deadline);
    let (result, hooks) = poll_body(&conn.shared, parts, body);
    conn.unlimited();
    // The engine may have rolled everything back by itself (out of space, interrupted): then there is
    // no savepoint left, and the writer sees to the others of the group.
    if lock(&conn.shared).is_autocommit() {
        let lost = || Fault::from(DbError::CommitFailed("the engine rolled it back".to_owned()));
        return (result.and_then(|()| Err(lost().into())), Vec::new());
    }
    let end = if result.is_ok() { "RELEASE tx" } else { "ROLLBACK TO tx; RELEASE tx" };
    match batch(&conn.shared, end) {
        Ok(()) => (result, hooks),
        Err(e) => (result.and(Err(Fault::from(e).into())), Vec::new()),
    }
}

/// Runs the body on one snapshot.
pub(crate) fn run_snapshot(conn: &Guarded, deadline: Instant, parts: TxParts, body: &Body) -> Ran {
    if Instant::now() >= deadline {
        return Err(Fault::from(DbError::Timeout("waiting for a reader")).into());
    }
    batch(&conn.shared, "BEGIN").map_err(Fault::from)?;
    conn.limit(deadline);
    let (result, _) = poll_body(&conn.shared, parts, body);
    conn.unlimited();
    if !lock(&conn.shared).is_autocommit() {
        // Nothing was changed, so either end will do; what counts is that the snapshot goes.
        batch(&conn.shared, "ROLLBACK").map_err(Fault::from)?;
    }
    result
}

fn poll_body(conn: &Arc<Mutex<Connection>>, parts: TxParts, body: &Body) -> (Ran, Hooks) {
    let tx = Tx::new(Arc::clone(conn), parts);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut future = pin!(body(tx.clone()));
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }));
    let hooks = tx.close();
    let result = match polled {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(Fault::from(DbError::Pended).into()),
        Err(panic) => {
            let text = panic_text(panic.as_ref());
            tracing::error!(panic = text, "the body of a transaction panicked");
            Err(Fault::from(DbError::Panicked).into())
        }
    };
    (result, hooks)
}

pub(crate) fn batch(conn: &Arc<Mutex<Connection>>, sql: &str) -> Result<(), DbError> {
    let conn = lock(conn);
    for part in sql.split("; ") {
        let mut statement = conn.prepare_cached(part).map_err(engine)?;
        statement.raw_execute().map_err(engine)?;
    }
    Ok(())
}

pub(crate) fn lock(conn: &Arc<Mutex<Connection>>) -> MutexGuard<'_, Connection> {
    conn.lock().unwrap_or_else(PoisonError::into_inner)
}
