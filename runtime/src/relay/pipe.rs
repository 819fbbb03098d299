//! One impairment in one direction: what becomes of each frame that crosses it.

use std::collections::VecDeque;
use std::fmt;

use netns_test_topology::{DEFAULT_LIMIT, Distribution, Impairment, Loss, Percent};

use super::dice::Dice;
use super::tell;

/// A point in time, or a span of it, in nanoseconds of the monotonic clock.
pub(super) type Nanoseconds = u64;

/// What a pipe has to know of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing {
    /// Bytes of the frame.
    pub(super) length: usize,
    /// Bytes of the packet in it.
    pub(super) packet_length: usize,
    /// Whether it is what kernels say among themselves ([`View::is_of_neighbours`](super::frame::View::is_of_neighbours)).
    pub(super) is_of_neighbours: bool,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It never arrives.
    Gone,
    /// It arrives.
    Arrives {
        at: Nanoseconds,
        /// And once more.
        again: Option<Nanoseconds>,
        /// With a bit flipped: a number that says which.
        flipped: Option<u64>,
    },
}

/// How many frames of a pipe came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Frames that came in.
    pub(crate) frames: u64,
    pub(crate) lost: u64,
    /// Those that were larger than a path MTU black hole lets through.
    pub(crate) too_large: u64,
    /// Those that found no room among those that wait for the rate.
    pub(crate) overflowed: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) corrupted: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { frames, lost, too_large, overflowed, duplicated, reordered, corrupted } = other;
        self.frames += frames;
        self.lost += lost;
        self.too_large += too_large;
        self.overflowed += overflowed;
        self.duplicated += duplicated;
        self.reordered += reordered;
        self.corrupted += corrupted;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, lost, too_large, overflowed, duplicated, reordered, corrupted } = self;
        write!(f, "{frames} frames")?;
        tell(
            f,
            &[
                (*lost, "lost"),
                (*too_large, "too large"),
                (*overflowed, "found no room"),
                (*duplicated, "sent twice"),
                (*reordered, "not delayed"),
                (*corrupted, "corrupted"),
            ],
        )
    }
}

/// One impairment in one direction.
#[derive(Debug)]
pub(super) struct Pipe {
    impairment: Impairment,
    /// For what neighbours say, which depends on when kernels like to say it, and for everything else: so what the test sends meets the same
    /// fate each time.
    dice: [Dice; 2],
    /// When the frames that wait for the rate will have been sent.
    leaving: VecDeque<Nanoseconds>,
    counts: Counts,
}

impl Pipe {
    pub(super) fn new(impairment: Impairment, seed: u64) -> Self {
        let dice = [Dice::new(seed, 0), Dice::new(seed, 1)];
        Self { impairment, dice, leaving: VecDeque::new(), counts: Counts::default() }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What becomes of the next frame. All dice are thrown before the clock is looked at: what time it is changes none of them.
    pub(super) fn take(&mut self, now: Nanoseconds, passing: Passing) -> Fate {
        self.counts.frames += 1;
        let impairment = self.impairment;
        let dice = &mut self.dice[usize::from(passing.is_of_neighbours)];
        let lost = match impairment.loss {
            Loss::Independent(loss) => dice.hits(loss),
            Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good } => {
                dice.turn(good_to_bad, bad_to_good);
                dice.hits(if dice.is_bad { in_bad } else { in_good })
            }
            _ => unreachable!("there are no others"),
        };
        let again = dice.hits(impairment.duplicate);
        let flipped = dice.hits(impairment.corrupt).then(|| dice.number());
        let delays = [(); 2].map(|()| delay(&impairment, dice));
        let overtakes = dice.hits(impairment.reorder);
        if lost {
            self.counts.lost += 1;
            return Fate::Gone;
        }
        if impairment.mtu_black_hole.is_some_and(|mtu| passing.packet_length > mtu as usize) {
            self.counts.too_large += 1;
            return Fate::Gone;
        }
        let Some(sent) = self.send(now, passing.length) else {
            self.counts.overflowed += 1;
            return Fate::Gone;
        };
        self.counts.reordered += u64::from(overtakes);
        self.counts.corrupted += u64::from(flipped.is_some());
        let at = sent + if overtakes { 0 } else { delays[0] };
        // The copy is sent behind it, if there is room.
        let again = again.then(|| self.send(now, passing.length)).flatten().map(|sent| sent + delays[1]);
        self.counts.duplicated += u64::from(again.is_some());
        Fate::Arrives { at, again, flipped }
    }

    /// When a frame will have been sent at the rate, if it finds room among those that wait.
    fn send(&mut self, now: Nanoseconds, length: usize) -> Option<Nanoseconds> {
        let Some(rate) = self.impairment.rate else { return Some(now) };
        while self.leaving.front().is_some_and(|leaving| *leaving <= now) {
            self.leaving.pop_front();
        }
        // The one that is being sent does not wait.
        let limit = self.impairment.limit.unwrap_or(DEFAULT_LIMIT) as usize;
        if self.leaving.len() > limit {
            return None;
        }
        let takes = u128::try_from(length * 8).ok()? * 1_000_000_000 / u128::from(rate.bits_per_second());
        let sent = self.leaving.back().copied().unwrap_or(now) + u64::try_from(takes).ok()?;
        self.leaving.push_back(sent);
        Some(sent)
    }
}

fn delay(impairment: &Impairment, dice: &mut Dice) -> Nanoseconds {
    let whole = nanoseconds(impairment.delay);
    if impairment.jitter.is_zero() {
        return whole;
    }
    let deviation = match impairment.distribution {
        Distribution::Normal => dice.normal(),
        _ => dice.even(),
    };
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "at most a few hours")]
    let deviation = (nanoseconds(impairment.jitter) as f64 * deviation) as i64;
    whole.saturating_add_signed(deviation)
}

pub(super) fn nanoseconds(duration: std::time::Duration) -> Nanoseconds {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Dice {
    /// Becomes bad or good, before a frame.
    fn turn(&mut self, good_to_bad: Percent, bad_to_good: Percent) {
        if self.hits(if self.is_bad { bad_to_good } else { good_to_bad }) {
            self.is_bad = !self.is_bad;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use netns_test_topology::Rate;

    use super::*;

    const MS: Nanoseconds = 1_000_000;
    const FRAME: Passing = Passing { length: 1000, packet_length: 986, is_of_neighbours: false };

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn fates(impairment: Impairment, seed: u64, frames: usize) -> Vec<Fate> {
        let mut pipe = Pipe::new(impairment, seed);
        (0..frames).map(|_| pipe.take(0, FRAME)).collect()
    }

    fn arrivals(fates: &[Fate]) -> Vec<Nanoseconds> {
        fates.iter().filter_map(|fate| if let Fate::Arrives { at, .. } = fate { Some(*at) } else { None }).collect()
    }

    fn bad_weather() -> Impairment {
        Impairment::new()
            .delay(ms(10))
            .jitter(ms(5))
            .loss(Percent::new(10.0))
            .duplicate(Percent::new(5.0))
            .reorder(Percent::new(5.0))
            .corrupt(Percent::new(5.0))
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(fates(Impairment::new(), 1, 3), [Fate::Arrives { at: 0, again: None, flipped: None }; 3]);
    }

    #[test]
    fn the_same_seed_means_the_same_fates() {
        let first = fates(bad_weather(), 1, 10_000);
        assert_eq!(first, fates(bad_weather(), 1, 10_000));
        assert_ne!(first, fates(bad_weather(), 2, 10_000));
    }

    #[test]
    fn what_neighbours_say_changes_no_other_fate() {
        let mut pipe = Pipe::new(bad_weather(), 1);
        let mixed: Vec<_> = (0..1000)
            .map(|nth| {
                (0..nth % 3).for_each(|_| _ = pipe.take(0, Passing { is_of_neighbours: true, ..FRAME }));
                pipe.take(0, FRAME)
            })
            .collect();
        assert_eq!(mixed, fates(bad_weather(), 1, 1000));
    }

    #[test]
    fn neither_does_the_time_nor_a_full_queue() {
        let narrow =
            |limit| bad_weather().delay(ms(0)).reorder(Percent::ZERO).jitter(ms(0)).rate(Rate::mbit(8)).limit(limit);
        let gone_by_loss = |limit: u32, step: u64| {
            let mut pipe = Pipe::new(narrow(limit), 1);
            let lost = |pipe: &Pipe| pipe.counts.lost;
            (0..1000)
                .map(|nth| {
                    let before = lost(&pipe);
                    pipe.take(nth * step, FRAME);
                    lost(&pipe) > before
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(gone_by_loss(1, 0), gone_by_loss(1000, MS));
    }

    #[test]
    fn losses_are_as_many_as_said() {
        let lost =
            |percent: f64| 10_000 - arrivals(&fates(Impairment::new().loss(Percent::new(percent)), 7, 10_000)).len();
        assert_eq!((lost(0.0), lost(100.0)), (0, 10_000));
        // Four standard deviations.
        assert!((2817..=3183).contains(&lost(30.0)), "{}", lost(30.0));
        assert!((9860..=9940).contains(&lost(99.0)), "{}", lost(99.0));
    }

    #[test]
    fn bursts_are_as_long_as_said() {
        let gusty = Impairment::new().burst_loss(Percent::new(2.0), Percent::new(25.0));
        let gone: Vec<bool> = fates(gusty, 7, 100_000).iter().map(|fate| *fate == Fate::Gone).collect();
        let bursts: Vec<_> = gone.chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).collect();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let average = bursts.iter().sum::<usize>() as f64 / bursts.len() as f64;
        assert!((3.7..=4.3).contains(&average), "{average}");
        // p / (p + r) of all frames.
        let lost = gone.iter().filter(|gone| **gone).count();
        assert!((6500..=8300).contains(&lost), "{lost}");
    }

    #[test]
    fn jitter_is_distributed_as_said() {
        let around = |distribution| {
            let impairment = Impairment::new().delay(ms(100)).jitter(ms(10)).distribution(distribution);
            let mut delays = arrivals(&fates(impairment, 7, 10_000));
            delays.sort_unstable();
            delays
        };
        let even = around(Distribution::Uniform);
        assert!(even[0] >= 90 * MS && even[9999] <= 110 * MS, "{} {}", even[0], even[9999]);
        assert!((94..=96).contains(&(even[2500] / MS)) && (99..=101).contains(&(even[5000] / MS)));
        let normal = around(Distribution::Normal);
        // 15.9 % are below one standard deviation.
        assert!((89..=91).contains(&(normal[1587] / MS)) && (99..=101).contains(&(normal[5000] / MS)));
        assert!(normal[0] >= 60 * MS && normal[0] < 75 * MS && normal[9999] <= 140 * MS);
    }

    #[test]
    fn a_delay_is_never_less_than_nothing() {
        let impairment = Impairment::new().delay(ms(1)).jitter(ms(10));
        let delays = arrivals(&fates(impairment, 7, 1000));
        assert!(delays.contains(&0) && delays.iter().all(|delay| *delay <= 11 * MS));
    }

    #[test]
    fn a_rate_sends_one_frame_after_the_other_and_lets_so_many_wait() {
        // 1000 bytes take a millisecond.
        let mut pipe = Pipe::new(Impairment::new().rate(Rate::mbit(8)).limit(2), 1);
        let mut at = |now| match pipe.take(now, FRAME) {
            Fate::Arrives { at, .. } => Some(at),
            Fate::Gone => None,
        };
        assert_eq!([at(0), at(0), at(0), at(0)], [Some(MS), Some(2 * MS), Some(3 * MS), None]);
        assert_eq!([at(MS), at(MS)], [Some(4 * MS), None]);
        assert_eq!(at(100 * MS), Some(101 * MS));
        assert_eq!((pipe.counts.frames, pipe.counts.overflowed), (7, 2));
    }

    #[test]
    fn a_black_hole_swallows_what_is_too_large() {
        let mut pipe = Pipe::new(Impairment::new().mtu_black_hole(986), 1);
        assert_ne!(pipe.take(0, FRAME), Fate::Gone);
        assert_eq!(pipe.take(0, Passing { packet_length: 987, ..FRAME }), Fate::Gone);
        assert_eq!(pipe.counts.too_large, 1);
    }

    #[test]
    fn copies_overtakers_and_flips_are_as_many_as_counted() {
        let fates = fates(bad_weather().loss(Percent::ZERO).jitter(ms(0)), 7, 10_000);
        let count = |is: fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
        for (what, found) in [
            ("again", count(|fate| matches!(fate, Fate::Arrives { again: Some(_), .. }))),
            ("overtaking", count(|fate| matches!(fate, Fate::Arrives { at: 0, .. }))),
            ("flipped", count(|fate| matches!(fate, Fate::Arrives { flipped: Some(_), .. }))),
        ] {
            assert!((412..=588).contains(&found), "{what}: {found}");
        }
    }
}
