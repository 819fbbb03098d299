//! Links that have a name.

use std::time::Duration;

use super::{Impairment, Percent, Rate};

/// Links that have a name, and their figures: per crossing, so a round trip is two of them. They are round numbers of the magnitude that such links
/// have in the field, and stay as they are.
pub const PRESETS: &[(&str, Impairment)] = &[
    ("lan", Impairment::new().delay(ms(0.25)).rate(Rate::gbit(1))),
    ("wifi", Impairment::new().delay(ms(2.0)).jitter(ms(1.0)).loss(Percent::new(0.1)).rate(Rate::mbit(50))),
    ("dsl", Impairment::new().delay(ms(15.0)).jitter(ms(2.0)).loss(Percent::new(0.05)).rate(Rate::mbit(16))),
    ("4g", Impairment::new().delay(ms(25.0)).jitter(ms(5.0)).loss(Percent::new(0.2)).rate(Rate::mbit(20))),
    ("3g", Impairment::new().delay(ms(75.0)).jitter(ms(15.0)).loss(Percent::new(0.5)).rate(Rate::kbit(1500))),
    ("satellite", Impairment::new().delay(ms(300.0)).jitter(ms(5.0)).loss(Percent::new(0.5)).rate(Rate::mbit(10))),
    ("lossy", Impairment::new().loss(Percent::new(10.0))),
];

const fn ms(milliseconds: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    Duration::from_micros((milliseconds * 1000.0) as u64)
}

impl Impairment {
    /// The link with this name; those there are, are in [`PRESETS`].
    pub fn preset(name: &str) -> Option<Self> {
        PRESETS.iter().find(|(preset, _)| *preset == name).map(|(_, impairment)| *impairment)
    }
}
