//! The root of the workspace that a test belongs to, and the settings file there.

use std::io;
use std::path::{Path, PathBuf};

use super::source::SettingsError;

const FILE: &str = "netns-test.toml";

/// The root of a workspace.
pub(super) struct Root {
    directory: PathBuf,
    package: PathBuf,
}

impl Root {
    /// Finds the root of the workspace with the test's package: the nearest directory upwards with the settings file, or with a
    /// manifest that has a `[workspace]`; the package's own directory where there is neither.
    ///
    /// Cargo and nextest say at run time where the package is; what the compiler saw is for a binary that is run by hand.
    pub(super) fn find(manifest_dir_at_compile_time: &str) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(manifest_dir_at_compile_time), PathBuf::from);
        let root = package.ancestors().find(|directory| is_root(directory)).unwrap_or(&package);
        Self { directory: root.to_owned(), package }
    }

    /// The package's directory as seen from here; empty if it is this one.
    pub(super) fn package(&self) -> String {
        self.package.strip_prefix(&self.directory).unwrap_or(&self.package).to_string_lossy().into_owned()
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The settings file, if there is one.
    pub(super) fn read_file(&self) -> Result<Option<(PathBuf, String)>, SettingsError> {
        let path = self.directory.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SettingsError::Unreadable { path, source }),
        }
    }
}

fn is_root(directory: &Path) -> bool {
    directory.join(FILE).exists()
        || std::fs::read_to_string(directory.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim_start().starts_with("[workspace")))
}
