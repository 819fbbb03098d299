//! What a lab was like when its test failed: collected before anything is taken down.

mod state;

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::__private::TestSpec;
use crate::Lab;
use crate::settings::Settings;

/// How many hosts are shown; the file has all of them.
const SHOWN: usize = 4;

/// Shows the state of the lab on standard error, and writes all of it to a file.
pub(crate) fn show(spec: &TestSpec, settings: &Settings, lab: &Lab) {
    let hosts: Vec<String> = lab.hosts().iter().map(state::of).collect();
    let mut text = String::from("\nthe lab when the test failed:\n");
    text.extend(hosts.iter().take(SHOWN).map(String::as_str));
    let rest = hosts.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!("  and {rest} more hosts\n") } else { String::new() };
    // Writing to a string cannot fail.
    let _ = match write_file(spec, settings, &hosts.concat()) {
        Ok(path) => write!(text, "{more}  (in {})", path.display()),
        Err(error) => write!(text, "{more}  (not written to a file: {error})"),
    };
    eprintln!("{text}");
}

/// One directory for each test, so that the last failure of each stays and none is added for ever.
fn write_file(spec: &TestSpec, settings: &Settings, text: &str) -> io::Result<PathBuf> {
    let directory = settings.artifacts.join(spec.test.replace("::", "."));
    fs::create_dir_all(&directory)?;
    let path = directory.join("state.txt");
    fs::write(&path, text)?;
    Ok(path)
}
