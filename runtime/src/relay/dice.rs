//! Chance that is the same each time.

use netns_test_topology::Percent;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A source of chance: what comes out depends on its seed, on nothing else, for ever. The generator is one whose numbers are part of its
/// definition.
#[derive(Debug)]
pub(super) struct Dice {
    random: Xoshiro256PlusPlus,
    /// The state of a link that is good or bad at times (Gilbert and Elliott).
    pub(super) is_bad: bool,
}

impl Dice {
    /// The `stream`s of a seed are independent of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self { random: Xoshiro256PlusPlus::seed_from_u64(mix(seed, stream)), is_bad: false }
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Whether what has this probability happens. Nothing is thrown for what is certain.
    pub(super) fn hits(&mut self, probability: Percent) -> bool {
        match probability {
            Percent::ZERO => false,
            Percent::ALL => true,
            _ => self.fraction() * f64::from(Percent::ALL.per_billion()) < f64::from(probability.per_billion()),
        }
    }

    /// From 0 to 1, without 1.
    fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what fits")]
        let high = (self.number() >> 11) as f64;
        high * 2.0f64.powi(-53)
    }

    /// From -1 to 1, evenly.
    pub(super) fn even(&mut self) -> f64 {
        2.0f64.mul_add(self.fraction(), -1.0)
    }

    /// Normally distributed with a standard deviation of 1, at most four of them away from 0 (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.fraction();
        (radius * angle.cos()).clamp(-4.0, 4.0)
    }
}

/// A seed from two numbers (the finaliser of `SplitMix64`).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_further_away_than_four_deviations() {
        let mut dice = Dice::new(1, 0);
        // Of so many a dozen would be.
        let furthest = (0..200_000).map(|_| dice.normal().abs()).fold(0.0, f64::max);
        assert!((3.9..=4.0).contains(&furthest), "{furthest}");
    }
}
