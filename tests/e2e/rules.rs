//! What the product's code promises about itself: no sleeps, no program that it starts for its own ends but one, `unsafe` in one file.

use std::fs;
use std::path::{Path, PathBuf};

/// The lines of all product code that contain one of the words: path and line.
fn lines_with(words: &[&str], except: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = Vec::new();
    for file in ["macros/src", "topology/src", "runtime/src"].iter().flat_map(|folder| sources(&root.join(folder))) {
        if except.iter().any(|except| file.ends_with(except)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("source is text");
        let hits = text.lines().filter(|line| words.iter().any(|word| line.contains(word)));
        found.extend(hits.map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let sources: Vec<_> = paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    assert!(!sources.is_empty(), "{} has no sources", folder.display());
    sources
}

#[test]
fn nothing_sleeps() {
    assert_eq!(lines_with(&["sleep("], &[]), [""; 0]);
    // Nor does it wait for nothing by another name.
    assert_eq!(lines_with(&["poll(&mut [],", "park_timeout("], &[]), [""; 0]);
    // Where no event tells of what is waited for: conditions of a test's own, and what a kernel counts.
    assert_eq!(lines_with(&["block_until("], &["wait/alarm.rs", "wait/look.rs", "trail/cause/counted.rs"]), [""; 0]);
    // The one timer of probes and flows, beside the events that they wait for.
    assert_eq!(lines_with(&["sleep_until("], &["probe/schedule.rs"]), [""; 0]);
}

#[test]
fn no_program_is_run_but_the_users_and_nft() {
    let starting = lines_with(&["process::Command::new("], &[]);
    // Where users' programs are started, and `nft`.
    assert_eq!(starting.len(), 2, "{starting:#?}");
    for place in ["program/command.rs: ", "firewall/program.rs: "] {
        assert!(starting.iter().any(|line| line.contains(place)), "{starting:#?}");
    }
    // In a ruleset `ip` is a protocol, the packages of programs that a test may require are known by the programs' names, and a
    // drawing has sysctls.
    let except = ["firewall/nat/ruleset.rs", "trail/cause/firewall.rs", "topology/src/need.rs", "derive/parse/host.rs"];
    let others = ["\"sh\"", "\"ip\"", "\"/bin/", "\"ping\"", "\"sysctl\""];
    assert_eq!(lines_with(&others, &except), [""; 0]);
}

#[test]
fn unsafe_is_in_one_file() {
    // The workspace's lints deny it; this is who is allowed.
    assert_eq!(lines_with(&["(unsafe_code"], &["src/sys.rs"]), [""; 0]);
    assert_eq!(lines_with(&["(unsafe_code"], &[]).len(), 1, "the search finds it where it is");
}
