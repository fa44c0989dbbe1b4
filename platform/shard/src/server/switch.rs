//! Another server takes a primary's place while everything runs. It decides nothing: that the old primary is
//! dead or fenced, and that the new one has every confirmed commit, is known to whoever asks for it.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use kit::Secret;

use super::conn::Conn;
use super::{Connected, LineUp, Physical, line_up};
use crate::dialect::Engine;
use crate::error::DbError;
use crate::servers::{Server, Servers};

impl Connected {
    /// See [`crate::Shards::switch`].
    pub(crate) async fn switch(
        &self,
        servers: &Servers,
        name: &str,
        url: &Secret<String>,
        replicas: &[Secret<String>],
    ) -> Result<(), DbError> {
        let server = servers.servers.iter().find(|s| s.name == name);
        let server = server
            .ok_or_else(|| DbError::Open(format!("no database server `{name}` is configured")))?;
        // held meanwhile: nobody connects to the old one, and switches come one after another
        let mut connected = self.0.lock().await;
        if let Some(physical) = connected.get(name) {
            return physical.switch(url, replicas).await;
        }
        let (url, replicas) = (url.clone(), replicas.to_vec());
        let changed = Server { url, replicas, ..server.clone() };
        let physical = Physical::connect(servers, &changed).await?;
        takes_writes(&physical.line_up(LineUp::clone)).await?;
        connected.insert(name.to_owned(), Arc::new(physical));
        Ok(())
    }
}

impl Physical {
    async fn switch(
        &self,
        url: &Secret<String>,
        replicas: &[Secret<String>],
    ) -> Result<(), DbError> {
        let next = line_up(self.engine, self.limits, url, replicas).await?;
        takes_writes(&next).await?;
        let label = next.primary.label().to_owned();
        let before = {
            let mut line_up = self.line_up.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *line_up, next)
        };
        // from here on new transactions go to the new one; those on the old one end now
        before.primary.close().await;
        for replica in before.replicas.iter() {
            replica.pool.close().await;
        }
        let (server, from) = (&self.name, before.primary.label());
        tracing::warn!(server, from, to = label, "another database server has taken over");
        metrics::counter!("stoa_db_switches_total", "server" => self.name.clone()).increment(1);
        Ok(())
    }
}

/// Refuses a server that is a replica still, or is set to read only.
async fn takes_writes(line_up: &LineUp) -> Result<(), DbError> {
    let pool = &line_up.primary;
    let deadline = Instant::now() + super::SWITCH_WITHIN;
    let mut conn = Conn::new(pool.acquire("", deadline).await?);
    let sql = match conn.engine() {
        Engine::Mysql => "SELECT CAST(@@global.read_only AS SIGNED) AS held",
        _ => {
            "SELECT (pg_is_in_recovery() OR current_setting('default_transaction_read_only')::BOOLEAN)::INT::BIGINT AS held"
        }
    };
    match conn.number(sql, super::SWITCH_WITHIN).await? {
        0 => Ok(()),
        _ => Err(DbError::Open(format!("{} does not take writes; promote it first", pool.label()))),
    }
}
