//! Answers that are remembered for a moment: of those who ask for the same at the same time only one does
//! the work, and who comes a little later is told the same. Bounded in number and age; failures are not
//! remembered.
//!
//! It must not be used for what decides something (a price to be paid, stock to be taken), and knows
//! nobody's rights: who may not ask must be refused before.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use kit::Timestamp;
use moka::sync::Cache;
use tokio::sync::OnceCell;

/// An answer with the time at which it was first asked for; empty until it comes.
struct Slot<T> {
    at: Timestamp,
    answer: OnceCell<Arc<T>>,
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
    /// answer, and asks himself if it fails.
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
                let fresh = || Arc::new(Slot { at: now, answer: OnceCell::new() });
                self.known.entry(key).or_insert_with_if(fresh, is_stale).into_value()
            }
        };
        let answer = slot.answer.get_or_try_init(async || asked.await.map(Arc::new)).await?;
        Ok(Arc::clone(answer))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

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
