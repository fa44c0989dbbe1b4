//! Which cells a server has that this process has not opened, because another process has made them. Ids come
//! from clients, so there is a limit on how often a server is looked at, whatever they name. Nothing is
//! denied by what was seen before it was asked for: who asks waits for the next look, and all who wait share
//! it. It opens nothing.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kit::id::PLACES_MAX;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::DbError;

/// A logical database is looked at no more often than this, however many ask.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A look takes no longer: a server that says nothing must not keep those of others from being looked at.
const LOOK_WITHIN: Duration = Duration::from_secs(3);
/// So many logical databases are looked at at the same time: the connections are for others.
const LOOKS_AT_ONCE: usize = 2;

/// The tables of the cells of a logical database.
pub(crate) type Tables = Arc<BTreeSet<u8>>;

/// The last look at each logical database.
pub(crate) struct Looks {
    last: Vec<Mutex<Last>>,
    at_once: Semaphore,
}

#[derive(Default)]
struct Last {
    began: Option<Instant>,
    /// Nothing while it lasts, nor when it was given up.
    saw: Option<Result<Tables, String>>,
}

impl Default for Looks {
    fn default() -> Self {
        let last = (0..PLACES_MAX).map(|_| Mutex::default()).collect();
        Self { last, at_once: Semaphore::new(LOOKS_AT_ONCE) }
    }
}

impl Looks {
    /// The cells that there were in a logical database when this was asked, at least; `look` asks the server.
    pub(crate) async fn tables<Fut>(
        &self,
        db: u8,
        look: impl FnOnce() -> Fut,
    ) -> Result<Tables, DbError>
    where
        Fut: Future<Output = Result<BTreeSet<u8>, DbError>>,
    {
        let Some(last) = self.last.get(usize::from(db)) else { return Ok(Tables::default()) };
        let asked = Instant::now();
        // one looks, the others wait for what he sees
        let mut last = last.lock().await;
        match (last.began, &last.saw) {
            (Some(began), Some(saw)) if began > asked => {
                return saw.clone().map_err(DbError::Down);
            }
            (Some(began), _) => sleep_until(began + LOOK_EVERY).await,
            (None, _) => {}
        }
        let _turn = self.at_once.acquire().await.map_err(|_| DbError::Closed)?;
        // written down first: also a look that is given up counts
        *last = Last { began: Some(Instant::now()), saw: None };
        let late = Err(DbError::Timeout("looking for a cell"));
        let saw = timeout(LOOK_WITHIN, look()).await.unwrap_or(late).map(Arc::new);
        last.saw = Some(saw.as_ref().map(Arc::clone).map_err(ToString::to_string));
        saw
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    /// A server whose cells others make.
    #[derive(Default)]
    struct Server {
        cells: std::sync::Mutex<BTreeSet<u8>>,
        is_down: std::sync::atomic::AtomicBool,
        looks: AtomicUsize,
    }

    impl Server {
        async fn look(&self) -> Result<BTreeSet<u8>, DbError> {
            self.looks.fetch_add(1, Ordering::SeqCst);
            if self.is_down.load(Ordering::SeqCst) {
                return Err(DbError::Down("gone".to_owned()));
            }
            let seen = self.cells.lock().unwrap().clone();
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(seen)
        }

        fn looks(&self) -> usize {
            self.looks.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn any_number_of_made_up_ids_costs_five_looks_a_second_at_a_logical_database() {
        let (looks, server) = (Looks::default(), Server::default());
        let began = Instant::now();
        let ask = |n: u64| {
            let (looks, server) = (&looks, &server);
            async move {
                tokio::time::sleep(Duration::from_millis(n)).await;
                assert!(looks.tables(7, || server.look()).await.unwrap().is_empty());
            }
        };
        join_all((0..2_000).map(ask)).await;
        let took = began.elapsed();
        assert!(took < Duration::from_millis(2_500), "who asks waits for one look: {took:?}");
        assert!(server.looks() <= 13, "{} looks", server.looks());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cell_that_was_made_before_the_question_is_never_denied() {
        let (looks, server) = (Looks::default(), Server::default());
        for table in 0..32 {
            // A look that began before the cell was there is on its way.
            let (before, ()) = tokio::join!(looks.tables(3, || server.look()), async {
                tokio::time::sleep(Duration::from_millis(1)).await;
            });
            before.unwrap();
            let late = async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                server.cells.lock().unwrap().insert(table);
                looks.tables(3, || server.look()).await.unwrap().contains(&table)
            };
            let (_, found) = tokio::join!(looks.tables(3, || server.look()), late);
            assert!(found, "cell {table}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_asker_who_gives_up_neither_stops_the_others_nor_escapes_the_limit() {
        let (looks, server) = (Looks::default(), Server::default());
        server.cells.lock().unwrap().insert(1);
        let began = Instant::now();
        for _ in 0..10 {
            let hasty = looks.tables(0, || server.look());
            assert!(tokio::time::timeout(Duration::from_millis(2), hasty).await.is_err());
        }
        assert!(looks.tables(0, || server.look()).await.unwrap().contains(&1));
        assert!(server.looks() <= 2 && began.elapsed() >= LOOK_EVERY, "{}", server.looks());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_told_to_all_who_wait_and_nothing_is_denied() {
        let (looks, server) = (Looks::default(), Server::default());
        server.is_down.store(true, Ordering::SeqCst);
        let began = Instant::now();
        let asked = join_all((0..100).map(|_| looks.tables(5, || server.look()))).await;
        assert!(asked.iter().all(|a| matches!(a, Err(DbError::Down(_)))));
        assert!(server.looks() <= 2 && began.elapsed() <= LOOK_EVERY, "{:?}", began.elapsed());
        server.is_down.store(false, Ordering::SeqCst);
        server.cells.lock().unwrap().insert(9);
        assert!(looks.tables(5, || server.look()).await.unwrap().contains(&9));
    }

    #[tokio::test(start_paused = true)]
    async fn servers_that_say_nothing_do_not_keep_others_from_being_looked_at() {
        let (looks, server) = (Looks::default(), Server::default());
        server.cells.lock().unwrap().insert(4);
        let silent = || std::future::pending::<Result<BTreeSet<u8>, DbError>>();
        let began = Instant::now();
        let (one, other, healthy) = tokio::join!(
            looks.tables(0, silent),
            looks.tables(1, silent),
            looks.tables(2, || server.look())
        );
        assert!(matches!((one, other), (Err(DbError::Timeout(_)), Err(DbError::Timeout(_)))));
        assert!(healthy.unwrap().contains(&4) && began.elapsed() < 2 * LOOK_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn made_up_ids_of_all_databases_look_at_two_of_them_at_a_time() {
        let (looks, now, most) = (Looks::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let look = || async {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(BTreeSet::new())
        };
        let asked = join_all((0..PLACES_MAX).map(|db| looks.tables(db, look))).await;
        assert!(asked.into_iter().all(|a| a.unwrap().is_empty()));
        assert_eq!(most.load(Ordering::SeqCst), LOOKS_AT_ONCE);
    }

    #[tokio::test]
    async fn a_number_beyond_all_databases_has_no_cells() {
        let (looks, server) = (Looks::default(), Server::default());
        assert!(looks.tables(PLACES_MAX, || server.look()).await.unwrap().is_empty());
        assert_eq!(server.looks(), 0);
    }
}
