//! A replica takes the place of a primary that is gone: the one that has got the most of the log. That has
//! every confirmed commit when every replica was asked, so one that does not answer stops it, unless the
//! operator goes on without it. It refuses while the old primary may live: two that take writes would be two
//! truths.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::Secret;
use sea_query::Values;
use tokio::net::TcpStream;

use super::conn::Conn;
use super::pool::Pool;
use super::{Addresses, Connected, Limits, target_of};
use crate::dialect::Engine;
use crate::error::DbError;
use crate::servers::{Server, Servers, Takeover};

/// For how long the old primary must be found gone, again and again: one that starts again is not.
const GONE_FOR: Duration = Duration::from_secs(3);
/// How often it is looked.
const KNOCK_EVERY: Duration = Duration::from_millis(500);
/// The longest a server may take to answer once it is connected.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The longest a replica may take to become a primary: it replays what it has got first.
const PROMOTED_WITHIN: Duration = Duration::from_secs(60);
/// How much of the log a replica has got; of one that is a primary by now, how far its own is. And which of the
/// cluster's lives it knows of: every promotion begins another one.
const RECEIVED: &str = "SELECT ((CASE WHEN pg_is_in_recovery() \
     THEN GREATEST(COALESCE(pg_last_wal_receive_lsn(), '0/0'), COALESCE(pg_last_wal_replay_lsn(), '0/0')) \
     ELSE pg_current_wal_insert_lsn() END) - '0/0'::pg_lsn)::BIGINT AS received, \
     (CASE WHEN pg_is_in_recovery() THEN (SELECT min_recovery_end_timeline FROM pg_control_recovery()) \
     ELSE ('x' || SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::BIT(32)::INT END)::BIGINT AS timeline, \
     pg_is_in_recovery()::INT::BIGINT AS follows";

/// A replica that answered.
struct Candidate {
    received: i64,
    timeline: i64,
    /// An earlier try has promoted it already, and could not go on.
    is_promoted: bool,
    url: Secret<String>,
    label: String,
    conn: Conn,
}

impl Connected {
    /// See [`crate::Shards::fail_over`].
    pub(crate) async fn fail_over(
        &self,
        servers: &Servers,
        name: &str,
        without: &[String],
    ) -> Result<Takeover, DbError> {
        let server = server_of(servers, name)?;
        // one after another: the second finds what the first has done
        let _alone = self.1.lock().await;
        let now = self.addresses(server).await;
        if now.replicas.is_empty() {
            return Err(DbError::Open(format!(
                "no replica of `{name}` is known that follows {}; make one, name it in the settings and start",
                label_of(&now.primary)?
            )));
        }
        let known = now.replicas.iter().map(label_of).collect::<Result<Vec<_>, _>>()?;
        if let Some(wrong) = without.iter().find(|w| !known.contains(w)) {
            return Err(DbError::Open(format!(
                "{wrong} is no replica of `{name}`; there is {}",
                known.join(", ")
            )));
        }
        is_gone(servers, name, &now.primary).await?;
        let (found, away) = ask(servers, &now.replicas).await?;
        let missing: Vec<_> = away.iter().filter(|(label, _)| !without.contains(label)).collect();
        if !missing.is_empty() {
            let why: Vec<_> = missing.iter().map(|(label, e)| format!("{label} ({e})")).collect();
            let flags: Vec<_> = missing.iter().map(|(l, _)| format!("--without {l}")).collect();
            return Err(DbError::Open(format!(
                "not every replica of `{name}` answers, and one that does not may have confirmed changes \
                 that the others lack: {}. Start it again; or go on and lose them: {}",
                why.join(", "),
                flags.join(" ")
            )));
        }
        let (best, others) = choose(name, found)?;
        promote(best.conn).await?;
        // the others follow the one that is gone, until somebody tells them otherwise
        self.switch(servers, name, &best.url, &[]).await?;
        let others = others.into_iter().chain(away.into_iter().map(|(label, _)| label)).collect();
        Ok(Takeover { server: name.to_owned(), primary: best.label, others })
    }

    /// Who is primary now and who follows: what the settings say is true until the first switch only.
    async fn addresses(&self, server: &Server) -> Addresses {
        let connected = self.all().await;
        match connected.iter().find(|p| p.name() == server.name) {
            Some(physical) => physical.addresses(),
            None => Addresses::of(server),
        }
    }
}

fn server_of<'a>(servers: &'a Servers, name: &str) -> Result<&'a Server, DbError> {
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
    Ok(server)
}

fn label_of(url: &Secret<String>) -> Result<String, DbError> {
    target_of(url).map(|(label, _)| label)
}

/// A connection of its own: that no other is free, or that the server was away a moment ago, says nothing.
async fn connect(servers: &Servers, url: &Secret<String>) -> Result<Conn, DbError> {
    let connect_timeout = servers.connect_timeout;
    let limits = Limits { connections_max: 1, waiting_max: 1, connect_timeout };
    let (label, target) = target_of(url)?;
    let pool = Arc::new(Pool::new(label, target, limits));
    pool.aside().await.map(Conn::new)
}

/// Refuses unless nothing is found at a primary's address, at every try for some seconds. One that is slow,
/// full or starting takes writes again by itself.
async fn is_gone(servers: &Servers, name: &str, url: &Secret<String>) -> Result<(), DbError> {
    let label = label_of(url)?;
    let lives = |what: String| {
        Err(DbError::Open(format!(
            "the primary {label} of `{name}` {what}; stop it first, so that nobody writes there any more"
        )))
    };
    let began = Instant::now();
    loop {
        let asked = async { connect(servers, url).await?.ping().await };
        let within = servers.connect_timeout + ANSWER_WITHIN;
        match tokio::time::timeout(within, asked).await {
            Ok(Ok(())) => return lives("answers".to_owned()),
            Ok(Err(DbError::Down(e))) => {
                // its machine may be too busy to say more than that something listens
                let knock = tokio::time::timeout(ANSWER_WITHIN, TcpStream::connect(&label)).await;
                if matches!(knock, Ok(Ok(_))) {
                    return lives(format!("takes connections and does not answer ({e})"));
                }
            }
            Ok(Err(e)) => return lives(format!("is there ({e})")),
            Err(_) => return lives("does not answer, but may still live".to_owned()),
        }
        if began.elapsed() >= GONE_FOR {
            return Ok(());
        }
        tokio::time::sleep(KNOCK_EVERY).await;
    }
}

/// Those who answer, and who does not and why.
async fn ask(
    servers: &Servers,
    replicas: &[Secret<String>],
) -> Result<(Vec<Candidate>, Vec<(String, DbError)>), DbError> {
    let (mut found, mut away) = (Vec::new(), Vec::new());
    let within = servers.connect_timeout + ANSWER_WITHIN;
    let asks = replicas.iter().map(|url| tokio::time::timeout(within, look(servers, url)));
    for (url, asked) in replicas.iter().zip(join_all(asks).await) {
        match asked.unwrap_or(Err(DbError::Timeout("asking a replica"))) {
            Ok(candidate) => found.push(candidate),
            Err(e) => away.push((label_of(url)?, e)),
        }
    }
    Ok((found, away))
}

/// How much of the log a replica has got.
async fn look(servers: &Servers, url: &Secret<String>) -> Result<Candidate, DbError> {
    let mut conn = connect(servers, url).await?;
    let rows = conn.query(RECEIVED, Values(Vec::new()), 1, false).await?;
    let row = rows.first().ok_or(DbError::Misuse("a replica says nothing"))?;
    let of = |e: rpc::Fault| DbError::Engine(e.chain());
    Ok(Candidate {
        received: row.get("received").map_err(of)?,
        timeline: row.get("timeline").map_err(of)?,
        is_promoted: row.get::<i64>("follows").map_err(of)? == 0,
        url: url.clone(),
        label: label_of(url)?,
        conn,
    })
}

/// The one that an earlier try has promoted, else the one that has got the most; of equals the one that is
/// named first. And the names of the others.
fn choose(name: &str, mut found: Vec<Candidate>) -> Result<(Candidate, Vec<String>), DbError> {
    let most = found.iter().map(|c| c.received).max().unwrap_or_default();
    let newest = found.iter().filter(|c| !c.is_promoted).map(|c| c.timeline).max();
    let promoted: Vec<_> = found.iter().filter(|c| c.is_promoted).collect();
    let at = match promoted[..] {
        [] => found.iter().position(|c| c.received == most),
        // a primary of former times, which came back, writes on an older line than those who follow
        [one] if one.received == most && newest.is_none_or(|n| n < one.timeline) => {
            found.iter().position(|c| c.is_promoted)
        }
        [one] => {
            return Err(DbError::Open(format!(
                "{} of `{name}` takes writes already, and lacks what another replica has got; stop it, and go on \
                 without it",
                one.label
            )));
        }
        _ => {
            let labels: Vec<_> = promoted.iter().map(|c| c.label.as_str()).collect();
            return Err(DbError::Open(format!(
                "several replicas of `{name}` take writes: {}; stop all but the right one",
                labels.join(", ")
            )));
        }
    };
    let at = at.ok_or_else(|| DbError::Down(format!("no replica of `{name}` answers")))?;
    let best = found.remove(at);
    Ok((best, found.into_iter().map(|c| c.label).collect()))
}

async fn promote(mut conn: Conn) -> Result<(), DbError> {
    let sql = format!(
        "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_promote(true, {}) ELSE true END)::INT::BIGINT AS done",
        PROMOTED_WITHIN.as_secs()
    );
    match conn.number(&sql, PROMOTED_WITHIN + ANSWER_WITHIN).await? {
        1 => Ok(()),
        _ => Err(DbError::Timeout("the promotion of a replica")),
    }
}
