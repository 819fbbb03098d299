//! The rules that are in force.

use std::io;

use super::program;

/// The ruleset of the network namespace that this thread is in, as `nft --handle list ruleset` prints it; nothing where there is no such program.
pub(crate) fn ruleset() -> io::Result<Option<String>> {
    let Some(nft) = program::find() else { return Ok(None) };
    let said = program::command(&nft, &["--handle", "list", "ruleset"]).output()?;
    if !said.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&said.stderr).into_owned()));
    }
    Ok(Some(String::from_utf8_lossy(&said.stdout).into_owned()))
}
