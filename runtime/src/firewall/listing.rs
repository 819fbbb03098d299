//! The rules that are in force.

use std::io;
use std::process::{Command, Stdio};

use super::program;

/// The ruleset of the network namespace that this thread is in, as `nft list ruleset` prints it; nothing where there is no such program.
pub(crate) fn ruleset() -> io::Result<Option<String>> {
    let Some(nft) = program::find() else { return Ok(None) };
    let mut command = Command::new(nft);
    command.args(["list", "ruleset"]).env(program::LOCALE.0, program::LOCALE.1).stdin(Stdio::null());
    let said = command.output()?;
    if !said.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&said.stderr).into_owned()));
    }
    Ok(Some(String::from_utf8_lossy(&said.stdout).into_owned()))
}
