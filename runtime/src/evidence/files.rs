//! What is written for a failed test: a directory for each test, which nobody else can read, and in which no path leads elsewhere.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Uid, UnlinkatFlags, geteuid, unlinkat};

use super::report::Entry;
use crate::settings::Settings;

/// A file that is written for a failed test. What is not listed here is neither written nor removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artifact {
    /// The state of its lab.
    State,
    /// The frames of its hosts.
    Capture,
    /// What it said.
    Failure,
    /// All of it as a page.
    Report,
}

impl Artifact {
    pub(super) const ALL: [Self; 4] = [Self::Report, Self::State, Self::Capture, Self::Failure];

    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::State => "state.txt",
            Self::Capture => "capture.pcapng",
            Self::Failure => "failure.txt",
            Self::Report => "report.html",
        }
    }
}

/// The page over all tests, beside their directories.
pub(super) const INDEX: &str = "index.html";

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
        Self { artifacts: settings.artifacts.clone(), name: directory_name(test, &settings.package) }
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
        DirBuilder::new().recursive(true).create(&self.artifacts).map_err(|error| in_file(&self.artifacts, &error))?;
        let artifacts = self.open_artifacts().map_err(|error| in_file(&self.artifacts, &error))?;
        match mkdirat(&artifacts, self.name.as_str(), Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(in_file(&self.directory(), &error.into())),
        }
        refuse_all_but(SFlag::S_IFDIR, &artifacts, &self.name, &self.directory())?;
        let directory = self.open_directory(&artifacts).map_err(|error| in_file(&self.directory(), &error))?;
        let _lock = lock(&directory).map_err(|error| in_file(&self.directory(), &error))?;
        put(&directory, &path, bytes)?;
        Ok(path)
    }

    /// Writes a page over what all tests have left in the place of an earlier one, or removes it where they have left nothing. It waits for others that
    /// do the same.
    ///
    /// # Errors
    /// They name the path.
    pub(crate) fn write_index(&self, page: impl FnOnce(Vec<Entry>) -> String) -> io::Result<PathBuf> {
        let path = self.artifacts.join(INDEX);
        let artifacts = self.open_artifacts().map_err(|error| in_file(&path, &error))?;
        // Whoever looks last knows of all.
        let readable = openat(&artifacts, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let _lock = readable.map(|directory| Flock::lock(directory, FlockArg::LockExclusive));
        let entries: Vec<_> = self.names()?.iter().filter_map(|name| entry(&artifacts, name)).collect();
        if entries.is_empty() {
            if kind_of(&artifacts, INDEX) == Ok(SFlag::S_IFREG) {
                let _ = unlinkat(&artifacts, INDEX, UnlinkatFlags::NoRemoveDir);
            }
            return Ok(path);
        }
        put(&artifacts, &path, page(entries).as_bytes())?;
        Ok(path)
    }

    /// The names of what is beside this directory.
    fn names(&self) -> io::Result<Vec<String>> {
        let listed = std::fs::read_dir(&self.artifacts).map_err(|error| in_file(&self.artifacts, &error))?;
        Ok(listed.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Removes what has been written for the test, and the directory if nothing else is in it. Answers whether there was anything.
    pub(crate) fn forget(&self) -> bool {
        // There is rarely anything.
        let Ok(artifacts) = self.open_artifacts() else { return false };
        let Ok(directory) = self.open_directory(&artifacts) else { return false };
        // What another run is just writing is of that one.
        let Ok(_lock) = lock(&directory) else { return false };
        let names = Artifact::ALL.map(Artifact::file_name);
        let mut any = false;
        for name in names.into_iter().chain([UNFINISHED]) {
            if kind_of(&directory, name) == Ok(SFlag::S_IFREG) {
                any |= unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir).is_ok();
            }
        }
        let _ = unlinkat(&artifacts, self.name.as_str(), UnlinkatFlags::RemoveDir);
        any
    }

    fn directory(&self) -> PathBuf {
        self.artifacts.join(&self.name)
    }

    fn open_artifacts(&self) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let artifacts = open(&self.artifacts, flags, Mode::empty())?;
        // A lab has file systems of its own there, which end with it.
        let real = std::fs::read_link(itself(&artifacts))?;
        if ["/run", "/proc"].iter().any(|own| real.starts_with(own)) {
            return Err(io::Error::other("a lab has a directory of its own there, which nobody else sees"));
        }
        Ok(artifacts)
    }

    /// Opens the test's directory and makes it this user's alone. Under a mask that takes everything away it could not be opened to be read
    /// before.
    fn open_directory(&self, artifacts: &OwnedFd) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = openat(artifacts, self.name.as_str(), flags, Mode::empty())?;
        if !is_own(&directory) {
            return Err(io::Error::other("it belongs to another user: remove it"));
        }
        std::fs::set_permissions(itself(&directory), Permissions::from_mode(0o700))?;
        Ok(directory)
    }
}

/// What leads to an open file, whatever has become of its name.
fn itself(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Whether a file is this user's. Whoever has made it may put other things into it.
fn is_own(file: impl AsFd) -> bool {
    fstat(file).is_ok_and(|status| Uid::from_raw(status.st_uid) == geteuid())
}

/// Writes a file that only this user can read in the place of an earlier one. Whoever calls it has a lock.
fn put(directory: &OwnedFd, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().and_then(OsStr::to_str).expect("it is a file's");
    let failed = |error: &io::Error| in_file(path, error);
    refuse_all_but(SFlag::S_IFREG, directory, name, path)?;
    // What a process has left that was killed meanwhile.
    let _ = unlinkat(directory, UNFINISHED, UnlinkatFlags::NoRemoveDir);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let private = Mode::S_IRUSR | Mode::S_IWUSR;
    let file = openat(directory, UNFINISHED, flags, private).map(File::from);
    let mut file = file.map_err(|error| failed(&error.into()))?;
    // The mask of the process may have taken away more than was to be.
    let written = fchmod(&file, private).map_err(io::Error::from).and_then(|()| file.write_all(bytes));
    let renamed = written.and_then(|()| Ok(renameat(directory, UNFINISHED, directory, name)?));
    renamed.map_err(|error| {
        let _ = unlinkat(directory, UNFINISHED, UnlinkatFlags::NoRemoveDir);
        failed(&error)
    })
}

/// What a test has left in a directory, if it has failed.
fn entry(artifacts: &OwnedFd, name: &str) -> Option<Entry> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = openat(artifacts, name, flags, Mode::empty()).ok().filter(|directory| is_own(directory))?;
    let is_there = |artifact: &Artifact| kind_of(&directory, artifact.file_name()) == Ok(SFlag::S_IFREG);
    let artifacts: Vec<_> = Artifact::ALL.into_iter().filter(is_there).collect();
    // Whatever is put there meanwhile, it is not waited for.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(&directory, Artifact::Failure.file_name(), flags, Mode::empty()).map(File::from).ok()?;
    let time = file.metadata().ok().filter(Metadata::is_file)?.modified().ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_SAID).read_to_end(&mut bytes).ok()?;
    let written = String::from_utf8_lossy(&bytes);
    let (test, said) = written.split_once('\n')?;
    let (test, said) = (test.to_owned(), said.trim_end().to_owned());
    Some(Entry { directory: name.to_owned(), artifacts, test, said, time })
}

/// How much is read of what a test said, in bytes.
const MOST_SAID: u64 = 8192;

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

/// The name of a test's directory: `net::a_test` becomes `net.a_test`, and in the package `crates/server` of a workspace `net.a_test@crates.server`. Whatever a
/// file system, or who lists it, could take for something else is written as its bytes (`%2F`), so that no two tests have the same; one that is too long ends with a
/// number in the place of the rest.
fn directory_name(test: &str, package: &str) -> String {
    let mut name = dotted(test.split("::"));
    if !package.is_empty() {
        name.push('@');
        name.push_str(&dotted(package.split('/')));
    }
    if name == INDEX {
        name.push('~');
    }
    if name.len() <= LONGEST {
        return name;
    }
    let rest = format!("~{:016x}", fnv1a(format!("{test}@{package}").as_bytes()));
    let mut end = LONGEST - rest.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned() + &rest
}

fn dotted<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for (nth, part) in parts.enumerate() {
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
    name
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
            Folder { artifacts: self.0.join("artifacts"), name: directory_name("net::a_test", "") }
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
            assert_eq!(directory_name(test, ""), name);
        }
    }

    #[test]
    fn tests_of_packages_are_told_apart() {
        assert_eq!(directory_name("net::a_test", "crates/server"), "net.a_test@crates.server");
        assert_eq!(directory_name("net::a_test", "crates.server"), "net.a_test@crates%2Eserver");
        assert_eq!(directory_name("net::a_test@crates", ""), "net.a_test%40crates");
        let long = "a".repeat(300);
        assert_ne!(directory_name(&long, "one"), directory_name(&long, "other"));
        assert_eq!(directory_name("index::html", ""), "index.html~");
    }

    #[test]
    fn no_two_tests_have_the_same_name() {
        let long = "ä".repeat(300);
        let others = [format!("{long}a"), format!("{long}b"), format!("x{long}"), "a".repeat(255), "a".repeat(256)];
        let alike = ["a::b", "a.b", "a%2Eb", "a:b", "a::::b", "a::b::", "::a::b", "a/b", "a%2Fb", "%", "", "a~b"];
        let tests: Vec<&str> = others.iter().map(String::as_str).chain(alike).collect();
        let names: BTreeSet<String> = tests.iter().map(|test| directory_name(test, "")).collect();
        assert_eq!(names.len(), tests.len(), "{names:?}");
        for name in names {
            assert!(!name.starts_with('.') && !name.contains(['/', '\0']), "{name}");
            assert!((1..=LONGEST).contains(&name.len()), "{name}");
        }
        assert_eq!(directory_name(&"a".repeat(255), "").len(), 255);
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
        for name in [UNFINISHED, Artifact::Failure.file_name()] {
            symlink(&victim, folder.directory().join(name)).unwrap();
        }
        // What it is written to first is another file.
        folder.write(Artifact::State, b"state").unwrap();
        let error = folder.write(Artifact::Failure, b"it failed").unwrap_err().to_string();
        let path = folder.path(Artifact::Failure);
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

    fn names(entries: &[Entry]) -> String {
        let mut names: Vec<_> = entries.iter().map(|entry| format!("{}: {}", entry.test, entry.said)).collect();
        names.sort();
        names.join(", ")
    }

    #[test]
    fn the_page_over_all_is_of_those_that_have_failed() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        let other = Folder { name: directory_name("net::other", ""), ..folder.clone() };
        let index = folder.artifacts.join(INDEX);
        fs::create_dir_all(folder.artifacts.join("the user's")).unwrap();
        folder.write(Artifact::Failure, b"net::a_test\nit failed\n  twice\n").unwrap();
        other.write(Artifact::State, b"net::other").unwrap();
        folder.write_index(|entries| names(&entries)).unwrap();
        assert_eq!(fs::read_to_string(&index).unwrap(), "net::a_test: it failed\n  twice");
        assert_eq!(mode(&index), 0o600);
        other.write(Artifact::Failure, format!("net::other\n{}", "x".repeat(1 << 20)).as_bytes()).unwrap();
        folder
            .write_index(|entries| {
                assert_eq!(entries.iter().map(|entry| entry.artifacts.len()).sum::<usize>(), 3);
                assert!(names(&entries).len() < 10_000);
                String::new()
            })
            .unwrap();
        assert!(folder.forget() && other.forget() && !other.forget());
        folder.write_index(|_| unreachable!()).unwrap();
        assert!(!index.exists() && folder.artifacts.join("the user's").exists());
    }

    #[test]
    fn no_link_leads_the_page_over_all_astray() {
        let temporary = Temporary::new();
        let folder = temporary.folder();
        let victim = temporary.0.join("victim");
        fs::create_dir_all(&victim).unwrap();
        fs::write(victim.join("failure.txt"), "net::victim\nits secret").unwrap();
        folder.write(Artifact::State, b"").unwrap();
        symlink(victim.join("failure.txt"), folder.path(Artifact::Failure)).unwrap();
        symlink(&victim, folder.artifacts.join("net.linked")).unwrap();
        folder.write_index(|_| unreachable!("nothing of it is read")).unwrap();
        let real = Folder { name: directory_name("net::real", ""), ..folder.clone() };
        real.write(Artifact::Failure, b"net::real\nfailed").unwrap();
        let index = folder.artifacts.join(INDEX);
        symlink(victim.join("failure.txt"), &index).unwrap();
        let error = folder.write_index(|entries| names(&entries)).unwrap_err().to_string();
        assert_eq!(error, format!("{} is a symbolic link, which is not followed: remove it", index.display()));
        assert_eq!(fs::read_to_string(victim.join("failure.txt")).unwrap(), "net::victim\nits secret");
    }

    /// Whoever has looked writes before another looks.
    #[test]
    fn of_many_that_fail_at_once_none_is_missing_on_the_page_over_all() {
        const TESTS: usize = 16;
        let temporary = Temporary::new();
        let folder = temporary.folder();
        std::thread::scope(|scope| {
            for nth in 0..TESTS {
                let test = format!("net::{nth:02}");
                let folder = Folder { name: directory_name(&test, ""), ..folder.clone() };
                scope.spawn(move || {
                    folder.write(Artifact::Failure, format!("{test}\nfailed").as_bytes()).unwrap();
                    folder.write_index(|entries| names(&entries)).unwrap();
                });
            }
        });
        let index = fs::read_to_string(folder.artifacts.join(INDEX)).unwrap();
        assert_eq!(index.matches(": failed").count(), TESTS, "{index}");
    }
}
