//! A deadline for which time can stand still.

use std::time::{Duration, Instant};

/// When something has to be over, unless its clock is stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    /// Since when its clock has been stopped.
    stopped: Option<Instant>,
}

impl Deadline {
    /// One whose clock goes.
    pub(super) fn at(at: Instant) -> Self {
        Self { at, stopped: None }
    }

    /// The time that is left; none while the clock is stopped.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        self.stopped.is_none().then(|| self.at.saturating_duration_since(now))
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Stops the clock, unless it is stopped.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stopped.get_or_insert(now);
    }

    /// Has it go on with as much time as was left.
    pub(super) fn go_on(&mut self, now: Instant) {
        if let Some(since) = self.stopped.take() {
            self.at += now.saturating_duration_since(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_passes_while_it_is_stopped() {
        let second = Duration::from_secs(1);
        let begun = Instant::now();
        let mut deadline = Deadline::at(begun + 10 * second);
        assert_eq!(deadline.left(begun + second), Some(9 * second));
        deadline.stop(begun + 2 * second);
        deadline.stop(begun + 50 * second);
        assert_eq!(deadline.left(begun + 100 * second), None);
        deadline.go_on(begun + 100 * second);
        deadline.go_on(begun + 101 * second);
        assert_eq!(deadline.left(begun + 101 * second), Some(7 * second));
        assert_eq!(deadline.left(begun + 200 * second), Some(Duration::ZERO));
    }
}
