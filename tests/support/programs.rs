//! Programs of the machine, replaced for the length of a test: each test has file systems of its own. The numbers that they get.

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

/// Has the kernel give away the same few numbers again and again, from 300 (`RESERVED_PIDS`) on. Answers whether it does: before Linux 6.14
/// `pid_max` is the machine's (`Documentation/admin-guide/sysctl/kernel.rst`), and is left alone.
pub fn few_process_numbers() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    if (numbers.next(), numbers.next()) < (Some(6), Some(14)) {
        return false;
    }
    // The least that is allowed depends on the number of processors.
    let few = [320, 640, 1280, 2560, 5120];
    let set = few.iter().find(|few| std::fs::write("/proc/sys/kernel/pid_max", few.to_string()).is_ok());
    set.expect("a pid namespace has a limit of its own");
    true
}
