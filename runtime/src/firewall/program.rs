//! The program `nft`: where it is, and what it is given.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{AccessFlags, access};

/// What to say where it is not.
pub(super) const NOT_THERE: &str = "the program `nft` is neither in PATH nor in /usr/sbin or /sbin: install it, on Debian \
                                    `apt install nftables`";

/// Where programs for the administrator are: an ordinary user's `PATH` may lack these.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];

/// The arguments that have it read one ruleset, and load that as one transaction.
pub(super) const FROM_STDIN: [&str; 2] = ["-f", "-"];

/// A variable that has it speak English.
pub(super) const LOCALE: (&str, &str) = ("LC_ALL", "C");

/// Where the program is.
pub(super) fn find() -> Option<PathBuf> {
    find_in(&std::env::var_os("PATH").unwrap_or_default())
}

fn find_in(path: &OsStr) -> Option<PathBuf> {
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    let candidates = directories.chain(SYSTEM.map(PathBuf::from)).map(|directory| directory.join("nft"));
    candidates.into_iter().find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
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
