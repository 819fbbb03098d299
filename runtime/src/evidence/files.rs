//! What is written for a failed test: a directory for each test, which nobody else can read, and in which no path leads elsewhere.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::settings::Settings;

/// A file that is written for a failed test. What is not listed here is neither written nor removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artifact {
    /// The state of its lab.
    State,
    /// The frames of its hosts.
    Capture,
    /// How its process ended, where that is all that is known.
    Ending,
}

impl Artifact {
    const ALL: [Self; 3] = [Self::State, Self::Capture, Self::Ending];

    fn file_name(self) -> &'static str {
        match self {
            Self::State => "state.txt",
            Self::Capture => "capture.pcapng",
            Self::Ending => "ending.txt",
        }
    }
}

/// What a file is called until it is whole.
const UNFINISHED: &str = ".unfinished";

/// The longest name of a file (`NAME_MAX` in `linux/limits.h`), in bytes.
const LONGEST: usize = 255;

/// The directory of one test, below that of the setting `artifacts`. It is there as long as there is something in it.
///
/// The directory of the setting may be a symbolic link, which is the user's choice; what is below it is opened by its name in there, and a
/// link is refused: whoever may write there cannot have this process write elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    artifacts: PathBuf,
    name: String,
}

impl Folder {
    /// That of the test with this path, its crate's name first.
    pub(crate) fn of(settings: &Settings, test: &str) -> Self {
        Self { artifacts: settings.artifacts.clone(), name: directory_name(test) }
    }

    /// Where an artifact is, or would be.
    pub(crate) fn path(&self, artifact: Artifact) -> PathBuf {
        self.directory().join(artifact.file_name())
    }

    /// Writes an artifact in the place of an earlier one: whoever reads it sees the one or the other, and never half of it.
    ///
    /// # Errors
    /// They name the path.
    pub(crate) fn write(&self, artifact: Artifact, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path(artifact);
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error: Errno| in_file(&path, &error.into())
        };
        DirBuilder::new().recursive(true).create(&self.artifacts).map_err(|error| in_file(&self.artifacts, &error))?;
        let artifacts = self.open_artifacts().map_err(at(&self.artifacts))?;
        match mkdirat(&artifacts, self.name.as_str(), Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(at(&self.directory())(error)),
        }
        refuse_all_but(SFlag::S_IFDIR, &artifacts, &self.name, &self.directory())?;
        let directory = self.open_directory(&artifacts).map_err(|error| in_file(&self.directory(), &error))?;
        refuse_all_but(SFlag::S_IFREG, &directory, artifact.file_name(), &path)?;
        let _lock = lock(&directory).map_err(|error| in_file(&self.directory(), &error))?;
        // What a process has left that was killed meanwhile.
        let _ = unlinkat(&directory, UNFINISHED, UnlinkatFlags::NoRemoveDir);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let private = Mode::S_IRUSR | Mode::S_IWUSR;
        let mut file = openat(&directory, UNFINISHED, flags, private).map(File::from).map_err(at(&path))?;
        // The mask of the process may have taken away more than was to be.
        let written = fchmod(&file, private).map_err(io::Error::from).and_then(|()| file.write_all(bytes));
        let renamed = written.and_then(|()| Ok(renameat(&directory, UNFINISHED, &directory, artifact.file_name())?));
        if let Err(error) = renamed {
            let _ = unlinkat(&directory, UNFINISHED, UnlinkatFlags::NoRemoveDir);
            return Err(in_file(&path, &error));
        }
        Ok(path)
    }

    /// Removes what has been written for the test, and the directory if nothing else is in it.
    pub(crate) fn forget(&self) {
        // There is rarely anything.
        let Ok(artifacts) = self.open_artifacts() else { return };
        let Ok(directory) = self.open_directory(&artifacts) else { return };
        let names = Artifact::ALL.map(Artifact::file_name);
        for name in names.into_iter().chain([UNFINISHED]) {
            if kind_of(&directory, name) == Ok(SFlag::S_IFREG) {
                let _ = unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir);
            }
        }
        let _ = unlinkat(&artifacts, self.name.as_str(), UnlinkatFlags::RemoveDir);
    }

    fn directory(&self) -> PathBuf {
        self.artifacts.join(&self.name)
    }

    fn open_artifacts(&self) -> nix::Result<OwnedFd> {
        open(&self.artifacts, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// Opens the test's directory and makes it this user's alone. Under a mask that takes everything away it could not be opened to be read
    /// before.
    fn open_directory(&self, artifacts: &OwnedFd) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = openat(artifacts, self.name.as_str(), flags, Mode::empty())?;
        let itself = format!("/proc/self/fd/{}", directory.as_raw_fd());
        std::fs::set_permissions(itself, Permissions::from_mode(0o700))?;
        Ok(directory)
    }
}

/// Keeps another run of the same test out. Where the file system has no locks, the last one to write wins.
fn lock(directory: &OwnedFd) -> io::Result<Option<Flock<OwnedFd>>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match Flock::lock(openat(directory, ".", flags, Mode::empty())?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Err(io::Error::other("another run of the same test is writing there")),
        Err(_) => Ok(None),
    }
}

/// What has this name in a directory, a link being a link.
fn kind_of(directory: impl AsFd, name: &str) -> nix::Result<SFlag> {
    let status = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    Ok(SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT)
}

/// Says what is at a path, if it is something else than what is to be there.
fn refuse_all_but(wanted: SFlag, directory: impl AsFd, name: &str, path: &Path) -> io::Result<()> {
    let what = match kind_of(directory, name) {
        Err(Errno::ENOENT) => return Ok(()),
        Err(error) => return Err(in_file(path, &error.into())),
        Ok(kind) if kind == wanted => return Ok(()),
        Ok(SFlag::S_IFLNK) => "a symbolic link, which is not followed",
        Ok(SFlag::S_IFDIR) => "a directory, where a file is to be written",
        Ok(_) if wanted == SFlag::S_IFDIR => "no directory, where one is to be written to",
        Ok(_) => "no ordinary file, where one is to be written",
    };
    Err(io::Error::other(format!("{} is {what}: remove it", path.display())))
}

fn in_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

/// The name of a test's directory: `net::a_test` becomes `net.a_test`. Whatever a file system, or who lists it, could take for something
/// else is written as its bytes (`%2F`), so that no two tests have the same; one that is too long ends with a number in the place of the rest.
fn directory_name(test: &str) -> String {
    let mut name = String::new();
    for (nth, part) in test.split("::").enumerate() {
        name.push_str(if nth == 0 { "" } else { "." });
        name.push_str(if part.is_empty() { "%" } else { "" });
        for character in part.chars() {
            if character.is_alphanumeric() || "_-".contains(character) {
                name.push(character);
            } else {
                // Writing to a string cannot fail.
                let mut bytes = [0; 4];
                let bytes = character.encode_utf8(&mut bytes).bytes();
                bytes.for_each(|byte| _ = write!(name, "%{byte:02X}"));
            }
        }
    }
    if name.len() <= LONGEST {
        return name;
    }
    let rest = format!("~{:016x}", fnv1a(test.as_bytes()));
    let mut end = LONGEST - rest.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned() + &rest
}

/// FNV-1a, 64 bits wide: the same number in every run, which std's hashes do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::symlink;

    use nix::sched::{CloneFlags, unshare};
    use nix::sys::stat::umask;

    use super::*;

    /// A directory of this test's own, removed with it.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new() -> Self {
            let mark = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
            let path = std::env::temp_dir().join(format!("netns-test-files-{}", mark.trim()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn folder(&self) -> Folder {
            Folder { artifacts: self.0.join("artifacts"), name: directory_name("net::a_test") }
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn mode(path: impl AsRef<Path>) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_name_is_readable_and_safe() {
        for (test, name) in [
            ("net::a_test", "net.a_test"),
            ("cases::pings::case_1", "cases.pings.case_1"),
            ("net::prüft_es", "net.prüft_es"),
            ("::x", "%.x"),
            ("", "%"),
            ("..", "%2E%2E"),
            ("net::../../etc", "net.%2E%2E%2F%2E%2E%2Fetc"),
            ("a\0b\nc", "a%00b%0Ac"),
            ("a%2Fb", "a%252Fb"),
            ("\u{202e}x", "%E2%80%AEx"),
        ] {
            assert_eq!(directory_name(test), name);
        }
    }

    #[test]
    fn no_two_tests_have_the_same_name() {
        let long = "ä".repeat(300);
        let others = [format!("{long}a"), format!("{long}b"), format!("x{long}"), "a".repeat(255), "a".repeat(256)];
        let alike = ["a::b", "a.b", "a%2Eb", "a:b", "a::::b", "a::b::", "::a::b", "a/b", "a%2Fb", "%", "", "a~b"];
        let tests: Vec<&str> = others.iter().map(String::as_str).chain(alike).collect();
        let names: BTreeSet<String> = tests.iter().map(|test| directory_name(test)).collect();
        assert_eq!(names.len(), tests.len(), "{names:?}");
        for name in names {
            assert!(!name.starts_with('.') && !name.contains(['/', '\0']), "{name}");
            assert!((1..=LONGEST).contains(&name.len()), "{name}");
        }
        assert_eq!(directory_name(&"a".repeat(255)).len(), 255);
    }

    #[test]
    fn what_is_written_is_this_user_s_alone_whatever_the_mask() {
        for mask in [0, 0o022, 0o777] {
            let temporary = Temporary::new();
            let folder = temporary.folder();
            fs::create_dir(&folder.artifacts).unwrap();
            // A mask is a thread's own where it does not share its root and working directory.
            let write = || {
                unshare(CloneFlags::CLONE_FS).unwrap();
                umask(Mode::from_bits_truncate(mask));
                folder.write(Artifact::State, b"one").unwrap();
                folder.write(Artifact::State, b"two").unwrap()
            };
            let path = std::thread::scope(|scope| scope.spawn(write).join().unwrap());
            assert_eq!(path, temporary.0.join("artifacts/net.a_test/state.txt"));
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600), "umask {mask:o}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "two");
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_directory_that_others_could_read_becomes_private() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        fs::create_dir_all(folder.directory()).unwrap();
        fs::set_permissions(folder.directory(), Permissions::from_mode(0o777)).unwrap();
        folder.write(Artifact::State, b"").unwrap();
        assert_eq!(mode(folder.directory()), 0o700);
    }

    #[test]
    fn what_was_written_is_forgotten_and_nothing_else() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        folder.forget();
        assert!(!folder.artifacts.exists());
        for artifact in Artifact::ALL {
            folder.write(artifact, b"").unwrap();
        }
        fs::write(folder.directory().join(UNFINISHED), "of one that was killed").unwrap();
        folder.forget();
        assert!(folder.artifacts.exists() && !folder.directory().exists());
        folder.write(Artifact::State, b"").unwrap();
        let own = folder.directory().join("notes");
        fs::write(&own, "the user's").unwrap();
        folder.forget();
        assert!(own.exists() && !folder.path(Artifact::State).exists());
    }

    #[test]
    fn the_artifacts_may_be_elsewhere() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        fs::create_dir(temporary.0.join("elsewhere")).unwrap();
        symlink("elsewhere", &folder.artifacts).unwrap();
        folder.write(Artifact::State, b"state").unwrap();
        assert_eq!(fs::read(temporary.0.join("elsewhere/net.a_test/state.txt")).unwrap(), b"state");
    }

    #[test]
    fn a_link_in_the_place_of_a_directory_is_not_followed() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        let victim = temporary.0.join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("state.txt"), "the victim's").unwrap();
        fs::set_permissions(&victim, Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(&folder.artifacts).unwrap();
        symlink(&victim, folder.directory()).unwrap();
        let error = folder.write(Artifact::State, b"state").unwrap_err().to_string();
        let path = folder.directory();
        assert_eq!(error, format!("{} is a symbolic link, which is not followed: remove it", path.display()));
        folder.forget();
        assert_eq!(fs::read_to_string(victim.join("state.txt")).unwrap(), "the victim's");
        assert_eq!((mode(&victim), fs::read_dir(&victim).unwrap().count()), (0o755, 1));
        // Nor if it is put there after the look.
        let artifacts = folder.open_artifacts().unwrap();
        assert!(folder.open_directory(&artifacts).is_err());
        assert_eq!(mode(&victim), 0o755);
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_not_followed() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        let victim = temporary.0.join("victim");
        fs::write(&victim, "the victim's").unwrap();
        fs::create_dir_all(folder.directory()).unwrap();
        for name in [UNFINISHED, Artifact::Ending.file_name()] {
            symlink(&victim, folder.directory().join(name)).unwrap();
        }
        // What it is written to first is another file.
        folder.write(Artifact::State, b"state").unwrap();
        let error = folder.write(Artifact::Ending, b"ending").unwrap_err().to_string();
        let path = folder.path(Artifact::Ending);
        assert_eq!(error, format!("{} is a symbolic link, which is not followed: remove it", path.display()));
        folder.forget();
        assert!(path.is_symlink(), "it is not what was written");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "the victim's");
    }

    #[test]
    fn what_is_in_the_way_is_said() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        fs::create_dir(&folder.artifacts).unwrap();
        fs::write(folder.directory(), "").unwrap();
        let error = folder.write(Artifact::State, b"").unwrap_err().to_string();
        let path = folder.directory();
        assert_eq!(error, format!("{} is no directory, where one is to be written to: remove it", path.display()));
        fs::remove_file(&path).unwrap();
        let path = folder.path(Artifact::State);
        fs::create_dir_all(&path).unwrap();
        let error = folder.write(Artifact::State, b"").unwrap_err().to_string();
        assert_eq!(error, format!("{} is a directory, where a file is to be written: remove it", path.display()));
        assert_eq!(fs::read_dir(folder.directory()).unwrap().count(), 1);
    }

    #[test]
    fn two_runs_do_not_write_to_one_file() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        folder.write(Artifact::State, b"one").unwrap();
        let directory = folder.open_directory(&folder.open_artifacts().unwrap()).unwrap();
        let held = lock(&directory).unwrap();
        let error = folder.write(Artifact::State, b"two").unwrap_err().to_string();
        assert!(error.ends_with("net.a_test: another run of the same test is writing there"), "{error}");
        drop(held);
        folder.write(Artifact::State, b"two").unwrap();
    }
}
