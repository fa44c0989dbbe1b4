//! Who waits in this process for which lock, in the sequence in which they came. Only the first of a line asks the
//! database again: when the holder has let go, or after a while, because the holder may be known to another process
//! only. Nothing here is needed for correctness.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rpc::Xid;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

type Hash = [u8; 16];

#[derive(Default)]
pub(super) struct Lines(Mutex<State>);

#[derive(Default)]
struct State {
    queues: BTreeMap<Hash, Queue>,
    /// Which locks with a line a transaction holds.
    held: BTreeMap<String, BTreeSet<Hash>>,
}

#[derive(Default)]
struct Queue {
    holder: Option<String>,
    line: VecDeque<Arc<Notify>>,
}

impl State {
    fn set_holder(&mut self, hash: Hash, holder: Option<&Xid>) {
        let Some(queue) = self.queues.get_mut(&hash) else { return };
        let new = holder.map(|x| x.0.clone());
        let old = std::mem::replace(&mut queue.holder, new.clone());
        if old == new {
            return;
        }
        if let Some(old) = old
            && let Some(hashes) = self.held.get_mut(&old)
        {
            hashes.remove(&hash);
            if hashes.is_empty() {
                self.held.remove(&old);
            }
        }
        if let Some(new) = new {
            self.held.entry(new).or_default().insert(hash);
        }
    }

    fn call_first(&self, hash: &Hash) {
        if let Some(first) = self.queues.get(hash).and_then(|q| q.line.front()) {
            first.notify_one();
        }
    }
}

impl Lines {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of these locks for which somebody waits already: who comes now stands behind him.
    pub(super) fn somebody_waits(&self, hashes: impl IntoIterator<Item = Hash>) -> Option<Hash> {
        let state = self.state();
        if state.queues.is_empty() {
            return None;
        }
        hashes.into_iter().find(|hash| state.queues.contains_key(hash))
    }

    /// Stands at the end of the line of a lock.
    pub(super) fn stand(&self, hash: Hash) -> Place<'_> {
        let bell = Arc::new(Notify::new());
        self.state().queues.entry(hash).or_default().line.push_back(Arc::clone(&bell));
        Place { lines: self, hash, bell, has_taken: false }
    }

    /// These locks belong to a transaction now.
    pub(super) fn taken(&self, xid: &Xid, hashes: impl IntoIterator<Item = Hash>) {
        let mut state = self.state();
        if state.queues.is_empty() {
            return;
        }
        for hash in hashes {
            state.set_holder(hash, Some(xid));
        }
    }

    /// A transaction has let go of all its locks.
    pub(super) fn released(&self, xid: &Xid) {
        let mut state = self.state();
        for hash in state.held.remove(&xid.0).unwrap_or_default() {
            if let Some(queue) = state.queues.get_mut(&hash) {
                queue.holder = None;
            }
            state.call_first(&hash);
        }
    }
}

/// A place in a line, left when it is dropped: then the next one is called, unless the lock was taken.
pub(super) struct Place<'a> {
    lines: &'a Lines,
    hash: Hash,
    bell: Arc<Notify>,
    has_taken: bool,
}

impl Place<'_> {
    pub(super) const fn hash(&self) -> Hash {
        self.hash
    }

    /// Remembers who has the lock.
    pub(super) fn held_by(&self, holder: Option<&Xid>) {
        self.lines.state().set_holder(self.hash, holder);
    }

    fn is_first(&self) -> bool {
        let state = self.lines.state();
        let first = state.queues.get(&self.hash).and_then(|q| q.line.front());
        first.is_some_and(|first| Arc::ptr_eq(first, &self.bell))
    }

    /// Waits until called, or until it is time to look oneself, which is for the first of the line only. `false` when
    /// `until` has come.
    pub(super) async fn wait(&self, look: impl Fn() -> Instant, until: Instant) -> bool {
        loop {
            let is_first = self.is_first();
            if timeout_at(look().min(until), self.bell.notified()).await.is_ok() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            if is_first {
                return true;
            }
        }
    }

    /// The lock is ours; who comes next is called when it is released.
    pub(super) fn leave_with_lock(mut self) {
        self.has_taken = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.lines.state();
        let Some(queue) = state.queues.get_mut(&self.hash) else { return };
        let was_first = queue.line.front().is_some_and(|f| Arc::ptr_eq(f, &self.bell));
        queue.line.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
        if queue.line.is_empty() {
            state.set_holder(self.hash, None);
            state.queues.remove(&self.hash);
        } else if was_first && !self.has_taken {
            state.call_first(&self.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn xid(name: &str) -> Xid {
        Xid(name.to_owned())
    }

    async fn is_called(place: &Place<'_>) -> bool {
        let soon = Instant::now() + Duration::from_millis(1);
        timeout_at(soon, place.bell.notified()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_lock_calls_the_first_of_its_line_and_nobody_else() {
        let lines = Lines::default();
        let (a, b) = (lines.stand([1; 16]), lines.stand([1; 16]));
        a.held_by(Some(&xid("x")));
        lines.released(&xid("y"));
        assert!(!is_called(&a).await && !is_called(&b).await);
        lines.released(&xid("x"));
        assert!(is_called(&a).await && !is_called(&b).await);
        lines.taken(&xid("z"), [[1; 16]]);
        a.leave_with_lock();
        assert!(!is_called(&b).await);
        lines.released(&xid("z"));
        assert!(is_called(&b).await);
        drop(b);
        assert!(lines.state().queues.is_empty() && lines.state().held.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_calls_the_next() {
        let lines = Lines::default();
        let (a, b) = (lines.stand([1; 16]), lines.stand([1; 16]));
        assert_eq!(lines.somebody_waits([[2; 16], [1; 16]]), Some([1; 16]));
        drop(a);
        assert!(is_called(&b).await);
        drop(b);
        assert_eq!(lines.somebody_waits([[1; 16]]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_first_looks_by_himself_and_all_give_up_in_time() {
        let lines = Lines::default();
        let (a, b) = (lines.stand([1; 16]), lines.stand([1; 16]));
        let until = Instant::now() + Duration::from_secs(1);
        let look = || Instant::now() + Duration::from_millis(20);
        assert!(a.wait(look, until).await);
        assert!(Instant::now() < until);
        assert!(!b.wait(look, until).await);
    }
}
