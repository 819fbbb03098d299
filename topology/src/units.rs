//! Quantities with their units, parsed strictly.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The deadlines that a test can have.
pub const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 60 * 60);

/// Units of time, and how many seconds each has.
const UNITS: [(&str, f64); 5] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// A number and a unit: `200ms`, `1.5s`, `2m`, `1h`.
///
/// ```
/// use netns_test_topology::units::duration;
/// use std::time::Duration;
/// assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
/// assert_eq!(duration("10").unwrap_err(), "`10` has no unit: write for example `10s` (units are `ms`, `s`, `m`, `h`)");
/// ```
pub fn duration(text: &str) -> Result<Duration, String> {
    parse(text, &UNITS[1..], "s", "10s")
}

/// How long a crossing takes, or the jitter of that: `word` says which. Shorter times have a unit, too: `500us`.
///
/// ```
/// use netns_test_topology::units::delay;
/// use std::time::Duration;
/// assert_eq!(delay("delay", "500us"), Ok(Duration::from_micros(500)));
/// assert_eq!(
///     delay("delay", "20").unwrap_err(),
///     "`20` has no unit: write for example `20ms` (units are `us`, `ms`, `s`, `m`, `h`)"
/// );
/// assert_eq!(delay("delay", "-1ms").unwrap_err(), "`-1ms` is out of range: a delay is between 0ms and 1h");
/// ```
pub fn delay(word: &str, text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err(format!("`{text}` is out of range: a {word} is between 0ms and 1h"));
    }
    parse(text, &UNITS, "ms", "20ms")
}

/// Reads a number and one of the units. `unit` is the one that was probably left out.
fn parse(text: &str, units: &[(&str, f64)], unit: &str, example: &str) -> Result<Duration, String> {
    let listed = || units.iter().map(|(unit, _)| format!("`{unit}`")).collect::<Vec<_>>().join(", ");
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, written) = text.split_at(unit_at);
    let decimal = number.parse::<f64>().ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit()));
    let Some(value) = decimal.filter(|_| !number.ends_with('.')) else {
        return Err(format!("`{text}` is not a duration: write for example `{example}` or `1.5s`"));
    };
    match units.iter().find(|(name, _)| *name == written) {
        Some((_, seconds)) => Duration::try_from_secs_f64(value * seconds).map_err(|_| format!("`{text}` is too long")),
        None if written.is_empty() => {
            Err(format!("`{text}` has no unit: write for example `{text}{unit}` (units are {})", listed()))
        }
        None => Err(format!("unknown unit `{written}` in `{text}`: units are {}", listed())),
    }
}

/// A deadline for a test, within [`TIMEOUTS`].
///
/// ```
/// use netns_test_topology::units::timeout;
/// assert_eq!(timeout("1ms").unwrap_err(), "`1ms` is out of range: a timeout is between 10ms and 24h");
/// ```
pub fn timeout(text: &str) -> Result<Duration, String> {
    let value = duration(text)?;
    if TIMEOUTS.contains(&value) {
        Ok(value)
    } else {
        Err(format!("`{text}` is out of range: a timeout is between 10ms and 24h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_strictly() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in [
            "",
            "s",
            "-1s",
            "+1s",
            "1 s",
            " 1s",
            "1e3s",
            "1.s",
            ".5s",
            "1.2.3s",
            "NaNs",
            "infs",
            "1S",
            "1sec",
            "9".repeat(400).as_str(),
        ] {
            duration(bad).unwrap_err();
        }
        duration(&format!("{}h", "9".repeat(60))).unwrap_err();
        duration("1us").unwrap_err();
    }

    #[test]
    fn delays_may_be_nothing_and_short() {
        assert_eq!(delay("delay", "0ms"), Ok(Duration::ZERO));
        assert_eq!(delay("delay", "0.001us"), Ok(Duration::from_nanos(1)));
        assert_eq!(delay("delay", "1h"), Ok(Duration::from_secs(3600)));
        for bad in ["20", "-20", "-1ms", "20 ms", "20µs", "ms", ""] {
            delay("delay", bad).unwrap_err();
        }
    }

    #[test]
    fn a_timeout_has_a_range() {
        assert_eq!(timeout("10ms"), Ok(*TIMEOUTS.start()));
        assert_eq!(timeout("24h"), Ok(*TIMEOUTS.end()));
        for bad in ["0s", "9ms", "25h"] {
            assert!(timeout(bad).unwrap_err().contains("out of range"));
        }
    }
}
