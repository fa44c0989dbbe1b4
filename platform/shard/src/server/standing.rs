//! How the servers stand at this moment, for operators: who answers and how soon, and who follows. It asks
//! them, and changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_query::Values;

use super::conn::Conn;
use super::pool::Pool;
use super::{Connected, Physical};
use crate::dialect::Engine;
use crate::error::DbError;
use crate::servers::{NodeStanding, ServerStanding, Servers};

/// The longest a server may take to answer who it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl Connected {
    /// Every configured server.
    pub(crate) async fn standing(&self, servers: &Servers) -> Vec<ServerStanding> {
        let connected = self.all().await;
        let look = servers.servers.iter().map(|server| {
            let found = connected.iter().find(|p| p.name() == server.name).cloned();
            async move {
                match found {
                    Some(physical) => Some(physical.standing().await),
                    // no logical database is there
                    None => None,
                }
            }
        });
        futures::future::join_all(look).await.into_iter().flatten().collect()
    }
}

impl Physical {
    async fn standing(&self) -> ServerStanding {
        let primary = self.primary();
        let (asked, confirmed_by) = (ask(&primary).await, self.confirmed_by(&primary).await);
        let mut replicas = Vec::new();
        for replica in self.replicas().iter() {
            let answered = ask(&replica.pool).await;
            replicas.push((node(&replica.pool, answered), replica.is_used()));
        }
        ServerStanding {
            name: self.name.clone(),
            primary: node(&primary, asked),
            confirmed_by,
            replicas,
        }
    }

    /// How many replicas a commit waits for; nothing is known of one that does not answer.
    async fn confirmed_by(&self, primary: &Arc<Pool>) -> Option<u64> {
        if self.engine != Engine::Postgres {
            return None;
        }
        let sql = "SELECT COUNT(*)::BIGINT AS n FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";
        let mut conn = Conn::new(primary.acquire("", Instant::now() + ANSWER_WITHIN).await.ok()?);
        conn.number(sql, ANSWER_WITHIN).await.ok()?.try_into().ok()
    }
}

fn node(pool: &Pool, answered: Result<(Duration, String), DbError>) -> NodeStanding {
    let (version, answered) = match answered {
        Ok((took, version)) => (Some(version), Ok(took)),
        Err(e) => (None, Err(e.to_string())),
    };
    NodeStanding { address: pool.label().to_owned(), version, answered }
}

/// How long a server takes to answer, and what it is.
async fn ask(pool: &Arc<Pool>) -> Result<(Duration, String), DbError> {
    let answer = async {
        let mut conn = Conn::new(pool.acquire("", Instant::now() + ANSWER_WITHIN).await?);
        let began = Instant::now();
        let sql = match conn.engine() {
            Engine::Mysql => "SELECT CAST(VERSION() AS CHAR) AS version",
            _ => "SELECT current_setting('server_version') AS version",
        };
        let rows = conn.query(sql, Values(Vec::new()), 1, false).await?;
        let version = rows.first().and_then(|row| row.get("version").ok()).unwrap_or_default();
        Ok((began.elapsed(), version))
    };
    let timeout = DbError::Timeout("asking a database server");
    tokio::time::timeout(ANSWER_WITHIN, answer).await.unwrap_or(Err(timeout))
}
