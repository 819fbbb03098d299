//! Programs of the machine, replaced for the length of a test: each test has file systems of its own.

use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

/// Everything of this name that may be run as a program, by an administrator too.
pub fn all(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let found = directories.filter_map(|directory| directory.join(name).canonicalize().ok());
    let mut found: Vec<_> = found.collect();
    found.sort();
    found.dedup();
    found
}

/// Puts something else in the place of a program. Hosts that have been used already do not see it.
pub fn replace(name: &str, with: &Path) {
    let programs = all(name);
    assert!(!programs.is_empty(), "there is no `{name}` to be replaced");
    for program in programs {
        mount(Some(with), &program, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a test can mount");
    }
}

/// Hides a program. Hosts that have been used already do not see it.
pub fn hide(name: &str) {
    replace(name, Path::new("/dev/null"));
}
