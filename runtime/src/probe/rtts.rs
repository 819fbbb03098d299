//! Round trips, and what there is to say about all of them.

use std::fmt;
use std::time::Duration;

/// Round trips, in the order of the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rtts(pub(super) Vec<Duration>);

impl Rtts {
    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn min(&self) -> Duration {
        self.0.iter().min().copied().unwrap_or_default()
    }

    /// The mean.
    pub(super) fn avg(&self) -> Duration {
        self.0.iter().sum::<Duration>() / self.count().max(1)
    }

    pub(super) fn max(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    /// The standard deviation: the root of the mean of the squared distances from the mean.
    pub(super) fn deviation(&self) -> Duration {
        let mean = self.avg().as_secs_f64();
        let squares: f64 = self.0.iter().map(|rtt| (rtt.as_secs_f64() - mean).powi(2)).sum();
        Duration::from_secs_f64((squares / f64::from(self.count().max(1))).sqrt())
    }
}

impl fmt::Display for Rtts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtt min/avg/max {:?}/{:?}/{:?}", self.min(), self.avg(), self.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_summed_up() {
        let rtts = Rtts([2, 4, 9].map(Duration::from_secs).to_vec());
        let seconds = |duration: Duration| duration.as_secs();
        assert_eq!((rtts.count(), seconds(rtts.min()), seconds(rtts.avg()), seconds(rtts.max())), (3, 2, 5, 9));
        // The squares are 9, 1 and 16.
        assert_eq!(rtts.deviation().as_millis(), 2943);
        assert_eq!(rtts.to_string(), "rtt min/avg/max 2s/5s/9s");
        assert_eq!((Rtts::default().avg(), Rtts::default().deviation()), (Duration::ZERO, Duration::ZERO));
    }
}
