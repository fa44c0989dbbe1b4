//! A database that has moved to another server since this process learned where it is. Its old place knows no
//! table of it; then the notes of the servers are read, and the transaction, of which nothing has happened,
//! runs at the new place. It must not run anything again that may have been committed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rpc::{Ctx, Fault};

use super::{Database, Home};
use crate::body::{Body, Ran};
use crate::error::DbError;
use crate::server::{self, ServerDb};
use crate::servers::Backend;
use crate::tx::{Lost, TxParts};

/// One that is on its way is not searched for more often than this.
const SEARCH_EVERY: Duration = Duration::from_millis(100);

/// When a logical database was found on its way, by its number. Held while somebody searches: one at a time.
#[derive(Default)]
pub(super) struct Searches(tokio::sync::Mutex<BTreeMap<u8, Instant>>);

impl Database {
    /// Runs a body where the database is now.
    pub(super) async fn on_server(
        &self,
        mut db: Arc<ServerDb>,
        number: u8,
        (ctx, deadline): (&Ctx, Instant),
        parts: TxParts,
        body: &Body,
    ) -> Ran {
        loop {
            let lost = Lost::default();
            let parts = TxParts { lost: lost.clone(), ..parts.clone() };
            let result = match (parts.read_only, parts.single) {
                (true, _) => server::run_read(&db, ctx, deadline, parts, body).await,
                (false, true) => server::run_one(&db, &ctx.session, deadline, parts, body).await,
                (false, false) => server::run_tx(&db, &ctx.session, deadline, parts, body).await,
            };
            // after a table that is not there nothing of a transaction is kept
            match self.elsewhere(number, &db, result.is_err() && lost.is_met(), deadline).await {
                Ok(Some(found)) => db = found,
                Ok(None) => return result,
                Err(e) => return Err(Fault::from(e).into()),
            }
        }
    }

    /// Its new place, when a table was missing and it has one.
    async fn elsewhere(
        &self,
        number: u8,
        old: &Arc<ServerDb>,
        is_lost: bool,
        deadline: Instant,
    ) -> Result<Option<Arc<ServerDb>>, DbError> {
        if !is_lost || Instant::now() >= deadline {
            return Ok(None);
        }
        let search = self.search(number, old);
        let late = Err(DbError::Timeout("looking where a database is"));
        tokio::time::timeout_at(deadline.into(), search).await.unwrap_or(late)
    }

    async fn search(
        &self,
        number: u8,
        old: &Arc<ServerDb>,
    ) -> Result<Option<Arc<ServerDb>>, DbError> {
        let Backend::Servers(servers) = &self.0.options.backend else { return Ok(None) };
        let mut searches = self.0.searches.0.lock().await;
        let now = self.files().by_db.get(&number).cloned();
        if let Some(Home::Server(now)) = now
            && !Arc::ptr_eq(&now, old)
        {
            return Ok(Some(now));
        }
        let database = self.0.schema.database_name(number);
        if searches.get(&number).is_some_and(|at| at.elapsed() < SEARCH_EVERY) {
            return Err(DbError::Moving(format!("{database} was on its way a moment ago")));
        }
        let found = self.0.connected.home(servers, self.0.schema, number).await;
        let found = found.map_err(|e| {
            searches.insert(number, Instant::now());
            match e {
                // whoever asks for it has done nothing wrong, and the operator finds the cause in the log
                DbError::Open(e) => DbError::Moving(e),
                e => e,
            }
        })?;
        if Arc::ptr_eq(&found.server, &old.server) {
            return Ok(None);
        }
        let (from, to) = (old.server.name(), found.server.name());
        tracing::info!(database, from, to, "a database has moved to another server");
        metrics::counter!("stoa_db_moved_total", "server" => to.to_owned()).increment(1);
        let found = Arc::new(found);
        let mut files = self.0.files.write().unwrap_or_else(PoisonError::into_inner);
        files.by_db.insert(number, Home::Server(Arc::clone(&found)));
        Ok(Some(found))
    }
}
