//! What a crossing of a segment does to frames: the words for bad links, and their quantities.

mod drawn;
mod presets;
mod quantity;

use std::fmt;
use std::time::Duration;

pub(crate) use drawn::written_time;
pub use drawn::{DrawnImpairment, ImpairmentPart};
pub use presets::PRESETS;
pub use quantity::{Percent, Rate};

/// What happens to the frames that cross a segment, or a part of it, in one direction.
///
/// All of it is per crossing: over `delay` 20 ms and `loss` 10 % a round trip takes 40 ms more, and survives with 0.9 × 0.9. The terms are
/// those of tc-netem(8).
///
/// ```
/// use netns_test_topology::{Impairment, Percent, Rate};
/// use std::time::Duration;
///
/// let line = Impairment::new().delay(Duration::from_millis(20)).loss(Percent::new(0.1)).rate(Rate::mbit(5));
/// assert_eq!(line.to_string(), "delay 20ms, loss 0.1%, rate 5mbit");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Impairment {
    /// How long a crossing takes.
    pub delay: Duration,
    /// How much longer or shorter it takes at random. Frames may overtake each other. It is never less than nothing.
    pub jitter: Duration,
    /// How the jitter is distributed.
    pub distribution: Distribution,
    /// Which frames are lost.
    pub loss: Loss,
    /// How many frames arrive twice.
    pub duplicate: Percent,
    /// How many frames are not delayed, and so overtake those before them.
    pub reorder: Percent,
    /// In how many frames a bit is flipped, somewhere behind the Ethernet header.
    pub corrupt: Percent,
    /// How fast frames are sent, their Ethernet headers counted; each waits for those before it.
    pub rate: Option<Rate>,
    /// How many frames may wait for the rate; [`DEFAULT_LIMIT`] if it is not said. What finds no room is dropped.
    pub limit: Option<u32>,
    /// Packets with more bytes than this disappear without an ICMP error (a path MTU black hole, RFC 2923 section 2.1).
    pub mtu_black_hole: Option<u32>,
}

/// How many frames wait for a rate if it is not said: netem's own.
pub const DEFAULT_LIMIT: u32 = 1000;

/// The longest jitter of [`Engine::Kernel`]: netem makes anything longer this long, without a word.
pub const MOST_JITTER: Duration = Duration::from_nanos(i32::MAX as u64);

/// The longest delay, and the most jitter.
pub const MOST_DELAY: Duration = Duration::from_secs(60 * 60);

/// How jitter is distributed around the delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distribution {
    /// Evenly, from the delay less the jitter to the delay and the jitter.
    #[default]
    Uniform,
    /// Normally: the jitter is the standard deviation. No frame is more than four of them away.
    Normal,
}

/// Which frames are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Each with the same probability, whatever became of the others.
    Independent(Percent),
    /// In bursts, by the model of Gilbert and Elliott: the link is good or bad, and may change before each frame. Bad times last
    /// 1/`bad_to_good` frames on average, good ones 1/`good_to_bad`.
    GilbertElliott {
        /// With which probability it becomes bad (tc-netem(8): `p`).
        good_to_bad: Percent,
        /// With which probability it becomes good again (`r`).
        bad_to_good: Percent,
        /// How many frames are lost while it is bad (`1-h`).
        in_bad: Percent,
        /// How many frames are lost while it is good (`1-k`).
        in_good: Percent,
    },
}

impl Loss {
    /// No frame is lost.
    pub const NONE: Self = Self::Independent(Percent::ZERO);
}

impl Default for Loss {
    fn default() -> Self {
        Self::NONE
    }
}

impl Impairment {
    /// Nothing happens to frames.
    pub const fn new() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            distribution: Distribution::Uniform,
            loss: Loss::NONE,
            duplicate: Percent::ZERO,
            reorder: Percent::ZERO,
            corrupt: Percent::ZERO,
            rate: None,
            limit: None,
            mtu_black_hole: None,
        }
    }

    /// Nothing gets through.
    pub const fn black_hole() -> Self {
        Self::new().loss(Percent::ALL)
    }

    /// How long a crossing takes.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// How much longer or shorter it takes at random.
    #[must_use]
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// How the jitter is distributed.
    #[must_use]
    pub const fn distribution(mut self, distribution: Distribution) -> Self {
        self.distribution = distribution;
        self
    }

    /// How many frames are lost, each whatever became of the others.
    #[must_use]
    pub const fn loss(mut self, loss: Percent) -> Self {
        self.loss = Loss::Independent(loss);
        self
    }

    /// Frames are lost in bursts: while the link is bad, which it becomes and ceases to be with these probabilities before each frame, all
    /// of them are (the model of Gilbert). For the others of [`Loss::GilbertElliott`], set [`Impairment::loss`].
    #[must_use]
    pub const fn burst_loss(mut self, good_to_bad: Percent, bad_to_good: Percent) -> Self {
        self.loss = Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad: Percent::ALL, in_good: Percent::ZERO };
        self
    }

    /// How many frames arrive twice.
    #[must_use]
    pub const fn duplicate(mut self, duplicate: Percent) -> Self {
        self.duplicate = duplicate;
        self
    }

    /// How many frames overtake those before them. Needs a delay.
    #[must_use]
    pub const fn reorder(mut self, reorder: Percent) -> Self {
        self.reorder = reorder;
        self
    }

    /// In how many frames a bit is flipped.
    #[must_use]
    pub const fn corrupt(mut self, corrupt: Percent) -> Self {
        self.corrupt = corrupt;
        self
    }

    /// How fast frames are sent.
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// How many frames may wait for the rate.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Packets with more bytes than this disappear.
    #[must_use]
    pub const fn mtu_black_hole(mut self, mtu: u32) -> Self {
        self.mtu_black_hole = Some(mtu);
        self
    }

    /// Whether it does nothing at all.
    pub fn is_none(&self) -> bool {
        *self == Self { distribution: self.distribution, limit: self.limit, ..Self::new() }
    }

    /// What makes no sense in it, with the word that it is about.
    pub fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut complaints = Vec::new();
        for (word, value) in [("delay", self.delay), ("jitter", self.jitter)] {
            if value > MOST_DELAY {
                complaints
                    .push((word, format!("a {word} of {} is out of range: it is at most 1h", written_time(value))));
            }
        }
        if !self.reorder.is_zero() && self.delay.is_zero() {
            complaints
                .push(("reorder", "`reorder` needs a `delay`: it lets frames overtake those that wait".to_owned()));
        }
        if self.distribution != Distribution::Uniform && self.jitter.is_zero() {
            complaints.push(("distribution", "`distribution` is that of the `jitter`, and there is none".to_owned()));
        }
        if self.limit.is_some() && self.rate.is_none() {
            complaints
                .push(("limit", "`limit` is about frames that wait for the `rate`, and there is none".to_owned()));
        }
        if self.limit == Some(0) {
            complaints.push(("limit", "a `limit` of 0 lets no frame through: it is 1 at least".to_owned()));
        }
        if let Loss::GilbertElliott { good_to_bad, bad_to_good, .. } = self.loss
            && (good_to_bad.is_zero() || bad_to_good.is_zero())
        {
            let message = "a link that never becomes bad, or never good again, loses nothing in bursts";
            complaints.push(("loss", message.to_owned()));
        }
        complaints
    }
}

/// In the words of the options, `nothing` for none.
impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut say = |is_said: bool, word: String| words.extend(is_said.then_some(word));
        say(!self.delay.is_zero(), format!("delay {}", written_time(self.delay)));
        say(!self.jitter.is_zero(), format!("jitter {}", written_time(self.jitter)));
        say(self.distribution == Distribution::Normal, "distribution normal".to_owned());
        match self.loss {
            Loss::Independent(loss) => say(!loss.is_zero(), format!("loss {loss}")),
            Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good } => {
                say(true, format!("loss gemodel {good_to_bad} {bad_to_good} {in_bad} {in_good}"));
            }
        }
        for (word, percent) in [("duplicate", self.duplicate), ("reorder", self.reorder), ("corrupt", self.corrupt)] {
            say(!percent.is_zero(), format!("{word} {percent}"));
        }
        self.rate.iter().for_each(|rate| say(true, format!("rate {rate}")));
        self.limit.iter().for_each(|limit| say(true, format!("limit {limit}")));
        self.mtu_black_hole.iter().for_each(|mtu| say(true, format!("mtu_black_hole {mtu}")));
        if words.is_empty() { f.write_str("nothing") } else { f.write_str(&words.join(", ")) }
    }
}

/// The frames of a segment that an impairment is about. An interface is an index of a host and one of the interface within the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Crossing {
    /// All of them: each that crosses the segment, once.
    #[default]
    All,
    /// Those that an interface sends.
    From((usize, usize)),
    /// Those that arrive at an interface.
    To((usize, usize)),
    /// Those from one interface to another.
    Between((usize, usize), (usize, usize)),
}

/// An impairment of a segment: which frames, and what happens to them. Several that are about the same frame are crossed one after the
/// other: what the sender's cable does, what is between the two, what the segment does, what the receiver's cable does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImpairmentPlan {
    /// Which frames.
    pub crossing: Crossing,
    /// What happens to them.
    pub impairment: Impairment,
}

impl ImpairmentPlan {
    /// What happens to these frames.
    pub const fn new(crossing: Crossing, impairment: Impairment) -> Self {
        Self { crossing, impairment }
    }
}

/// What carries out the impairments of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// The kernel where it has netem and does exactly what a relay would: delays and rates, everything lost or nothing. The relay otherwise, also
    /// for what is left to chance, so that it is the same chance on any machine.
    #[default]
    Automatic,
    /// The kernel's netem (tc-netem(8)). It does one thing to a frame and cannot tell what is between two hosts; which frames chance hits depends on
    /// what else is sent; a bit that it flips may be in the Ethernet header. Of a TCP connection that was there before, several segments may be
    /// one frame to the sender's cable. A bond's interface, a macvlan's and those that are like it are not impaired.
    Kernel,
    /// A wire of our own, in user space.
    Relay,
}

/// As it is written: `kernel`, `relay`, `automatic`.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "automatic",
            Self::Kernel => "kernel",
            Self::Relay => "relay",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_is_shown_in_the_words_of_the_options() {
        assert_eq!(Impairment::new().to_string(), "nothing");
        let all = Impairment::new()
            .delay(20 * MS)
            .jitter(MS)
            .distribution(Distribution::Normal)
            .burst_loss(Percent::new(1.0), Percent::new(30.0))
            .duplicate(Percent::new(2.0))
            .reorder(Percent::new(3.0))
            .corrupt(Percent::new(0.5))
            .rate(Rate::mbit(5))
            .limit(10)
            .mtu_black_hole(1400);
        assert_eq!(
            all.to_string(),
            "delay 20ms, jitter 1ms, distribution normal, loss gemodel 1% 30% 100% 0%, duplicate 2%, reorder 3%, \
             corrupt 0.5%, rate 5mbit, limit 10, mtu_black_hole 1400"
        );
        assert_eq!(all.complaints(), []);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let nothing = Impairment::new();
        let ten = Percent::new(10.0);
        for (impairment, word) in [
            (nothing.delay(MOST_DELAY + MS), "delay"),
            (nothing.jitter(MOST_DELAY + MS), "jitter"),
            (nothing.reorder(ten), "reorder"),
            (nothing.delay(MS).distribution(Distribution::Normal), "distribution"),
            (nothing.limit(5), "limit"),
            (nothing.rate(Rate::kbit(1)).limit(0), "limit"),
            (nothing.burst_loss(Percent::ZERO, ten), "loss"),
            (nothing.burst_loss(ten, Percent::ZERO), "loss"),
        ] {
            let complaints = impairment.complaints();
            assert!(matches!(complaints[..], [(about, _)] if about == word), "{impairment}: {complaints:?}");
        }
        assert_eq!(Impairment::black_hole().complaints(), []);
    }

    #[test]
    fn nothing_is_nothing() {
        assert!(Impairment::new().is_none());
        assert!(!Impairment::new().loss(Percent::new(0.1)).is_none());
        assert!(!Impairment::new().mtu_black_hole(1400).is_none());
        assert!(PRESETS.iter().all(|(_, preset)| !preset.is_none() && preset.complaints().is_empty()));
    }
}
