//! When so much of TCP comes to a host that most of it is not recorded.

use std::io;
use std::time::Duration;

use super::filter::ONE_OF_A_RUSH;
use super::frame::since_1970;

/// A round: from one time that the sockets are emptied to the next. What comes meanwhile wakes nobody.
pub(super) const ROUND: Duration = Duration::from_millis(10);

/// So many segments in one round that carry connections on are a rush: what is bulk, and a fraction of what an unprivileged socket has room for.
pub(super) const MANY: usize = 128;

/// So many rounds of a rush are judged together: whoever fills a host with segments gets no processor for one or two where others want it, too.
pub(super) const TOGETHER: u32 = 5;

/// Whether a host is in a rush, by how many segments were recorded that carry connections on.
#[derive(Debug, Default)]
pub(super) struct Rush {
    /// In this round, or in those that are judged together.
    segments: usize,
    is_now: bool,
    /// How many have ended since one was judged.
    rounds: u32,
    when: Rushed,
}

/// When a host was in a rush: from the beginning of the first to the end of the last, since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rushed(Option<(Duration, Duration)>);

impl Rush {
    pub(super) fn count(&mut self) {
        self.segments += 1;
    }

    /// Ends a round. Where a rush begins or ends by how much came in it, `record_all` is called with whether all is recorded from now on.
    ///
    /// # Errors
    /// Those of `record_all`: then it is as before.
    pub(super) fn end_round(&mut self, record_all: impl FnOnce(bool) -> io::Result<()>) -> io::Result<()> {
        self.rounds += 1;
        if self.is_now && self.rounds < TOGETHER {
            return Ok(());
        }
        self.rounds = 0;
        // It is over when no more came in all these rounds than are no rush in one, by what was let through of them: where few more come it is over soon, by chance.
        let each_stands_for = if self.is_now { ONE_OF_A_RUSH as usize } else { 1 };
        let is_now = std::mem::take(&mut self.segments) * each_stands_for > MANY;
        if !is_now && !self.is_now {
            return Ok(());
        }
        let began = since_1970();
        if is_now != self.is_now {
            record_all(!is_now)?;
        }
        self.is_now = is_now;
        self.when.goes_on(began);
        Ok(())
    }

    /// Whether there is to be another round, whatever comes.
    pub(super) fn is_now(&self) -> bool {
        self.is_now
    }

    /// When it was until now.
    pub(super) fn when(&mut self) -> Rushed {
        if self.is_now() {
            self.when.goes_on(since_1970());
        }
        self.when.clone()
    }
}

/// How long a packet is under way from one host to the next, usually: the next may be in a rush by then.
const UNDER_WAY: Duration = Duration::from_secs(1);

impl Rushed {
    /// Until now. If it is the first, it began then.
    fn goes_on(&mut self, began: Duration) {
        let (_, end) = self.0.get_or_insert((began, began));
        *end = since_1970();
    }

    #[cfg(test)]
    pub(crate) fn at(moment: Duration) -> Self {
        Self(Some((moment, moment)))
    }

    /// Whether there was one.
    pub(super) fn was_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whether there was one between two times, or since a time.
    pub(crate) fn was_between(&self, since: Duration, until: Option<Duration>) -> bool {
        self.0.is_some_and(|(began, ended)| since <= ended && until.is_none_or(|until| began <= until))
    }

    /// Whether a packet that was seen at a time may have gone unseen then, or soon after.
    pub(crate) fn concerns(&self, seen: Duration) -> bool {
        self.was_between(seen, Some(seen + UNDER_WAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends a round of so many segments, and says what is changed, and whether it is a rush.
    fn round(rush: &mut Rush, segments: usize) -> (Option<bool>, bool) {
        let mut changed = None;
        (0..segments).for_each(|_| rush.count());
        rush.end_round(|all| {
            changed = Some(all);
            Ok(())
        })
        .unwrap();
        (changed, rush.is_now())
    }

    /// Each of the rounds that are judged together has so many.
    fn rounds(rush: &mut Rush, segments: [usize; TOGETHER as usize]) -> (Option<bool>, bool) {
        let [first @ .., last] = segments;
        for some in first {
            assert_eq!(round(rush, some), (None, true));
        }
        round(rush, last)
    }

    #[test]
    fn it_begins_with_many_and_ends_with_few() {
        let mut rush = Rush::default();
        assert_eq!(round(&mut rush, MANY), (None, false));
        assert!(!rush.when().was_there());
        assert_eq!(round(&mut rush, MANY + 1), (Some(false), true));
        assert_eq!(rounds(&mut rush, [0, 0, 0, 2, 0]), (None, true));
        assert_eq!(rounds(&mut rush, [2, 0, 0, 0, 0]), (None, true));
        assert_eq!(rounds(&mut rush, [0, 0, 0, 1, 0]), (Some(true), false));
        assert!(rush.when().was_there());
    }

    #[test]
    fn what_cannot_be_changed_stays() {
        let mut rush = Rush::default();
        let cannot = |rush: &mut Rush, segments| {
            (0..segments).for_each(|_| rush.count());
            rush.end_round(|_| Err(io::ErrorKind::OutOfMemory.into())).unwrap_err();
            rush.is_now()
        };
        assert!(!cannot(&mut rush, MANY + 1));
        assert!(!rush.when().was_there());
        round(&mut rush, MANY + 1);
        for _ in 1..TOGETHER {
            assert_eq!(round(&mut rush, 0), (None, true));
        }
        assert!(cannot(&mut rush, 1));
        assert_eq!(rounds(&mut rush, [0; 5]), (Some(true), false));
    }

    #[test]
    fn it_is_from_the_first_time_to_the_last() {
        let mut when = Rushed::default();
        let now = since_1970();
        assert_eq!((when.was_there(), when.concerns(now), when.was_between(now, None)), (false, false, false));
        when.goes_on(now);
        when.goes_on(now + Duration::from_secs(9));
        let before = |by: Duration| now.checked_sub(by).unwrap();
        let hour = Duration::from_secs(3600);
        let seen = [before(hour), before(UNDER_WAY / 2), now, now + hour];
        assert_eq!(seen.map(|seen| when.concerns(seen)), [false, true, true, false]);
        assert_eq!([before(hour), now, now + hour].map(|since| when.was_between(since, None)), [true, true, false]);
        assert!(!when.was_between(before(2 * hour), Some(before(hour))));
    }
}
