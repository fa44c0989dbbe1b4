//! What waits in one queue's hands, by what is kept in order: one thing of a lane is under way at a time, and
//! lanes do not wait for one another. Pure.

use std::collections::{HashMap, VecDeque};

use crate::names::Key;

struct Lane<T> {
    waiting: VecDeque<T>,
    busy: bool,
}

/// The lanes. A lane is there as long as something of it is waiting or under way.
pub(crate) struct Lanes<T> {
    lanes: HashMap<Key, Lane<T>>,
    /// Lanes that wait for nothing, in the sequence in which they came to.
    ready: VecDeque<Key>,
}

impl<T> Lanes<T> {
    pub(crate) fn new() -> Self {
        Self { lanes: HashMap::new(), ready: VecDeque::new() }
    }

    /// Behind everything of its lane.
    pub(crate) fn push(&mut self, key: Key, item: T) {
        let lane = self.lanes.entry(key.clone());
        let lane = lane.or_insert_with(|| Lane { waiting: VecDeque::new(), busy: false });
        lane.waiting.push_back(item);
        if !lane.busy && lane.waiting.len() == 1 {
            self.ready.push_back(key);
        }
    }

    /// The first of a lane that is ready and whose first thing is wanted. The lane is busy until
    /// [`Lanes::done`] or [`Lanes::again`].
    pub(crate) fn take(&mut self, wanted: impl Fn(&T) -> bool) -> Option<(Key, T)> {
        let lanes = &self.lanes;
        let first = |key: &Key| lanes.get(key).and_then(|lane| lane.waiting.front());
        let at = self.ready.iter().position(|key| first(key).is_some_and(&wanted))?;
        let key = self.ready.remove(at)?;
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.waiting.pop_front()?;
        lane.busy = true;
        Some((key, item))
    }

    /// What was under way is over.
    pub(crate) fn done(&mut self, key: &Key) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.waiting.is_empty() {
            self.lanes.remove(key);
            return;
        }
        lane.busy = false;
        self.ready.push_back(key.clone());
    }

    /// What was under way is not over, and these come next.
    pub(crate) fn again(&mut self, key: &Key, items: Vec<T>) {
        if let Some(lane) = self.lanes.get_mut(key) {
            for item in items.into_iter().rev() {
                lane.waiting.push_front(item);
            }
        }
        self.done(key);
    }

    /// Takes what waits first out of a lane that is busy, up to and including what `last` says.
    pub(crate) fn take_through(&mut self, key: &Key, last: impl Fn(&T) -> bool) -> Vec<T> {
        let Some(lane) = self.lanes.get_mut(key) else { return Vec::new() };
        let count = lane.waiting.iter().position(last).map_or(0, |at| at + 1);
        lane.waiting.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(aggregate_id: i64) -> Key {
        let (source, aggregate_type) = ("things".to_owned(), "thing".to_owned());
        Key { tenant: "flora".parse().unwrap(), source, aggregate_type, aggregate_id, timer: None }
    }

    fn next(lanes: &mut Lanes<u32>) -> Option<(i64, u32)> {
        lanes.take(|_| true).map(|(key, item)| (key.aggregate_id, item))
    }

    #[test]
    fn one_of_a_lane_is_under_way_and_other_lanes_do_not_wait() {
        let mut lanes = Lanes::new();
        for (id, item) in [(1, 10), (1, 11), (2, 20), (1, 12)] {
            lanes.push(key(id), item);
        }
        assert_eq!((next(&mut lanes), next(&mut lanes)), (Some((1, 10)), Some((2, 20))));
        assert_eq!(next(&mut lanes), None);
        lanes.done(&key(1));
        assert_eq!(next(&mut lanes), Some((1, 11)));
        lanes.again(&key(1), vec![11]);
        assert_eq!(next(&mut lanes), Some((1, 11)));
        lanes.done(&key(1));
        lanes.done(&key(2));
        assert_eq!(next(&mut lanes), Some((1, 12)));
        lanes.done(&key(1));
        assert!(lanes.lanes.is_empty() && lanes.ready.is_empty());
    }

    #[test]
    fn what_comes_in_between_comes_before_what_waits() {
        let mut lanes = Lanes::new();
        lanes.push(key(1), 0);
        lanes.push(key(1), 9);
        assert_eq!(next(&mut lanes), Some((1, 0)));
        lanes.again(&key(1), vec![1, 2, 3]);
        assert_eq!(next(&mut lanes), Some((1, 1)));
        assert_eq!(lanes.take_through(&key(1), |item| *item == 3), [2, 3]);
        assert!(lanes.take_through(&key(1), |item| *item == 3).is_empty());
        lanes.done(&key(1));
        assert_eq!(next(&mut lanes), Some((1, 9)));
    }

    #[test]
    fn only_what_is_wanted_is_taken() {
        let mut lanes = Lanes::new();
        lanes.push(key(1), 1);
        lanes.push(key(2), 2);
        assert_eq!(lanes.take(|item| *item == 2).map(|(_, item)| item), Some(2));
        assert_eq!(lanes.take(|item| *item == 2), None);
        assert_eq!(next(&mut lanes), Some((1, 1)));
    }
}
