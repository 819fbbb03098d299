//! Programs of the machine: where they are, or what to do about it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use netns_test_topology::debian_package;
use nix::unistd::{AccessFlags, eaccess};

/// Where programs are looked for if `PATH` is not set (`_PATH_STDPATH` of execvp(3) in glibc).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Where programs for the administrator are, in the `PATH` of root only on many machines.
const SBIN: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Why a program cannot be run by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// There is a file of that name, but not an executable one.
    NotExecutable(PathBuf),
    /// It is in a directory that is not in `PATH`.
    Elsewhere(&'static str),
    /// It is nowhere; the Debian package that would have it.
    Nowhere { package: Option<&'static str> },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExecutable(file) => {
                let file = file.display();
                write!(f, "and {file} is not executable: `chmod +x {file}`")
            }
            Self::Elsewhere(directory) => {
                write!(f, "which is in {directory}, and that is not in PATH: `export PATH=\"$PATH:{directory}\"`")
            }
            Self::Nowhere { package: Some(package) } => {
                write!(f, "which is not in PATH: install it, on Debian `apt install {package}`")
            }
            Self::Nowhere { package: None } => f.write_str("which is not in PATH: install it"),
        }
    }
}

/// Looks for a program in the directories of `PATH`, as a host will do when it runs it.
pub(crate) fn find(name: &str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    // An empty one means the current directory, and is that as a path too.
    find_in(std::env::split_paths(&path), name)
}

/// Looks for a program also where those for the administrator are: it is run by its path.
pub(crate) fn find_for_administrators(name: &str) -> Result<PathBuf, Missing> {
    match find(name) {
        Err(Missing::Elsewhere(directory)) => Ok(Path::new(directory).join(name)),
        other => other,
    }
}

fn find_in(directories: impl Iterator<Item = PathBuf>, name: &str) -> Result<PathBuf, Missing> {
    let files: Vec<_> = directories.map(|directory| directory.join(name)).filter(|file| file.exists()).collect();
    if let Some(program) = files.iter().find(|file| is_program(file)) {
        return Ok(program.clone());
    }
    if let Some(directory) = SBIN.into_iter().find(|directory| is_program(&Path::new(directory).join(name))) {
        return Err(Missing::Elsewhere(directory));
    }
    Err(match files.into_iter().find(|file| file.is_file()) {
        Some(file) => Missing::NotExecutable(file),
        None => Missing::Nowhere { package: debian_package(name) },
    })
}

/// Whether this is a file, or leads to one, that this process may execute.
fn is_program(file: &Path) -> bool {
    file.is_file() && eaccess(file, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Directories of this test's own, removed with it.
    struct Directories(PathBuf);

    impl Directories {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("netns-test-{test}-{}", std::process::id()));
            for directory in ["one", "two"] {
                fs::create_dir_all(path.join(directory)).unwrap();
            }
            Self(path)
        }

        fn file(&self, name: &str, mode: u32) -> PathBuf {
            let file = self.0.join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            file
        }

        fn find(&self, name: &str) -> Result<PathBuf, Missing> {
            find_in(["none", "one", "two"].map(|directory| self.0.join(directory)).into_iter(), name)
        }
    }

    impl Drop for Directories {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_program_is_an_executable_file_in_any_of_the_directories() {
        let directories = Directories::new("a_program");
        let file = directories.file("two/program", 0o755);
        let link = directories.0.join("one/link");
        symlink(&file, &link).unwrap();
        assert_eq!(directories.find("program"), Ok(file));
        assert_eq!(directories.find("link"), Ok(link));
        // As execvp(3) does, the search goes on after a file that cannot be executed.
        directories.file("one/program", 0o644);
        assert_eq!(directories.find("program"), Ok(directories.0.join("two/program")));
    }

    #[test]
    fn what_is_no_program_is_not_taken_for_one() {
        let directories = Directories::new("no_program");
        let file = directories.file("one/text", 0o644);
        fs::create_dir(directories.0.join("one/directory")).unwrap();
        symlink("nowhere", directories.0.join("one/link")).unwrap();
        assert_eq!(directories.find("text"), Err(Missing::NotExecutable(file)));
        for name in ["directory", "link", "nothing"] {
            assert_eq!(directories.find(name), Err(Missing::Nowhere { package: None }), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_type() {
        for (missing, says) in [
            (Missing::NotExecutable("/opt/x".into()), "and /opt/x is not executable: `chmod +x /opt/x`"),
            (
                Missing::Elsewhere("/usr/sbin"),
                "which is in /usr/sbin, and that is not in PATH: `export PATH=\"$PATH:/usr/sbin\"`",
            ),
            (Missing::Nowhere { package: None }, "which is not in PATH: install it"),
            (Missing::Nowhere { package: Some("x") }, "which is not in PATH: install it, on Debian `apt install x`"),
        ] {
            assert_eq!(missing.to_string(), says);
        }
    }
}
