//! What is to be done later.
//!
//! A heap: two frames that are due at the same time come out in the order in which they went in. A wheel of timers would be faster for millions of
//! them; there are as many as frames are under way, thousands at most, and a heap is exact to the nanosecond.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pipe::Nanoseconds;

/// Things that are to be done later.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    number: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Nanoseconds,
    number: u64,
    what: T,
}

impl<T> Schedule<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), number: 0 }
    }

    pub(super) fn add(&mut self, at: Nanoseconds, what: T) {
        self.number += 1;
        self.heap.push(Reverse(Entry { at, number: self.number, what }));
    }

    /// When the first of them is due.
    pub(super) fn first(&self) -> Option<Nanoseconds> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// The first of them, if it is due.
    pub(super) fn take(&mut self, now: Nanoseconds) -> Option<T> {
        if self.first()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.what)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_first_and_of_equals_the_one_that_was_first() {
        let mut schedule = Schedule::new();
        for (at, what) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b'), (9, 'e')] {
            schedule.add(at, what);
        }
        assert_eq!(schedule.first(), Some(3));
        assert_eq!(std::iter::from_fn(|| schedule.take(5)).collect::<String>(), "abcd");
        assert_eq!((schedule.take(8), schedule.first()), (None, Some(9)));
    }
}
