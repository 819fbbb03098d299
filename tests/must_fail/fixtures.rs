//! The test binaries of `netns-test-fixtures`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::expect::Fixture;
use crate::run;

/// The package.
pub(crate) const PACKAGE: &str = "netns-test-fixtures";

/// A file with what cargo printed when it built the fixtures, for runs without cargo.
const BUILT: &str = "MUST_FAIL_FIXTURES";

/// A test binary.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// Where cargo would run it.
    pub(crate) directory: PathBuf,
}

impl Binary {
    pub(crate) fn of(fixture: &Fixture) -> Self {
        binaries().get(fixture.name).unwrap_or_else(|| panic!("cargo has built no `{}`", fixture.name)).clone()
    }
}

/// Whether cargo is not to be used.
pub(crate) fn without_cargo() -> bool {
    std::env::var_os(BUILT).is_some()
}

/// All of them, built, by the names of their targets.
pub(crate) fn binaries() -> &'static BTreeMap<String, Binary> {
    static BINARIES: OnceLock<BTreeMap<String, Binary>> = OnceLock::new();
    BINARIES.get_or_init(|| {
        let messages = std::env::var_os(BUILT).map_or_else(build, |file| std::fs::read_to_string(file).unwrap());
        messages.lines().filter_map(binary).collect()
    })
}

/// The arguments that choose the targets of fixtures.
pub(crate) fn targets(fixtures: &[Fixture]) -> Vec<String> {
    let targets = fixtures.iter().map(|fixture| {
        if fixture.is_lib { vec!["--lib".to_owned()] } else { vec!["--test".to_owned(), fixture.name.to_owned()] }
    });
    targets.flatten().collect()
}

fn build() -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--package", PACKAGE, "--lib", "--test", "*", "--no-run", "--message-format=json"]);
    run::clean_environment(&mut cargo);
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "cargo cannot build the fixtures\n{}", String::from_utf8_lossy(&built.stderr));
    String::from_utf8(built.stdout).unwrap()
}

/// What a message of cargo says of a binary: see "Artifact messages" in the Cargo Book.
fn binary(message: &str) -> Option<(String, Binary)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let (path, target, manifest) = (&message["executable"], &message["target"]["name"], &message["manifest_path"]);
    let directory = PathBuf::from(manifest.as_str()?).parent()?.to_owned();
    Some((target.as_str()?.to_owned(), Binary { path: path.as_str()?.into(), directory }))
}
