//! Answers that are remembered for a moment: of those who ask for the same at the same time only one does
//! the work, and who comes a little later is told the same. Bounded in number and age; failures are not
//! remembered.
//!
//! It must not be used for what decides something (a price to be paid, stock to be taken), and knows
//! nobody's rights: who may not ask must be refused before.

use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kit::Timestamp;
use moka::sync::Cache;
use tokio::sync::OnceCell;

/// An answer with the time at which it was first asked for; empty until it comes.
struct Slot<T> {
    at: Timestamp,
    answer: OnceCell<Arc<T>>,
    /// How often asking failed.
    failures: AtomicU64,
}

impl<T> Slot<T> {
    fn new(at: Timestamp) -> Self {
        Self { at, answer: OnceCell::new(), failures: AtomicU64::new(0) }
    }
}

/// Answers by what was asked.
pub struct Remembered<K, T> {
    known: Cache<K, Arc<Slot<T>>>,
    age_max: Duration,
}

impl<K, T> Remembered<K, T>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    /// Knows nothing yet. Remembers at most `count_max` answers, each for less than `age_max`.
    #[must_use]
    pub fn new(count_max: u64, age_max: Duration) -> Self {
        Self { known: Cache::new(count_max), age_max }
    }

    /// The answer of the key, asked for unless it is known. Whoever finds somebody asking waits for that
    /// answer. If it fails all who waited ask for themselves and at the same time: a crowd must not stand in
    /// line for a failure each.
    ///
    /// # Errors
    /// Those of `asked`.
    pub async fn get<E>(
        &self,
        key: K,
        now: Timestamp,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        // a clock that stepped back makes an answer stale, not eternal
        let is_stale = |s: &Arc<Slot<T>>| s.at > now || now.since(s.at) >= self.age_max;
        let slot = match self.known.get(&key).filter(|s| !is_stale(s)) {
            Some(slot) => slot,
            None => {
                let fresh = || Arc::new(Slot::new(now));
                self.known.entry(key).or_insert_with_if(fresh, is_stale).into_value()
            }
        };
        let failures = slot.failures.load(Ordering::Acquire);
        let mut asked = pin!(asked);
        let waited = slot.answer.get_or_try_init(|| async {
            if slot.failures.load(Ordering::Acquire) != failures {
                return Err(None);
            }
            asked.as_mut().await.map(Arc::new).map_err(|error| {
                slot.failures.fetch_add(1, Ordering::Release);
                Some(error)
            })
        });
        match waited.await {
            Ok(answer) => Ok(Arc::clone(answer)),
            Err(Some(error)) => Err(error),
            Err(None) => {
                let answer = Arc::new(asked.await?);
                // for those who come later; it is no loss when another was faster
                let _ = slot.answer.set(Arc::clone(&answer));
                Ok(answer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rpc::Fault;

    use super::*;

    const AGE: Duration = Duration::from_secs(2);

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_are_told_the_same_one_answer() {
        let remembered: Remembered<&str, u32> = Remembered::new(10, AGE);
        let asked = AtomicU64::new(0);
        let ask = || {
            remembered.get("a", testkit::BEGIN, async {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok::<_, Fault>(7)
            })
        };
        let (a, b, c) = futures::join!(ask(), ask(), ask());
        assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap()), (7, 7, 7));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn those_who_waited_for_a_failure_ask_at_the_same_time_and_a_success_is_remembered() {
        let remembered: Remembered<&str, u32> = Remembered::new(10, AGE);
        let counts = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
        let [asked, asking, most] = &counts;
        let ask = |answer: Result<u32, ()>| {
            remembered.get("a", testkit::BEGIN, async move {
                asked.fetch_add(1, Ordering::SeqCst);
                let now = asking.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                asking.fetch_sub(1, Ordering::SeqCst);
                answer
            })
        };
        let crowd = [Err(()), Err(()), Ok(7), Err(()), Err(())].map(ask);
        let told = futures::future::join_all(crowd).await;
        let told: Vec<_> = told.into_iter().map(|t| t.map(|n| *n)).collect();
        assert_eq!(told, [Err(()), Err(()), Ok(7), Err(()), Err(())]);
        assert_eq!(most.load(Ordering::SeqCst), 4, "one went first, then all others at once");
        assert_eq!(*ask(Ok(9)).await.unwrap(), 7);
        assert_eq!(asked.load(Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn who_comes_after_a_failure_waits_for_one_who_asks_again() {
        let remembered: Remembered<&str, u32> = Remembered::new(10, AGE);
        let asked = &AtomicU64::new(0);
        let ask = |answer: Result<u32, ()>| {
            remembered.get("a", testkit::BEGIN, async move {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                answer
            })
        };
        assert!(ask(Err(())).await.is_err());
        let (a, b) = futures::join!(ask(Ok(1)), ask(Ok(2)));
        assert_eq!((*a.unwrap(), *b.unwrap()), (1, 1));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_answer_is_forgotten_in_time_and_a_failure_at_once() {
        let remembered: Remembered<&str, u32> = Remembered::new(10, AGE);
        let tell = async |now, answer: Result<u32, ()>| {
            remembered.get("a", now, async { answer }).await.map(|n| *n)
        };
        let begin = testkit::BEGIN;
        assert_eq!(tell(begin, Err(())).await, Err(()));
        assert_eq!(tell(begin, Ok(1)).await, Ok(1));
        let late = begin.plus(AGE - Duration::from_micros(1));
        assert_eq!(tell(late, Ok(2)).await, Ok(1));
        assert_eq!(tell(begin.plus(AGE), Ok(3)).await, Ok(3));
        assert_eq!(tell(begin, Ok(4)).await, Ok(4), "a clock that stepped back makes it stale");
    }
}
