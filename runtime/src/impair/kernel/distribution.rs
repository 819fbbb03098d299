//! How jitter is distributed, in netem's form: it draws an entry of a table, and the entry times the jitter is added to the delay.

use std::sync::LazyLock;

use netns_test_topology::Distribution;

/// What stands for the whole jitter in a table (`NETEM_DIST_SCALE`).
const SCALE: f64 = 8192.0;

/// How many entries a table has. Each is as probable, so entry `n` is the quantile of the middle of the `n`th part. The kernel takes four times
/// as many (`NETEM_DIST_MAX`); so many are 3.7 standard deviations at the ends, and small enough to be sent for each of a thousand interfaces.
const ENTRIES: u16 = 4096;

/// The table of a distribution, sorted.
pub(super) fn table(distribution: Distribution) -> &'static [i16] {
    static UNIFORM: LazyLock<Vec<i16>> = LazyLock::new(|| mirrored(&uniform_half()));
    static NORMAL: LazyLock<Vec<i16>> = LazyLock::new(|| mirrored(&normal_half()));
    match distribution {
        Distribution::Normal => &NORMAL,
        _ => &UNIFORM,
    }
}

/// How probable it is to be between the median and each entry above it.
fn shares() -> impl Iterator<Item = f64> {
    (0..ENTRIES / 2).map(|entry| (f64::from(entry) + 0.5) / f64::from(ENTRIES))
}

fn uniform_half() -> Vec<i16> {
    #[expect(clippy::cast_possible_truncation, reason = "at most the scale")]
    shares().map(|share| (2.0 * share * SCALE).round() as i16).collect()
}

/// The density is added up in steps as small as entries can tell apart, until there is as much of it as each of them has below.
fn normal_half() -> Vec<i16> {
    let mut steps = 0;
    let mut share = 0.0;
    let quantile = |wanted| {
        while share < wanted {
            let middle = (f64::from(steps) + 0.5) / SCALE;
            share += (-middle * middle / 2.0).exp() / std::f64::consts::TAU.sqrt() / SCALE;
            steps += 1;
        }
        steps
    };
    shares().map(quantile).collect()
}

/// The half below the median, and the half above it.
fn mirrored(above: &[i16]) -> Vec<i16> {
    above.iter().rev().map(|entry| -entry).chain(above.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of entries that are at most so many jitters.
    fn below(table: &[i16], jitters: f64) -> f64 {
        let is_below = |entry: &i16| f64::from(*entry) <= jitters * SCALE;
        table.iter().map(|entry| f64::from(u8::from(is_below(entry)))).sum::<f64>() / f64::from(ENTRIES)
    }

    fn deviation(table: &[i16]) -> f64 {
        let squares: f64 = table.iter().map(|entry| (f64::from(*entry) / SCALE).powi(2)).sum();
        (squares / f64::from(ENTRIES)).sqrt()
    }

    #[test]
    fn a_table_is_sorted_and_symmetric() {
        for distribution in [Distribution::Uniform, Distribution::Normal] {
            let table = table(distribution);
            assert_eq!(table.len(), 4096);
            assert!(table.is_sorted());
            assert!(table.iter().zip(table.iter().rev()).all(|(low, high)| *low == -high));
        }
    }

    #[test]
    fn evenly_is_from_one_jitter_less_to_one_more() {
        let table = table(Distribution::Uniform);
        for (jitters, share) in [(-1.0, 0.0), (-0.5, 0.25), (0.0, 0.5), (0.25, 0.625), (1.0, 1.0)] {
            assert!((below(table, jitters) - share).abs() < 1e-3, "{share} below {jitters}");
        }
    }

    #[test]
    fn normally_the_jitter_is_the_standard_deviation() {
        let table = table(Distribution::Normal);
        assert!((deviation(table) - 1.0).abs() < 5e-3, "{}", deviation(table));
        // The normal distribution, as it is in every book.
        for (jitters, share) in [(0.5, 0.69146), (1.0, 0.84134), (2.0, 0.97725), (3.0, 0.99865)] {
            assert!((below(table, jitters) - share).abs() < 5e-4, "{share} below {jitters}");
        }
        assert!(table.iter().all(|entry| f64::from(*entry).abs() < 4.0 * SCALE));
    }
}
