//! Who gets a connection, and which: so many are out at most, so many callers wait at most. It opens none
//! and knows no server.
//!
//! A connection is worth most to who works in the schema that it was used for last: its session is set, and the
//! server has planned the statements and read the catalogue for it. So whoever asks gets one of his schema,
//! else a new one while there may be more, else the one that was idle longest; and one that comes back goes to
//! the first who waits for its schema, unless that would pass over the front of the queue once too often.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

/// How often the first of the queue lets others pass.
const PASSES_MAX: u32 = 16;

/// A connection that nobody uses.
pub(super) trait Kept {
    /// The schema that it was used for last.
    fn schema(&self) -> &str;
    /// Whether it is past its time.
    fn is_over(&self, now: Instant) -> bool;
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The connections of a server, and who waits for one.
pub(super) struct Queue<K: Kept> {
    out_max: usize,
    waiting_max: usize,
    line: Mutex<Line<K>>,
}

struct Line<K: Kept> {
    /// The one that was idle longest comes first.
    idle: Vec<K>,
    out: usize,
    waiting: VecDeque<Waiting<K>>,
}

struct Waiting<K: Kept> {
    schema: String,
    passed: u32,
    send: oneshot::Sender<Permit<K>>,
}

/// The right to use a connection; given back when dropped, with the connection if it was put back.
pub(super) struct Permit<K: Kept> {
    queue: Arc<Queue<K>>,
    kept: Option<K>,
}

/// What a caller may do.
enum Turn<K> {
    Use(K),
    Open,
}

impl<K: Kept> Queue<K> {
    pub(super) fn new(out_max: usize, waiting_max: usize) -> Self {
        let line = Line { idle: Vec::new(), out: 0, waiting: VecDeque::new() };
        Self { out_max: out_max.max(1), waiting_max, line: Mutex::new(line) }
    }

    /// Waits for its turn.
    pub(super) async fn acquire(self: &Arc<Self>, schema: &str) -> Result<Permit<K>, Full> {
        let turn = {
            let mut line = self.line();
            match line.turn(schema, self.out_max) {
                Some(turn) => return Ok(self.permit(turn)),
                None => line.queue(schema, self.waiting_max)?,
            }
        };
        turn.await.map_err(|_| Full)
    }

    /// Whether a connection is idle.
    pub(super) fn has_idle(&self) -> bool {
        !self.line().idle.is_empty()
    }

    /// Forgets the connections that are idle.
    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut self.line().idle);
        drop(idle);
    }

    fn permit(self: &Arc<Self>, turn: Turn<K>) -> Permit<K> {
        let kept = match turn {
            Turn::Use(kept) => Some(kept),
            Turn::Open => None,
        };
        Permit { queue: Arc::clone(self), kept }
    }

    /// One is no longer out; whoever is next gets his turn.
    fn back(self: &Arc<Self>, kept: Option<K>) {
        let mut unwanted = Vec::new();
        let mut line = self.line();
        line.out -= 1;
        let schema = kept.as_ref().map(|kept| kept.schema().to_owned());
        line.idle.extend(kept);
        while line.out < self.out_max {
            let Some(next) = line.next(schema.as_deref()) else { break };
            let Some(turn) = line.turn(&next.schema, self.out_max) else { break };
            // who has left at this very moment
            unwanted.extend(next.send.send(self.permit(turn)).err());
        }
        drop(line);
        // only now: each takes the lock
        drop(unwanted);
    }

    fn line(&self) -> MutexGuard<'_, Line<K>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Kept> Line<K> {
    /// A turn for this schema, if one is free; it counts as out from now on.
    fn turn(&mut self, schema: &str, out_max: usize) -> Option<Turn<K>> {
        if self.out >= out_max {
            return None;
        }
        let now = Instant::now();
        self.idle.retain(|kept| !kept.is_over(now));
        let own = self.idle.iter().rposition(|kept| kept.schema() == schema);
        let turn = match own {
            Some(at) => Turn::Use(self.idle.remove(at)),
            None if self.out + self.idle.len() < out_max => Turn::Open,
            None => Turn::Use(self.idle.remove(0)),
        };
        self.out += 1;
        Some(turn)
    }

    fn queue(
        &mut self,
        schema: &str,
        waiting_max: usize,
    ) -> Result<oneshot::Receiver<Permit<K>>, Full> {
        if self.waiting.len() >= waiting_max {
            self.waiting.retain(|w| !w.send.is_closed());
        }
        if self.waiting.len() >= waiting_max {
            return Err(Full);
        }
        let (send, receive) = oneshot::channel();
        self.waiting.push_back(Waiting { schema: schema.to_owned(), passed: 0, send });
        Ok(receive)
    }

    /// Who gets what came back from this schema.
    fn next(&mut self, schema: Option<&str>) -> Option<Waiting<K>> {
        while self.waiting.front().is_some_and(|w| w.send.is_closed()) {
            self.waiting.pop_front();
        }
        let front = self.waiting.front_mut()?;
        let Some(schema) = schema.filter(|s| *s != front.schema) else {
            return self.waiting.pop_front();
        };
        if front.passed >= PASSES_MAX {
            return self.waiting.pop_front();
        }
        front.passed += 1;
        let own = self.waiting.iter().position(|w| w.schema == schema && !w.send.is_closed());
        self.waiting.remove(own.unwrap_or(0))
    }
}

impl<K: Kept> Permit<K> {
    /// The connection to use; without one, one may be opened.
    pub(super) fn take(&mut self) -> Option<K> {
        self.kept.take()
    }

    /// Puts a connection back that is in order.
    pub(super) fn put(mut self, kept: K) {
        self.kept = Some(kept);
    }
}

impl<K: Kept> Drop for Permit<K> {
    fn drop(&mut self) {
        self.queue.back(self.kept.take());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Line(u32, &'static str);

    impl Kept for Line {
        fn schema(&self) -> &str {
            self.1
        }

        fn is_over(&self, _now: Instant) -> bool {
            false
        }
    }

    fn queue(out: usize, waiting: usize) -> Arc<Queue<Line>> {
        Arc::new(Queue::new(out, waiting))
    }

    fn now(queue: &Arc<Queue<Line>>, schema: &str) -> Option<Permit<Line>> {
        queue.acquire(schema).now_or_never().and_then(Result::ok)
    }

    #[test]
    fn whoever_asks_gets_a_connection_of_his_schema_else_a_new_one_else_the_longest_idle() {
        let queue = queue(3, 9);
        for (n, schema) in [(1, "a"), (2, "b")] {
            let mut new = now(&queue, schema).unwrap();
            assert_eq!(new.take(), None, "nothing is idle for {schema}");
            new.put(Line(n, schema));
        }
        let mut again = now(&queue, "a").unwrap();
        assert_eq!(again.take(), Some(Line(1, "a")));
        again.put(Line(1, "a"));
        let mut third = now(&queue, "c").unwrap();
        assert_eq!(third.take(), None, "there may be three");
        third.put(Line(3, "c"));
        assert_eq!(now(&queue, "d").unwrap().take(), Some(Line(2, "b")), "idle longest");
    }

    #[test]
    fn no_more_are_out_and_wait_than_may() {
        let queue = queue(1, 1);
        let first = now(&queue, "a").unwrap();
        let mut second = pin!(queue.acquire("a"));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(queue.acquire("a").now_or_never().unwrap().err(), Some(Full));
        first.put(Line(1, "a"));
        let mut second = second.now_or_never().unwrap().unwrap();
        assert_eq!(second.take(), Some(Line(1, "a")));
    }

    #[test]
    fn what_comes_back_goes_to_who_waits_for_its_schema_but_nobody_waits_for_ever() {
        let queue = queue(1, 99);
        let mut held = now(&queue, "a").unwrap();
        let mut other = Box::pin(queue.acquire("b"));
        assert!(other.as_mut().now_or_never().is_none());
        let mut passed = 0;
        loop {
            let mut same = Box::pin(queue.acquire("a"));
            assert!(same.as_mut().now_or_never().is_none());
            held.put(Line(1, "a"));
            match same.as_mut().now_or_never() {
                Some(next) => held = next.unwrap(),
                None => break,
            }
            assert_eq!(held.take(), Some(Line(1, "a")));
            passed += 1;
        }
        assert_eq!(passed, PASSES_MAX);
        assert_eq!(other.now_or_never().unwrap().unwrap().take(), Some(Line(1, "a")));
    }

    #[test]
    fn who_leaves_the_queue_takes_nothing_along() {
        let queue = queue(1, 9);
        let held = now(&queue, "a").unwrap();
        let mut left = Box::pin(queue.acquire("a"));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        let mut stays = Box::pin(queue.acquire("a"));
        assert!(stays.as_mut().now_or_never().is_none());
        held.put(Line(1, "a"));
        // it was given its turn, and leaves before it looks
        drop(stays);
        assert_eq!(now(&queue, "a").unwrap().take(), Some(Line(1, "a")));
    }

    #[test]
    fn a_connection_that_broke_leaves_room_for_a_new_one() {
        let queue = queue(1, 9);
        let mut held = now(&queue, "a").unwrap();
        held.put(Line(1, "a"));
        held = now(&queue, "a").unwrap();
        assert_eq!(held.take(), Some(Line(1, "a")));
        drop(held);
        assert_eq!(now(&queue, "a").unwrap().take(), None);
    }
}
