//! A replica takes the place of a primary that is gone: of those that know of the cluster's latest life the
//! one that has got the most of the log. That has every confirmed commit when every replica was asked, so one
//! that does not answer stops it, unless the operator goes on without it. One that another program has promoted
//! already is taken. It refuses while the old primary may live: two that take writes would be two truths.

use std::cmp::Reverse;
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
/// cluster's lives (timelines) it is known to be in: every promotion begins another one.
const RECEIVED: &str = "SELECT ((CASE WHEN pg_is_in_recovery() \
     THEN GREATEST(COALESCE(pg_last_wal_receive_lsn(), '0/0'), COALESCE(pg_last_wal_replay_lsn(), '0/0')) \
     ELSE pg_current_wal_insert_lsn() END) - '0/0'::pg_lsn)::BIGINT AS received, \
     (CASE WHEN pg_is_in_recovery() THEN GREATEST((SELECT min_recovery_end_timeline FROM pg_control_recovery()), \
     (SELECT timeline_id FROM pg_control_checkpoint())) \
     ELSE ('x' || SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::BIT(32)::INT END)::BIGINT AS timeline, \
     pg_is_in_recovery()::INT::BIGINT AS follows";
/// Whether it may be asked for [`RECEIVED_ON`]: who may promote may see the log, unless somebody was sparing.
const MAY_LIST: &str =
    "SELECT has_function_privilege('pg_ls_waldir()', 'EXECUTE')::INT::BIGINT AS may";
/// The latest life that a replica has got anything of. What [`RECEIVED`] says is true for certain, but minutes
/// late for one that follows a new primary since a moment ago.
const RECEIVED_ON: &str = "SELECT COALESCE(MAX(('x' || SUBSTR(name, 1, 8))::BIT(32)::INT), 0)::BIGINT AS timeline \
     FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";
/// Writes nothing but into the log, which a commit needs to wait for a synchronous replica: one that has merely
/// a number does not.
const COMMITTED: &str = "SELECT pg_logical_emit_message(true, 'stoa', 'takes writes')";
/// The life that every cluster begins with. Who has been promoted is in a later one.
const FIRST_LIFE: i64 = 1;

/// A replica that answered.
struct Candidate {
    seen: Seen,
    url: Secret<String>,
    conn: Conn,
}

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    label: String,
    received: i64,
    timeline: i64,
    /// An earlier try has promoted it already and could not go on, or another program has.
    is_promoted: bool,
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
        let (best, others) = choose(name, found, without)?;
        promote(best.conn).await?;
        // the others follow the one that is gone, until somebody tells them otherwise
        self.switch(servers, name, &best.url, &[]).await?;
        let others = others.into_iter().chain(away.into_iter().map(|(label, _)| label)).collect();
        Ok(Takeover { server: name.to_owned(), primary: best.seen.label, others })
    }

    /// See [`crate::Shards::commit_on`].
    pub(crate) async fn commit_on(
        &self,
        servers: &Servers,
        name: &str,
        within: Duration,
    ) -> Result<(), DbError> {
        let primary = self.addresses(server_of(servers, name)?).await.primary;
        let committing =
            async { connect(servers, &primary).await?.batch(COMMITTED.to_owned()).await };
        let late = Err(DbError::Timeout("a commit on the primary"));
        tokio::time::timeout(within, committing).await.unwrap_or(late)
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

/// A server by its name in the settings.
pub(super) fn server_of<'a>(servers: &'a Servers, name: &str) -> Result<&'a Server, DbError> {
    let server = servers.servers.iter().find(|s| s.name == name).ok_or_else(|| {
        let known: Vec<&str> = servers.servers.iter().map(|s| s.name.as_str()).collect();
        DbError::Open(format!(
            "no database server `{name}` is configured; there is {}",
            known.join(", ")
        ))
    })?;
    if servers.engine != Engine::Postgres {
        return Err(DbError::Misuse("that is for PostgreSQL servers only"));
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
    let silent = || DbError::Timeout("asking a replica");
    for (url, asked) in replicas.iter().zip(join_all(asks).await) {
        match asked.unwrap_or_else(|_| Err(silent())) {
            Ok(candidate) => found.push(candidate),
            Err(e) => away.push((label_of(url)?, e)),
        }
    }
    // One that takes writes is asked again when all others have told: who follows it may have been ahead of
    // what it said itself a moment before.
    let mut at_last = Vec::with_capacity(found.len());
    for mut candidate in found {
        if candidate.seen.is_promoted {
            let label = candidate.seen.label.clone();
            let again = tokio::time::timeout(ANSWER_WITHIN, see(&mut candidate.conn, label)).await;
            match again.unwrap_or_else(|_| Err(silent())) {
                Ok(seen) => candidate.seen = seen,
                Err(e) => {
                    away.push((candidate.seen.label, e));
                    continue;
                }
            }
        }
        at_last.push(candidate);
    }
    Ok((at_last, away))
}

async fn look(servers: &Servers, url: &Secret<String>) -> Result<Candidate, DbError> {
    let mut conn = connect(servers, url).await?;
    let seen = see(&mut conn, label_of(url)?).await?;
    Ok(Candidate { seen, url: url.clone(), conn })
}

/// How much of the log a replica has got.
async fn see(conn: &mut Conn, label: String) -> Result<Seen, DbError> {
    let rows = conn.query(RECEIVED, Values(Vec::new()), 1, false).await?;
    let row = rows.first().ok_or(DbError::Misuse("a replica says nothing"))?;
    let of = |e: rpc::Fault| DbError::Engine(e.chain());
    let mut seen = Seen {
        label,
        received: row.get("received").map_err(of)?,
        timeline: row.get("timeline").map_err(of)?,
        is_promoted: row.get::<i64>("follows").map_err(of)? == 0,
    };
    if !seen.is_promoted && conn.number(MAY_LIST, ANSWER_WITHIN).await? == 1 {
        let on = conn.number(RECEIVED_ON, ANSWER_WITHIN).await?;
        seen.timeline = seen.timeline.max(on);
    }
    Ok(seen)
}

/// The one to take, and the names of the others.
fn choose(
    name: &str,
    mut found: Vec<Candidate>,
    without: &[String],
) -> Result<(Candidate, Vec<String>), DbError> {
    let seen: Vec<&Seen> = found.iter().map(|c| &c.seen).collect();
    let best = found.remove(judge(name, &seen, without)?);
    Ok((best, found.into_iter().map(|c| c.seen.label).collect()))
}

/// The one that is promoted already, unless it is a primary of former times or lacks something; else of those
/// in the latest life the one that has got the most; of equals the one that is named first.
fn judge(name: &str, seen: &[&Seen], without: &[String]) -> Result<usize, DbError> {
    let promoted: Vec<usize> = (0..seen.len()).filter(|n| seen[*n].is_promoted).collect();
    match promoted[..] {
        [] => (0..seen.len())
            // one that nobody has rebuilt after an earlier takeover may have a longer log, of a former life
            .max_by_key(|n| (seen[*n].timeline, seen[*n].received, Reverse(*n)))
            .ok_or_else(|| DbError::Down(format!("no replica of `{name}` answers"))),
        [at] => objection(seen[at], seen, without).map_or(Ok(at), |why| {
            Err(DbError::Open(format!("{} of `{name}` {why}", seen[at].label)))
        }),
        _ => {
            let labels: Vec<_> = promoted.iter().map(|n| seen[*n].label.as_str()).collect();
            Err(DbError::Open(format!(
                "several replicas of `{name}` take writes: {}; stop all but the right one",
                labels.join(", ")
            )))
        }
    }
}

/// Why the one that takes writes already is not taken.
fn objection(one: &Seen, seen: &[&Seen], without: &[String]) -> Option<String> {
    let label = &one.label;
    let former = |why: String| {
        Some(format!(
            "takes writes already, but looks like a former primary: {why}; stop it, and go on without it: \
             --without {label}"
        ))
    };
    let others = || seen.iter().filter(|o| !o.is_promoted && !without.contains(&o.label));
    if let Some(later) = others().find(|o| o.timeline > one.timeline) {
        return former(format!("{} knows of a later one", later.label));
    }
    if one.timeline <= FIRST_LIFE {
        return former("nobody has ever promoted it".to_owned());
    }
    // Who follows it has no more of the log than it has.
    let more = others().find(|o| o.received > one.received)?;
    Some(format!(
        "takes writes already, but {0} has got more of the log. When {0} was given up at an earlier takeover, \
         go on: --without {0}. When {label} was promoted by mistake, stop it and go on: --without {label}",
        more.label
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(label: &str, timeline: i64, received: i64) -> Seen {
        Seen { label: label.to_owned(), received, timeline, is_promoted: false }
    }

    fn promoted(label: &str, timeline: i64, received: i64) -> Seen {
        Seen { is_promoted: true, ..seen(label, timeline, received) }
    }

    fn judged(all: &[Seen], without: &[&str]) -> Result<String, String> {
        let without: Vec<String> = without.iter().map(|w| (*w).to_owned()).collect();
        let of: Vec<&Seen> = all.iter().collect();
        judge("main", &of, &without).map(|n| all[n].label.clone()).map_err(|e| e.to_string())
    }

    #[test]
    fn of_those_in_the_latest_life_the_one_with_the_most_is_taken_and_of_equals_the_first() {
        let all = [seen("a", 1, 5), seen("b", 1, 7), seen("c", 1, 7)];
        assert_eq!(judged(&all, &[]).unwrap(), "b");
        let all = [seen("left", 1, 900), seen("follows", 2, 800), seen("late", 2, 700)];
        assert_eq!(judged(&all, &[]).unwrap(), "follows", "a former life counts for nothing");
        assert!(judged(&[], &[]).unwrap_err().contains("no replica of `main` answers"));
    }

    #[test]
    fn one_that_is_promoted_already_is_taken_whether_the_others_follow_it_by_now_or_not() {
        for follower in [seen("b", 2, 900), seen("b", 2, 500), seen("b", 1, 900)] {
            let all = [follower, promoted("a", 2, 900)];
            assert_eq!(judged(&all, &[]).unwrap(), "a");
        }
        assert_eq!(judged(&[promoted("a", 2, 900)], &[]).unwrap(), "a");
    }

    #[test]
    fn a_former_primary_is_told_from_one_that_was_promoted() {
        let told = judged(&[promoted("old", 2, 999), seen("b", 3, 5)], &[]).unwrap_err();
        assert!(told.contains("former primary: b knows of a later one"), "{told}");
        assert!(told.contains("--without old"), "{told}");
        let told = judged(&[promoted("old", 1, 999), seen("b", 1, 5)], &[]).unwrap_err();
        assert!(told.contains("former primary: nobody has ever promoted it"), "{told}");
        let told = judged(&[promoted("a", 2, 9), promoted("b", 2, 9)], &[]).unwrap_err();
        assert!(told.contains("several replicas of `main` take writes: a, b"), "{told}");
    }

    #[test]
    fn what_a_promoted_one_lacks_is_given_up_only_by_name() {
        let all = [promoted("a", 2, 500), seen("b", 1, 900)];
        let told = judged(&all, &[]).unwrap_err();
        assert!(told.contains("go on: --without b."), "{told}");
        assert!(told.contains("promoted by mistake, stop it and go on: --without a"), "{told}");
        assert_eq!(judged(&all, &["b"]).unwrap(), "a");
    }
}
