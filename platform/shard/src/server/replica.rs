//! Replicas of one server: which of them are fit for reads, how far each is, and which one a read goes to.
//! What is not known to be fresh enough is not used; the primary always is. Measuring them is
//! [`super::replica_watch`]'s.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::conn::Conn;
use super::pool::Pool;
use super::token::Position;
use crate::error::DbError;
use crate::servers::Splitting;

/// How often a replica is asked whether it has got to a position that a read waits for.
const ASK_EVERY: Duration = Duration::from_millis(3);

/// The longest a replica may take to tell where it is; those who ask have shorter limits of their own.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// Where a replica stands in its primary's log; a server that is none stands nowhere.
const REPLAYED: &str = "SELECT CASE WHEN pg_is_in_recovery() \
     THEN (COALESCE(pg_last_wal_replay_lsn(), '0/0') - '0/0'::pg_lsn)::BIGINT ELSE -1 END AS replayed";

/// A server that follows the primary.
pub(super) struct Replica {
    pub(super) pool: Arc<Pool>,
    replayed: AtomicU64,
    /// A read found that it did not get there in time; not waited for until it is measured again.
    is_slow: AtomicBool,
    standing: Mutex<Standing>,
    // one asks, the others look at the answer
    asking: tokio::sync::Mutex<()>,
}

/// How far a replica is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// Whether a replica is used, and since when it has been good or measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    is_used: bool,
    /// Out of use, and good enough since then.
    good_since: Option<Instant>,
    /// One that was never dropped need not prove itself for long.
    was_dropped: bool,
    measured: Option<Instant>,
}

/// What a measurement changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Taken,
    Dropped,
}

impl Standing {
    pub(super) const fn new() -> Self {
        Self { is_used: false, good_since: None, was_dropped: false, measured: None }
    }

    /// Takes a measurement in; without one the replica did not answer, or follows nobody.
    pub(super) fn measure(&mut self, lag: Option<Lag>, now: Instant, rule: &Splitting) -> Change {
        self.measured = Some(now);
        let Some(lag) = lag else { return self.drop_out() };
        if self.is_used {
            let is_over = lag.time > rule.lag_max || lag.bytes > rule.lag_bytes_max;
            return if is_over { self.drop_out() } else { Change::None };
        }
        if lag.time > rule.lag_back || lag.bytes > rule.lag_bytes_back {
            self.good_since = None;
            return Change::None;
        }
        let since = *self.good_since.get_or_insert(now);
        if self.was_dropped && now.duration_since(since) < rule.back_after {
            return Change::None;
        }
        (self.is_used, self.good_since) = (true, None);
        Change::Taken
    }

    /// It failed a read: out at once, and back as one that was over the limit.
    pub(super) fn drop_out(&mut self) -> Change {
        self.good_since = None;
        // one that never was in use proves itself as one that failed once it has failed
        self.was_dropped = true;
        if std::mem::replace(&mut self.is_used, false) { Change::Dropped } else { Change::None }
    }

    /// Whether reads may go there: what was measured long ago says nothing.
    fn is_fit(&self, now: Instant, rule: &Splitting) -> bool {
        self.is_used && self.measured.is_some_and(|m| now.duration_since(m) <= rule.forget_after)
    }
}

impl Replica {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            replayed: AtomicU64::new(0),
            is_slow: AtomicBool::new(true),
            standing: Mutex::new(Standing::new()),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// What it has shown to have.
    pub(super) fn replayed(&self) -> Position {
        Position::from_number(self.replayed.load(Ordering::Acquire))
    }

    /// Takes a measurement in. `is_near`: it will probably get to a new position within moments.
    pub(super) fn measured(
        &self,
        at: Option<(Position, Lag)>,
        is_near: bool,
        rule: &Splitting,
    ) -> Change {
        let replayed = at.map_or(Position::NONE, |(position, _)| position);
        self.replayed.store(replayed.number(), Ordering::Release);
        self.is_slow.store(!is_near, Ordering::Release);
        self.standing().measure(at.map(|(_, lag)| lag), Instant::now(), rule)
    }

    /// A read met a replica that is away, or in trouble: it is out until it has been good for a while.
    pub(super) fn failed(&self, e: &DbError) {
        // it may start again at an older place than it was
        self.replayed.store(0, Ordering::Release);
        if self.standing().drop_out() == Change::Dropped {
            tracing::warn!(replica = self.pool.label(), error = %e, "a replica is not used: it failed a read");
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.standing().is_used
    }

    fn is_fit(&self, rule: &Splitting) -> bool {
        self.standing().is_fit(Instant::now(), rule)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has got to a position; `false` when it has not within the time.
    async fn reaches(&self, position: Position, within: Duration) -> bool {
        let reached = async {
            loop {
                let began = Instant::now();
                let asking = self.asking.lock().await;
                if self.replayed() >= position {
                    return true;
                }
                if began.elapsed() < ASK_EVERY && !self.ask().await {
                    return false;
                }
                drop(asking);
                if self.replayed() >= position {
                    return true;
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        let reached = tokio::time::timeout(within, reached).await.unwrap_or(false);
        if !reached {
            self.is_slow.store(true, Ordering::Release);
        }
        reached
    }

    async fn ask(&self) -> bool {
        let asked = async {
            let lease = self.pool.acquire("", Instant::now() + Duration::from_millis(50)).await?;
            position_of(&mut Conn::new(lease)).await
        };
        match asked.await {
            Ok(Some(position)) => {
                self.replayed.store(position.number(), Ordering::Release);
                true
            }
            Ok(None) | Err(DbError::Overloaded(_) | DbError::Timeout(_)) => false,
            Err(e) => {
                self.failed(&e);
                false
            }
        }
    }

    /// A connection to it, known to be at the position: one that was made just now may have met a server
    /// that started again at an older place than the one that was measured.
    pub(super) async fn lease(
        &self,
        schema: &str,
        position: Position,
        deadline: Instant,
    ) -> Result<Option<Conn>, DbError> {
        let mut conn = Conn::new(self.pool.acquire(schema, deadline).await?);
        if conn.is_fresh() && position_of(&mut conn).await?.is_none_or(|at| at < position) {
            return Ok(None);
        }
        Ok(Some(conn))
    }
}

/// Where a replica is; `None` when the server is none.
pub(super) async fn position_of(conn: &mut Conn) -> Result<Option<Position>, DbError> {
    conn.number(REPLAYED, TOLD_WITHIN).await.map(Position::read)
}

/// The replica for a read that must see everything up to a position; `None` sends it to the primary.
pub(super) async fn choose<'a>(
    replicas: &'a [Arc<Replica>],
    position: Position,
    preference: u64,
    rule: &Splitting,
) -> Option<&'a Arc<Replica>> {
    let count = u64::try_from(replicas.len()).unwrap_or(u64::MAX).max(1);
    let first = usize::try_from(preference % count).unwrap_or(0);
    let (before, from) = replicas.split_at_checked(first)?;
    let in_turn = || from.iter().chain(before).filter(|replica| replica.is_fit(rule));
    if let Some(there) = in_turn().find(|replica| replica.replayed() >= position) {
        return Some(there);
    }
    if position == Position::UNKNOWN {
        return None;
    }
    let near = in_turn().find(|replica| !replica.is_slow.load(Ordering::Acquire))?;
    near.reaches(position, rule.wait_max).await.then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn rule() -> Splitting {
        Splitting {
            lag_max: MS(1_000),
            lag_back: MS(200),
            lag_bytes_max: 1_000,
            lag_bytes_back: 100,
            back_after: MS(500),
            forget_after: MS(300),
            ..Splitting::default()
        }
    }

    fn lag(bytes: u64, ms: u64) -> Option<Lag> {
        Some(Lag { bytes, time: MS(ms) })
    }

    #[test]
    fn sh_09_a_replica_is_dropped_over_one_limit_and_comes_back_under_a_lower_one_after_a_time() {
        let (rule, began) = (rule(), Instant::now());
        let mut standing = Standing::new();
        let mut at = |ms, lag| standing.measure(lag, began + MS(ms), &rule);
        assert_eq!(at(0, lag(100, 200)), Change::Taken, "the first time at once");
        assert_eq!(at(200, lag(1_000, 1_000)), Change::None, "between the limits all stays");
        assert_eq!(at(400, lag(0, 1_001)), Change::Dropped);
        assert_eq!(at(600, lag(0, 900)), Change::None);
        assert_eq!(at(800, lag(0, 0)), Change::None, "good, but not for long");
        assert_eq!(at(1_200, lag(101, 0)), Change::None, "and not any more");
        assert_eq!(at(1_400, lag(100, 200)), Change::None);
        assert_eq!(at(1_899, lag(0, 0)), Change::None);
        assert_eq!(at(1_900, lag(0, 0)), Change::Taken);
        assert_eq!(at(2_000, lag(1_001, 0)), Change::Dropped, "bytes count as time does");
    }

    #[test]
    fn sh_09_a_replica_that_failed_or_was_not_measured_lately_is_not_fit() {
        let (rule, began) = (rule(), Instant::now());
        let mut standing = Standing::new();
        assert!(!standing.is_fit(began, &rule), "before it was measured");
        standing.measure(lag(0, 0), began, &rule);
        assert!(standing.is_fit(began + MS(300), &rule));
        assert!(!standing.is_fit(began + MS(301), &rule), "nobody measures");
        assert_eq!(standing.drop_out(), Change::Dropped);
        assert_eq!(standing.drop_out(), Change::None);
        assert!(!standing.is_fit(began, &rule));
        assert_eq!(standing.measure(lag(0, 0), began + MS(1), &rule), Change::None);
        assert_eq!(standing.measure(None, began + MS(400), &rule), Change::None, "away again");
        assert_eq!(standing.measure(lag(0, 0), began + MS(600), &rule), Change::None);
        assert_eq!(standing.measure(lag(0, 0), began + MS(1_100), &rule), Change::Taken);
    }
}
