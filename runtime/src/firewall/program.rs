//! The program `nft`: where it is, and what it is given.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{AccessFlags, eaccess};

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
    path.is_file() && eaccess(path, AccessFlags::X_OK).is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_in_the_path_first() {
        let directory = std::env::temp_dir().join(format!("netns-test-nft-{}", std::process::id()));
        let (empty, full) = (directory.join("empty"), directory.join("full"));
        let program = full.join("nft");
        std::fs::create_dir_all(empty.join("nft")).unwrap();
        std::fs::create_dir_all(&full).unwrap();
        std::fs::write(&program, "").unwrap();
        let path = std::env::join_paths(["relative".as_ref(), empty.as_path(), full.as_path()]).unwrap();
        let not_to_be_run = find_in(&path);
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let found = find_in(&path);
        let without = find_in("".as_ref());
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(found, Some(program));
        // Neither a directory nor a file that is no program; and without a path, where the system has it.
        assert_eq!(not_to_be_run, without);
        let systems = SYSTEM.map(|directory| Path::new(directory).join("nft")).into_iter().find(|path| path.is_file());
        assert_eq!(without, systems);
    }

    #[test]
    fn the_file_is_read_from_its_beginning() {
        assert_eq!(io::read_to_string(file_with("add table x").unwrap()).unwrap(), "add table x");
    }
}
