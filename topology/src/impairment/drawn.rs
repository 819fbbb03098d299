//! An impairment as it is written.

use std::fmt;
use std::time::Duration;

use super::{Distribution, Impairment, Loss, Percent};

/// The words of an impairment, and what carries each.
macro_rules! words {
    ($($part:ident $field:ident: $type:ty, $doc:literal;)*) => {
        /// An impairment as it was written: the words of [`Impairment`], each with its unit.
        ///
        /// ```
        /// use netns_test_topology::{DrawnImpairment, Impairment, Percent};
        ///
        /// let written = DrawnImpairment { loss: Some("1%".to_owned()), ..DrawnImpairment::default() };
        /// assert_eq!(DrawnImpairment::from(Impairment::new().loss(Percent::new(1.0))), written);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct DrawnImpairment<S = String> {
            $(#[doc = $doc] pub $field: Option<$type>,)*
        }

        /// A word of an impairment.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ImpairmentPart {
            $(#[doc = concat!("`", stringify!($field), "`")] $part,)*
        }

        impl ImpairmentPart {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$part),*];

            /// As it is written.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$part => stringify!($field),)*
                }
            }
        }

        impl<S> DrawnImpairment<S> {
            /// Nothing is written.
            pub const fn new() -> Self {
                Self { $($field: None,)* }
            }

            /// The words that are written.
            pub fn written(&self) -> impl Iterator<Item = ImpairmentPart> + use<S> {
                let written = [$(self.$field.is_some().then_some(ImpairmentPart::$part)),*];
                written.into_iter().flatten()
            }
        }
    };
}

words! {
    Preset preset: S, "The link whose figures the other words start from: one of [`PRESETS`](crate::PRESETS).";
    Delay delay: S, "How long a crossing takes: `20ms`, `1.5s`, `500us`.";
    Jitter jitter: S, "How much longer or shorter it takes at random.";
    Distribution distribution: S, "How the jitter is distributed: `uniform` or `normal`.";
    Loss loss: S, "How many frames are lost: `1%`; in bursts `gemodel 1% 30%`, as tc-netem(8) has it.";
    Duplicate duplicate: S, "How many frames arrive twice.";
    Reorder reorder: S, "How many frames overtake those that wait.";
    Corrupt corrupt: S, "In how many frames a bit is flipped.";
    Rate rate: S, "How fast frames are sent: `5mbit`, as tc(8) has it.";
    Limit limit: u32, "How many frames may wait for the rate.";
    MtuBlackHole mtu_black_hole: u32, "Packets with more bytes than this disappear.";
}

impl<S> DrawnImpairment<S> {
    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.written().next().is_none()
    }

    /// The same words, with another type of texts.
    pub fn map<'a, T>(&'a self, text: impl Fn(&'a S) -> T) -> DrawnImpairment<T> {
        DrawnImpairment {
            preset: self.preset.as_ref().map(&text),
            delay: self.delay.as_ref().map(&text),
            jitter: self.jitter.as_ref().map(&text),
            distribution: self.distribution.as_ref().map(&text),
            loss: self.loss.as_ref().map(&text),
            duplicate: self.duplicate.as_ref().map(&text),
            reorder: self.reorder.as_ref().map(&text),
            corrupt: self.corrupt.as_ref().map(&text),
            rate: self.rate.as_ref().map(&text),
            limit: self.limit,
            mtu_black_hole: self.mtu_black_hole,
        }
    }
}

impl<S> Default for DrawnImpairment<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for ImpairmentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As it would be written, to the last digit.
impl From<Impairment> for DrawnImpairment {
    fn from(impairment: Impairment) -> Self {
        let Impairment { delay, jitter, distribution, loss, duplicate, reorder, corrupt, rate, limit, mtu_black_hole } =
            impairment;
        let time = |time: Duration| (!time.is_zero()).then(|| written_time(time));
        let share = |share: Percent| (!share.is_zero()).then(|| share.to_string());
        let loss = match loss {
            Loss::Independent(loss) => share(loss),
            Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good } => {
                Some(format!("gemodel {good_to_bad} {bad_to_good} {in_bad} {in_good}"))
            }
        };
        Self {
            preset: None,
            delay: time(delay),
            jitter: time(jitter),
            distribution: (distribution == Distribution::Normal).then(|| "normal".to_owned()),
            loss,
            duplicate: share(duplicate),
            reorder: share(reorder),
            corrupt: share(corrupt),
            rate: rate.map(|rate| rate.to_string()),
            limit,
            mtu_black_hole,
        }
    }
}

/// In the largest unit up to seconds of which it is a whole number.
pub(crate) fn written_time(time: Duration) -> String {
    let nanos = time.as_nanos();
    let mut units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)].into_iter();
    match units.find(|(_, length)| nanos.is_multiple_of(*length)) {
        Some((unit, length)) => format!("{}{unit}", nanos / length),
        None => format!("{}.{:03}us", nanos / 1000, nanos % 1000),
    }
}
