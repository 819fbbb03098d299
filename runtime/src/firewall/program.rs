//! The program `nft`: where it is, and what it is given.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ExitStatus, Output, Stdio};

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::lab::{LabError, inside};
use crate::path;

/// What to say where it is not.
pub(super) const NOT_THERE: &str = "the program `nft` is neither in PATH nor in /usr/sbin or /sbin: install it, on Debian \
                                    `apt install nftables`";

/// The arguments that have it read one ruleset, and load that as one transaction.
pub(super) const FROM_STDIN: [&str; 2] = ["-f", "-"];

/// A variable that has it speak English.
pub(super) const LOCALE: (&str, &str) = ("LC_ALL", "C");

/// Where the program is.
pub(super) fn find() -> Option<PathBuf> {
    path::find_for_administrators("nft").ok()
}

/// Starts it in a network namespace, which is all of a host that it needs. What it says is piped.
pub(super) fn start(
    nft: &Path,
    netns: BorrowedFd<'_>,
    arguments: &[&str],
    stdin: impl Into<Stdio>,
) -> Result<io::Result<Child>, LabError> {
    let mut command = command(nft, arguments, stdin);
    inside(netns, || Ok(command.spawn()))
}

/// The same, to be started in the network namespace that this thread is in.
pub(super) fn command(nft: &Path, arguments: &[&str], stdin: impl Into<Stdio>) -> process::Command {
    let mut command = process::Command::new(nft);
    command.args(arguments).env(LOCALE.0, LOCALE.1);
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A file with this text, to be a program's standard input. Unlike a pipe it takes a text of any length, whether it is read or not.
pub(super) fn file_with(text: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"ruleset", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// The error of a program that has failed and did not say why.
pub(super) fn silent(status: ExitStatus) -> io::Error {
    io::Error::other(format!("`nft` ended with {status} and said nothing"))
}

/// What `nft` has said, in one line.
pub(super) fn words(said: &Output) -> String {
    let words = String::from_utf8_lossy(&said.stderr);
    let lines = words.lines().map(|line| line.strip_prefix("internal:0:0-0: ").unwrap_or(line).trim());
    let words = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    if words.is_empty() { silent(said.status).to_string() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_from_its_beginning() {
        assert_eq!(io::read_to_string(file_with("add table x").unwrap()).unwrap(), "add table x");
    }
}
