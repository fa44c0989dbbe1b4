//! Measures replicas in the background: how many bytes and how long each is behind its primary.
//!
//! The time is our own: when the primary was first seen at the place that a replica has not got to. What a
//! replica says of the last transaction that it replayed is no measure: on a quiet server that is hours ago.
//! While the primary is away nothing is written, so its replicas are as late as they were when it was last seen:
//! what it had not sent by then never comes, and is no reason to read nowhere.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conn::Conn;
use super::pool::Pool;
use super::replica::{Change, Lag, Replica, position_of};
use super::token::Position;
use super::{Connected, Physical};
use crate::error::DbError;
use crate::servers::Splitting;

/// Places of a primary that are remembered; when there are more, every other one is forgotten.
const PLACES_MAX: usize = 512;

const FLUSHED: &str = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::BIGINT AS flushed";

/// Measures for ever.
pub(crate) async fn watch(connected: Arc<Connected>, rule: Splitting) {
    let mut watches: BTreeMap<String, Watch> = BTreeMap::new();
    let mut turns = tokio::time::interval(rule.measure_every.max(Duration::from_millis(1)));
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let servers = connected.all().await;
        let mut rounds = Vec::new();
        for server in &servers {
            let mut watch = watches.remove(server.name()).unwrap_or_default();
            rounds.push(async move {
                watch.round(server, &rule).await;
                (server.name().to_owned(), watch)
            });
        }
        watches = futures::future::join_all(rounds).await.into_iter().collect();
    }
}

/// What is remembered of one server from one measurement to the next.
#[derive(Default)]
struct Watch {
    primary: Option<Arc<Pool>>,
    conn: Option<Conn>,
    places: Places,
    /// When the primary last told where it is.
    seen_at: Option<Instant>,
    replicas: Vec<(Arc<Replica>, Conn)>,
}

impl Watch {
    async fn round(&mut self, server: &Physical, rule: &Splitting) {
        let replicas = server.replicas();
        if replicas.is_empty() {
            *self = Self::default();
            return;
        }
        let limit = rule.measure_every.max(Duration::from_millis(200));
        let primary = server.primary();
        if self.primary.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &primary)) {
            // another primary, other places
            *self = Self { primary: Some(Arc::clone(&primary)), ..Self::default() };
        }
        let kept = self.conn.take();
        let asked = tokio::time::timeout(limit, place_of(&primary, kept, limit)).await;
        if let Ok(Ok((conn, place))) = asked {
            let now = Instant::now();
            self.places.add(place, now);
            self.seen_at = Some(now);
            self.conn = Some(conn);
        }
        let mut kept = std::mem::take(&mut self.replicas);
        let asks = replicas.iter().map(|replica| {
            let found = kept.iter().position(|(known, _)| Arc::ptr_eq(known, replica));
            let conn = found.map(|i| kept.swap_remove(i).1);
            async move {
                let asked = tokio::time::timeout(limit, ask(&replica.pool, conn)).await;
                (replica, asked.unwrap_or(Err(DbError::Timeout("measuring a replica"))))
            }
        });
        let asks: Vec<_> = asks.collect();
        let mut least = None;
        for (replica, asked) in futures::future::join_all(asks).await {
            let at = self.take_in(server.name(), replica, asked, rule);
            least = [least, at].into_iter().flatten().min();
        }
        self.places.forget(least);
    }

    /// Where the replica is, if it told.
    fn take_in(
        &mut self,
        server: &str,
        replica: &Arc<Replica>,
        asked: Result<(Conn, Option<Position>), DbError>,
        rule: &Splitting,
    ) -> Option<Position> {
        let label = replica.pool.label();
        let position = match asked {
            Ok((conn, position)) => {
                self.replicas.push((Arc::clone(replica), conn));
                position
            }
            Err(e) => {
                tracing::debug!(server, replica = label, error = %e, "a replica was not measured");
                None
            }
        };
        let at = position.and_then(|at| Some((at, self.places.lag(at, self.seen_at?)?)));
        let is_near = at.is_some_and(|(_, lag)| lag.time <= rule.measure_every.saturating_mul(2));
        match replica.measured(at, is_near, rule) {
            Change::Taken => tracing::info!(server, replica = label, "a replica is used for reads"),
            Change::Dropped => tracing::warn!(
                server,
                replica = label,
                lag = ?at.map(|(_, lag)| lag),
                "a replica is not used any more: too far behind, or away"
            ),
            Change::None => {}
        }
        tell(server, replica, at.map(|(_, lag)| lag));
        position
    }
}

fn tell(server: &str, replica: &Replica, lag: Option<Lag>) {
    let labels = [("server", server.to_owned()), ("replica", replica.pool.label().to_owned())];
    let number = |n: u128| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    metrics::gauge!("stoa_db_replica_used", &labels).set(f64::from(u8::from(replica.is_used())));
    if let Some(lag) = lag {
        metrics::gauge!("stoa_db_replica_lag_bytes", &labels).set(number(u128::from(lag.bytes)));
        metrics::gauge!("stoa_db_replica_lag_ms", &labels).set(number(lag.time.as_millis()));
    }
}

/// How far the primary's log is safe, which is what a replica can have.
async fn place_of(
    pool: &Arc<Pool>,
    kept: Option<Conn>,
    within: Duration,
) -> Result<(Conn, Position), DbError> {
    let mut conn = match kept {
        Some(conn) => conn,
        None => Conn::new(pool.aside().await?),
    };
    let place = Position::read(conn.number(FLUSHED, within).await?);
    place.map(|place| (conn, place)).ok_or_else(|| DbError::Engine("no position".to_owned()))
}

async fn ask(pool: &Arc<Pool>, kept: Option<Conn>) -> Result<(Conn, Option<Position>), DbError> {
    let mut conn = match kept {
        Some(conn) => conn,
        None => Conn::new(pool.aside().await?),
    };
    let position = position_of(&mut conn).await?;
    Ok((conn, position))
}

/// Where the primary was seen, and when first; the oldest in front.
#[derive(Default)]
struct Places {
    seen: VecDeque<(Instant, Position)>,
    newest: Option<Position>,
}

impl Places {
    fn add(&mut self, place: Position, now: Instant) {
        if self.newest.is_some_and(|newest| newest >= place) {
            return;
        }
        self.newest = Some(place);
        self.seen.push_back((now, place));
        if self.seen.len() > PLACES_MAX {
            let mut n = 0_usize;
            // the first one stays: it tells how long the slowest has been behind
            self.seen.retain(|_| {
                n += 1;
                n % 2 == 1
            });
        }
    }

    /// How far behind somebody is who is at a position; unknown before the primary was seen.
    fn lag(&self, at: Position, now: Instant) -> Option<Lag> {
        let newest = self.newest?;
        let missing = self.seen.iter().find(|(_, place)| *place > at);
        let time = missing.map_or(Duration::ZERO, |(since, _)| now.duration_since(*since));
        Some(Lag { bytes: newest.since(at), time })
    }

    /// Forgets what everybody has; those who did not answer come back as new ones.
    fn forget(&mut self, least: Option<Position>) {
        let Some(least) = least else { return };
        while self.seen.front().is_some_and(|(_, place)| *place <= least) {
            self.seen.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Position {
        Position::from_number(n)
    }

    #[test]
    fn a_replica_is_as_late_as_the_oldest_place_that_it_lacks() {
        let (mut places, began) = (Places::default(), Instant::now());
        let after = |ms| began + Duration::from_millis(ms);
        assert_eq!(places.lag(at(5), began), None, "nothing is known yet");
        for n in 1..=10 {
            places.add(at(n * 100), after(n * 200));
        }
        // a quiet hour
        places.add(at(1_000), after(3_600_000));
        let late = |bytes, ms| Some(Lag { bytes, time: Duration::from_millis(ms) });
        assert_eq!(places.lag(at(1_000), after(3_600_000)), late(0, 0));
        assert_eq!(places.lag(at(650), after(2_000)), late(350, 600), "700 was seen at 1,400 ms");
        places.forget(Some(at(600)));
        assert_eq!(places.lag(at(650), after(2_000)), late(350, 600));
        assert_eq!(places.seen.len(), 4);
    }

    #[test]
    fn of_very_many_places_the_oldest_is_kept() {
        let (mut places, began) = (Places::default(), Instant::now());
        for n in 1..10_000 {
            places.add(at(n), began + Duration::from_millis(n));
        }
        assert!(places.seen.len() <= PLACES_MAX);
        let lag = places.lag(at(0), began + Duration::from_millis(10_000)).unwrap();
        assert_eq!(lag, Lag { bytes: 9_999, time: Duration::from_millis(9_999) });
    }
}
