//! When so much came that most of what carries connections on was not recorded.

use std::time::Duration;

use super::frame::since_1970;

/// From the first time that a host of a lab was in a rush to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rush(Option<(Duration, Duration)>);

/// How long a packet may be under way from one host to the next: the next may be in a rush by then.
const UNDER_WAY: Duration = Duration::from_secs(1);

impl Rush {
    /// It goes on now. If it is the first, it began then.
    pub(super) fn goes_on(&mut self, began: Duration) {
        let (_, end) = self.0.get_or_insert((began, began));
        *end = since_1970();
    }

    /// Whether there was one.
    pub(super) fn was_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a packet that was seen at a time may have gone unseen then, or afterwards.
    pub(crate) fn concerns(&self, seen: Duration) -> bool {
        self.0.is_some_and(|(began, ended)| began.saturating_sub(UNDER_WAY) <= seen && seen <= ended)
    }

    /// Whether it went on behind a time.
    pub(crate) fn was_there_since(&self, time: Duration) -> bool {
        self.0.is_some_and(|(_, ended)| time <= ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_from_the_first_time_to_the_last() {
        let mut rush = Rush::default();
        let now = since_1970();
        assert_eq!((rush.was_there(), rush.concerns(now), rush.was_there_since(now)), (false, false, false));
        rush.goes_on(now);
        rush.goes_on(now + Duration::from_secs(9));
        let before = |by: Duration| now.checked_sub(by).unwrap();
        let hour = Duration::from_secs(3600);
        let seen = [before(hour), before(UNDER_WAY / 2), now, now + hour];
        assert_eq!(seen.map(|seen| rush.concerns(seen)), [false, true, true, false]);
        assert_eq!([before(hour), now, now + hour].map(|time| rush.was_there_since(time)), [true, true, false]);
    }
}
