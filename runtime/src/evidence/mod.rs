//! What a lab was like when its test failed: collected before anything is taken down.

mod programs;
mod state;

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::__private::TestSpec;
use crate::error::say;
use crate::program;
use crate::settings::Settings;
use crate::{Host, Lab};

/// How many hosts are shown; the file has all of them.
const SHOWN: usize = 4;

/// Shows the state of the lab on standard error, and writes all of it to a file.
pub(crate) fn show(spec: &TestSpec, settings: &Settings, lab: &Lab) {
    program::pass_on_logs();
    let labs = lab.all().all();
    let all: Vec<&Host> = labs.iter().flat_map(Lab::hosts).collect();
    let of_all: String = labs.iter().map(Lab::weather).chain([programs::of(&all)]).collect();
    let (shown, rest) = all.split_at(all.len().min(SHOWN));
    let mut hosts: String = shown.iter().map(|host| state::of(host)).collect();
    let mut text = format!("\nthe lab when the test failed:\n{hosts}");
    if !rest.is_empty() {
        // All of them may take longer than there is time.
        say(&std::mem::take(&mut text));
    }
    hosts.extend(rest.iter().map(|host| state::of(host)));
    let rest = rest.len();
    let more = if rest > 0 { format!("  and {rest} more hosts\n") } else { String::new() };
    let path = file(spec, settings);
    // Writing to a string cannot fail.
    let _ = match write_file(&path, &(hosts + &of_all)) {
        Ok(()) => write!(text, "{more}{of_all}  (in {})", path.display()),
        Err(error) => {
            let path = path.display();
            write!(text, "{more}{of_all}  (not in {path}: {error}; `NETNS_TEST_ARTIFACTS` names another place)")
        }
    };
    say(&text);
}

/// Removes what an earlier failure of a test has left, now that it passes.
pub(crate) fn forget(spec: &TestSpec, settings: &Settings) {
    let path = file(spec, settings);
    // There is rarely anything; a directory with other things in it stays.
    if fs::remove_file(&path).is_ok() {
        let _ = path.parent().map(fs::remove_dir);
    }
}

/// One directory for each test, so that the last failure of each stays and none is added for ever.
fn file(spec: &TestSpec, settings: &Settings) -> PathBuf {
    settings.artifacts.join(spec.test.replace("::", ".")).join("state.txt")
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}
