//! Shares and rates, with their units.

use std::fmt;
use std::str::FromStr;

/// A share of frames, 0 % to 100 %, in steps of a ten-millionth of a percent.
///
/// ```
/// use netns_test_topology::Percent;
/// assert_eq!("0.5%".parse(), Ok(Percent::new(0.5)));
/// assert_eq!("30".parse::<Percent>().unwrap_err(), "`30` has no unit: write `30%`");
/// assert_eq!("101%".parse::<Percent>().unwrap_err(), "`101%` is out of range: a share is between 0% and 100%");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

/// 100 %.
const ALL: u32 = 1_000_000_000;

impl Percent {
    /// None.
    pub const ZERO: Self = Self(0);

    /// All.
    pub const ALL: Self = Self(ALL);

    /// So many of a hundred.
    ///
    /// # Panics
    /// If it is not between 0 and 100; in a constant, when that is compiled.
    #[track_caller]
    pub const fn new(percent: f64) -> Self {
        assert!(percent >= 0.0 && percent <= 100.0, "a share of frames is between 0% and 100%");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10⁹")]
        Self((percent * 1e7 + 0.5) as u32)
    }

    /// So many of a thousand million, 10⁹ for all.
    pub const fn per_billion(self) -> u32 {
        self.0
    }

    /// Whether it is none.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_suffix('%') else {
            return Err(match decimal(text) {
                Some(_) => format!("`{text}` has no unit: write `{text}%`"),
                None => format!("`{text}` is not a share: write for example `1%` or `0.5%`"),
            });
        };
        if number.starts_with('-') {
            return Err(format!("`{text}` is out of range: a share is between 0% and 100%"));
        }
        match decimal(number) {
            Some(percent) if percent <= 100.0 => Ok(Self::new(percent)),
            Some(_) => Err(format!("`{text}` is out of range: a share is between 0% and 100%")),
            None => Err(format!("`{text}` is not a share: write for example `1%` or `0.5%`")),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000_000, self.0 % 10_000_000);
        let rest = format!("{rest:07}");
        match rest.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            digits => write!(f, "{whole}.{digits}%"),
        }
    }
}

/// A rate in bits per second. Units are those of tc(8): `bit`, `kbit`, `mbit`, `gbit`, each a thousand of the one before.
///
/// ```
/// use netns_test_topology::Rate;
/// assert_eq!("5mbit".parse(), Ok(Rate::mbit(5)));
/// assert_eq!("5".parse::<Rate>().unwrap_err(), "`5` has no unit: write for example `5mbit` (units are `bit`, `kbit`, `mbit`, `gbit`)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

const UNITS: [(&str, u64); 4] = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1000), ("bit", 1)];

impl Rate {
    /// The lowest: a byte in a second.
    pub const LEAST: Self = Self(8);

    /// The highest.
    pub const MOST: Self = Self::gbit(1000);

    /// So many bits per second.
    ///
    /// # Panics
    /// If it is not between [`Rate::LEAST`] and [`Rate::MOST`]; in a constant, when that is compiled.
    #[track_caller]
    pub const fn bit(bits: u64) -> Self {
        assert!(bits >= 8 && bits <= 1_000_000_000_000, "a rate is between 8bit and 1000gbit");
        Self(bits)
    }

    /// So many thousands of bits per second.
    #[track_caller]
    pub const fn kbit(kbits: u64) -> Self {
        Self::bit(kbits.saturating_mul(1000))
    }

    /// So many millions of bits per second.
    #[track_caller]
    pub const fn mbit(mbits: u64) -> Self {
        Self::bit(mbits.saturating_mul(1_000_000))
    }

    /// So many thousand millions of bits per second.
    #[track_caller]
    pub const fn gbit(gbits: u64) -> Self {
        Self::bit(gbits.saturating_mul(1_000_000_000))
    }

    /// In bits per second.
    pub const fn bits_per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = "(units are `bit`, `kbit`, `mbit`, `gbit`)";
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let negative = number.starts_with('-');
        let Some(value) = decimal(number.trim_start_matches('-')) else {
            return Err(format!("`{text}` is not a rate: write for example `5mbit` {units}"));
        };
        if negative {
            return Err(format!("`{text}` is out of range: a rate is between 8bit and 1000gbit"));
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "" => format!("`{text}` has no unit: write for example `{text}mbit` {units}"),
                _ => format!("unknown unit `{unit}` in `{text}` {units}"),
            });
        };
        #[expect(clippy::cast_precision_loss, reason = "the factor is at most 10⁹")]
        let bits = value * *factor as f64;
        if !(8.0..=1e12).contains(&bits) {
            return Err(format!("`{text}` is out of range: a rate is between 8bit and 1000gbit"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 8 and 10¹²")]
        Ok(Self((bits + 0.5) as u64))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS.into_iter().find(|(_, factor)| self.0.is_multiple_of(*factor)).unwrap_or(("bit", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// A number without a sign, digits on both sides of a point.
fn decimal(text: &str) -> Option<f64> {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    (plain && is_digit(text.chars().next()) && is_digit(text.chars().last())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parsed_strictly() {
        for (text, percent) in [("0%", 0.0), ("100%", 100.0), ("0.0000001%", 1e-7), ("12.5%", 12.5), ("1.0%", 1.0)] {
            assert_eq!(text.parse(), Ok(Percent::new(percent)), "{text}");
        }
        for bad in ["", "%", "1", "-1%", "+1%", "1 %", " 1%", "100.1%", "1e1%", ".5%", "5.%", "1.2.3%", "NaN%", "1%%"] {
            bad.parse::<Percent>().unwrap_err();
        }
    }

    #[test]
    fn rates_are_parsed_strictly() {
        for (text, bits) in [("8bit", 8), ("1kbit", 1000), ("1.5mbit", 1_500_000), ("1000gbit", 1_000_000_000_000)] {
            assert_eq!(text.parse(), Ok(Rate::bit(bits)), "{text}");
        }
        for bad in ["", "mbit", "5", "-5mbit", "5 mbit", "5Mbit", "7bit", "1001gbit", "0mbit", "5mbps", "5.mbit"] {
            bad.parse::<Rate>().unwrap_err();
        }
    }

    #[test]
    fn they_are_shown_as_they_are_written() {
        for text in ["0%", "100%", "0.5%", "33.3333333%"] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
        }
        for text in ["9bit", "64kbit", "1500kbit", "5mbit", "40gbit"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
    }
}
