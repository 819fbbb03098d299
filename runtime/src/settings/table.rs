//! The settings.

use std::path::PathBuf;
use std::time::Duration;

use netns_test_topology::units;

use super::root::Root;
use super::source::{Layers, SettingsError, Written};
use crate::__private::TestSpec;

/// What to do where a test needs what the machine does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUnsupported {
    /// The test fails.
    Fail,
    /// The test is skipped, loudly, except where `CI` is set.
    Skip,
}

/// When the frames of a lab are recorded, and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    /// Recorded always, and kept if the test fails.
    OnFailure,
    /// Recorded and kept always.
    Always,
    /// Never recorded.
    Never,
}

/// When a test is held for somebody to look at it, besides where its body says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Never.
    Never,
    /// When it has failed, except where `CI` is set.
    OnFailure,
}

/// How a test is kept apart from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// `Root` with `CAP_NET_ADMIN`, `CAP_NET_RAW` and `CAP_SYS_ADMIN`, `User` without.
    Auto,
    /// In a user namespace of its own.
    User,
    /// In namespaces made with the privileges that the test was started with.
    Root,
    /// In the test's own process, in namespaces that only its thread is in.
    Inline,
}

/// The longest time: one that can be added to any instant.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Declares the settings: field, type, name, default and parser of each.
macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $name:literal, default $default:literal, $parse:expr;)*) => {
        /// The settings of one test, resolved.
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $($(#[$doc])* pub(crate) $field: $type,)*
            /// Where the test's package is in its workspace; empty if that is the workspace's root.
            pub(crate) package: String,
            /// Where each value was written, in the order of [`NAMES`].
            written: Vec<Written>,
        }

        /// Names of all settings, as they stand in the file.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        impl Settings {
            fn from_layers(layers: &Layers) -> Result<Self, SettingsError> {
                let mut written = Vec::new();
                $(
                    let value = layers.find($name, $default);
                    let parse: fn(&str) -> Result<$type, String> = $parse;
                    let $field = parse(&value.text).map_err(|message| value.error(message))?;
                    written.push(value);
                )*
                Ok(Self { $($field,)* package: String::new(), written })
            }
        }
    };
}

settings! {
    /// How long a test may take, from the start of its process to its end, before it is killed.
    timeout: Duration = "timeout", default "30s", units::timeout;
    /// What every timeout and window is multiplied by: more than 1 on a slow machine.
    time_scale: f64 = "time-scale", default "1", time_scale;
    /// Which frames bad links lose, and the like: another number is another chance.
    seed: u64 = "seed", default "0", seed;
    /// Where reports of failed tests go; relative to the root of the workspace.
    artifacts: PathBuf = "artifacts", default "target/netns-test", path;
    /// When the frames of a lab are recorded, and kept.
    capture: Capture = "capture", default "on-failure", |text| {
        one_of(text, &[
            ("on-failure", Capture::OnFailure),
            ("always", Capture::Always),
            ("never", Capture::Never),
        ])
    };
    /// What to do where a test needs what the machine does not have.
    on_unsupported: OnUnsupported = "on-unsupported", default "fail", |text| {
        one_of(text, &[("fail", OnUnsupported::Fail), ("skip", OnUnsupported::Skip)])
    };
    /// How a test is kept apart from the machine.
    isolation: Isolation = "isolation", default "auto", |text| {
        one_of(text, &[
            ("auto", Isolation::Auto),
            ("user", Isolation::User),
            ("root", Isolation::Root),
            ("inline", Isolation::Inline),
        ])
    };
    /// When a test is held for somebody to look at it, besides where its body says so.
    pause: Pause = "pause", default "never", |text| {
        one_of(text, &[("never", Pause::Never), ("on-failure", Pause::OnFailure)])
    };
}

impl Settings {
    /// The settings of a test.
    pub(crate) fn resolve(spec: &TestSpec) -> Result<Self, SettingsError> {
        let root = Root::find(spec.manifest_dir);
        let layers = Layers::read(&[("timeout", spec.timeout)], &root)?;
        let mut settings = Self::from_layers(&layers)?;
        settings.artifacts = root.directory().join(&settings.artifacts);
        settings.package = root.package();
        Ok(settings)
    }

    /// The deadline, stretched.
    pub(crate) fn deadline(&self) -> Duration {
        self.scaled(self.timeout)
    }

    /// A duration, stretched; at most a week, so that it can be added to any instant.
    pub(crate) fn scaled(&self, duration: Duration) -> Duration {
        duration.min(LONGEST).mul_f64(self.time_scale).min(LONGEST)
    }

    /// A time for which something must not happen, stretched. It is never shortened: less of it proves less.
    pub(crate) fn stretched(&self, duration: Duration) -> Duration {
        self.scaled(duration).max(duration.min(LONGEST))
    }

    /// Where a setting got its value, for messages.
    pub(crate) fn origin(&self, name: &str) -> String {
        self.written.iter().find(|written| written.name == name).map_or_else(String::new, Written::origin)
    }
}

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.1..=100.0).contains(&scale) => Ok(scale),
        Ok(_) => Err(format!("`{text}` is out of range: it is a number between 0.1 and 100")),
        Err(_) => Err(format!("`{text}` is not a number between 0.1 and 100")),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number from 0 to {}", u64::MAX))
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') { Err("it is not a path".to_owned()) } else { Ok(text.into()) }
}

fn one_of<T: Copy>(text: &str, values: &[(&str, T)]) -> Result<T, String> {
    values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = values.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("`{text}` is not one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::source::Layers;

    fn resolve(
        attribute: &[(&'static str, Option<&str>)],
        environment: &[(&str, &str)],
        file: &str,
    ) -> Result<Settings, String> {
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let file = Some(("ws/netns-test.toml".into(), file.to_owned()));
        Layers::new(attribute, environment, file)
            .and_then(|layers| Settings::from_layers(&layers))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_attribute_wins_over_the_environment_over_the_file_over_the_default() {
        let seconds = |settings: Result<Settings, String>| settings.unwrap().timeout.as_secs();
        let (environment, file) = ([("NETNS_TEST_TIMEOUT", "20s")], "timeout = \"40s\"");
        assert_eq!(seconds(resolve(&[("timeout", Some("10s"))], &environment, file)), 10);
        assert_eq!(seconds(resolve(&[("timeout", None)], &environment, file)), 20);
        assert_eq!(seconds(resolve(&[], &[], file)), 40);
        assert_eq!(seconds(resolve(&[], &[], "")), 30);
    }

    #[test]
    fn every_setting_has_its_variable_and_its_key() {
        let file = "timeout = \"1s\"\ntime-scale = 2\nartifacts = \"x\"\non-unsupported = \"skip\"\nisolation = \"user\"\npause = \"never\"";
        let settings = resolve(&[], &[], file).unwrap();
        assert_eq!(settings.deadline(), Duration::from_secs(2));
        assert_eq!((settings.on_unsupported, settings.pause), (OnUnsupported::Skip, Pause::Never));
        let environment =
            [("NETNS_TEST_ISOLATION", "inline"), ("NETNS_TEST_TIME_SCALE", "0.5"), ("NETNS_TEST_PAUSE", "on-failure")];
        let settings = resolve(&[], &environment, file).unwrap();
        assert_eq!((settings.isolation, settings.deadline()), (Isolation::Inline, Duration::from_millis(500)));
        assert_eq!(settings.pause, Pause::OnFailure);
        assert_eq!(settings.origin("isolation"), "`NETNS_TEST_ISOLATION` in the environment");
        assert_eq!(settings.origin("artifacts"), "`artifacts` in ws/netns-test.toml");
    }

    /// A sum that overflows is a panic, and one that `#[should_panic]` would take.
    #[test]
    fn no_time_is_too_long_for_an_instant() {
        let now = std::time::Instant::now();
        for scale in ["0.1", "1", "100"] {
            let settings = resolve(&[], &[("NETNS_TEST_TIME_SCALE", scale)], "").unwrap();
            assert!(now.checked_add(settings.scaled(Duration::MAX)).is_some());
            assert!(now.checked_add(settings.stretched(Duration::MAX)).is_some());
            assert_eq!(settings.stretched(LONGEST / 2), if scale == "100" { LONGEST } else { LONGEST / 2 });
        }
    }

    #[test]
    fn a_bad_value_is_told_with_its_source_and_range() {
        for (environment, file, told) in [
            (
                Some(("NETNS_TEST_TIMEOUT", "0s")),
                "",
                "`NETNS_TEST_TIMEOUT` in the environment: `0s` is out of range: a timeout is between 10ms and 24h",
            ),
            (
                Some(("NETNS_TEST_TIMEOUT", "")),
                "",
                "`NETNS_TEST_TIMEOUT` in the environment: `` is not a duration: write for example `10s` or `1.5s`",
            ),
            (
                Some(("NETNS_TEST_TIME_SCALE", "NaN")),
                "",
                "`NETNS_TEST_TIME_SCALE` in the environment: `NaN` is out of range: it is a number between 0.1 and 100",
            ),
            (
                Some(("NETNS_TEST_TIMOUT", "1s")),
                "",
                "`NETNS_TEST_TIMOUT` in the environment: there is no such setting; did you mean `NETNS_TEST_TIMEOUT`?",
            ),
            (
                Some(("NETNS_TEST_VERBOSE", "1")),
                "",
                "`NETNS_TEST_VERBOSE` in the environment: there is no such setting; there are `NETNS_TEST_TIMEOUT`, \
                 `NETNS_TEST_TIME_SCALE`, `NETNS_TEST_SEED`, `NETNS_TEST_ARTIFACTS`, `NETNS_TEST_CAPTURE`, `NETNS_TEST_ON_UNSUPPORTED`, \
                 `NETNS_TEST_ISOLATION`, `NETNS_TEST_PAUSE`",
            ),
            (
                None,
                "isolation = \"none\"",
                "`isolation` in ws/netns-test.toml: `none` is not one of `auto`, `user`, `root`, `inline`",
            ),
            (
                Some(("NETNS_TEST_PAUSE", "1")),
                "",
                "`NETNS_TEST_PAUSE` in the environment: `1` is not one of `never`, `on-failure`",
            ),
            (
                None,
                "time_scale = 2",
                "`time_scale` in ws/netns-test.toml: there is no such setting; did you mean `time-scale`?",
            ),
            (
                None,
                "timeout = 30",
                "`timeout` in ws/netns-test.toml: `30` has no unit: write for example `30s` (units are `ms`, `s`, `m`, `h`)",
            ),
            (None, "timeout = [1]", "`timeout` in ws/netns-test.toml: it is neither a string nor a number"),
        ] {
            let error = resolve(&[], environment.as_slice(), file).unwrap_err();
            assert_eq!(error, told);
        }
        let error = resolve(&[], &[], "timeout = ").unwrap_err();
        assert!(error.starts_with("ws/netns-test.toml is not valid TOML: "), "{error}");
    }
}
