//! A replica takes the place of a primary that is gone: the one that has got the most of the log, which is
//! the synchronous one or one that is ahead of it, so that nothing that was confirmed is missing. It refuses
//! while the old primary answers: two that take writes would be two truths.

use std::time::{Duration, Instant};

use sea_query::Values;

use super::conn::Conn;
use super::{Connected, line_up};
use crate::dialect::Engine;
use crate::error::DbError;
use crate::servers::{Servers, Takeover};

/// The longest the old primary may take to show that it lives.
const LIVES_WITHIN: Duration = Duration::from_secs(2);
/// The longest a replica may take to become a primary: it replays what it has got first.
const PROMOTED_WITHIN: Duration = Duration::from_secs(60);
/// How far a replica has received the log, and what it has replayed of it.
const RECEIVED: &str = "SELECT (GREATEST(COALESCE(pg_last_wal_receive_lsn(), '0/0'), \
     COALESCE(pg_last_wal_replay_lsn(), '0/0')) - '0/0'::pg_lsn)::BIGINT AS received, \
     pg_is_in_recovery()::INT::BIGINT AS follows";

impl Connected {
    /// See [`crate::Shards::fail_over`].
    pub(crate) async fn fail_over(
        &self,
        servers: &Servers,
        name: &str,
    ) -> Result<Takeover, DbError> {
        let server = servers.servers.iter().find(|s| s.name == name).ok_or_else(|| {
            let known: Vec<&str> = servers.servers.iter().map(|s| s.name.as_str()).collect();
            DbError::Open(format!(
                "no database server `{name}` is configured; there is {}",
                known.join(", ")
            ))
        })?;
        if servers.engine != Engine::Postgres {
            return Err(DbError::Misuse("replicas are PostgreSQL's; on MySQL there is none"));
        }
        if server.replicas.is_empty() {
            return Err(DbError::Open(format!("the server `{name}` has no replicas configured")));
        }
        if let Some(physical) = self.all().await.iter().find(|p| p.name() == name) {
            let primary = physical.primary();
            let lives = async {
                Conn::new(primary.acquire("", Instant::now() + LIVES_WITHIN).await?).ping().await
            };
            if matches!(tokio::time::timeout(LIVES_WITHIN, lives).await, Ok(Ok(()))) {
                return Err(DbError::Open(format!(
                    "the primary {} of `{name}` answers; stop it first, so that nobody writes there any more",
                    primary.label()
                )));
            }
        }
        let mut found: Vec<(i64, usize, Conn, String)> = Vec::new();
        let mut told = Vec::new();
        for (n, url) in server.replicas.iter().enumerate() {
            match look(servers, url).await {
                Ok((received, conn, label)) => found.push((received, n, conn, label)),
                Err(e) => told.push(e.to_string()),
            }
        }
        found.sort_by_key(|(received, n, ..)| (*received, std::cmp::Reverse(*n)));
        let Some((_, n, conn, label)) = found.pop() else {
            let why = told.join("; ");
            return Err(DbError::Down(format!("no replica of `{name}` answers: {why}")));
        };
        promote(conn).await?;
        let others: Vec<_> = found.iter().map(|(.., label)| label.clone()).collect();
        let url = server.replicas.get(n).ok_or(DbError::Misuse("a replica vanished"))?;
        // the others follow the one that is gone, until somebody tells them otherwise
        self.switch(servers, name, url, &[]).await?;
        Ok(Takeover { server: name.to_owned(), primary: label, others })
    }
}

/// How much of the log a replica has got.
async fn look(
    servers: &Servers,
    url: &kit::Secret<String>,
) -> Result<(i64, Conn, String), DbError> {
    let limits = super::Limits {
        connections_max: 1,
        waiting_max: 1,
        connect_timeout: servers.connect_timeout,
    };
    let alone = line_up(Engine::Postgres, limits, url, &[]).await?;
    let label = alone.primary.label().to_owned();
    let deadline = Instant::now() + servers.connect_timeout;
    let mut conn = Conn::new(alone.primary.acquire("", deadline).await?);
    let rows = conn.query(RECEIVED, Values(Vec::new()), 1, false).await?;
    let row = rows.first().ok_or(DbError::Misuse("a replica says nothing"))?;
    let of = |e: rpc::Fault| DbError::Engine(e.chain());
    let received: i64 = row.get("received").map_err(of)?;
    if row.get::<i64>("follows").map_err(of)? == 0 {
        // an earlier try has promoted it, and could not go on: it goes before all others
        return Ok((i64::MAX, conn, label));
    }
    Ok((received, conn, label))
}

async fn promote(mut conn: Conn) -> Result<(), DbError> {
    let sql = format!(
        "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_promote(true, {}) ELSE true END)::INT::BIGINT AS done",
        PROMOTED_WITHIN.as_secs()
    );
    let promoted = conn.query(&sql, Values(Vec::new()), 1, false).await?;
    match promoted.first().map(|row| row.get::<i64>("done")) {
        Some(Ok(1)) => Ok(()),
        _ => Err(DbError::Timeout("the promotion of a replica")),
    }
}
