//! What a run has left on the machine.
//!
//! Processes are known by a variable in their environment, which every process of a run has inherited, so that other users of the
//! machine do not matter. A namespace lives by a process, a file descriptor of one, or a mount.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::network::Network;
use crate::run::PAUSE;

/// The variable that a run is known by.
pub(crate) const MARK: &str = "MUST_FAIL_RUN";

/// How the names of this suite's own directories begin.
pub(crate) const OURS_IN_TEMP: &str = "netns-test-must-fail-";

/// What the kernel may take to clear away what nobody uses any more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The machine before a run.
#[derive(Debug)]
pub(crate) struct Watch {
    mark: String,
    before: Machine,
}

impl Watch {
    pub(crate) fn begin() -> Self {
        let mark = fresh_mark();
        Self { before: Machine::look(&mark), mark }
    }

    /// The value of [`MARK`] for the run.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// What differs from before, if it still does when patience ends.
    pub(crate) fn complaint(&self, patience: Duration) -> Option<String> {
        let begun = Instant::now();
        loop {
            let differences = self.before.differences(&Machine::look(&self.mark));
            if differences.is_empty() {
                return None;
            }
            if begun.elapsed() >= patience {
                return Some(differences);
            }
            // The kernel tells nobody when it has finished.
            std::thread::sleep(PAUSE);
        }
    }
}

/// A mark that no other run has, be it in another pid namespace.
pub(crate) fn fresh_mark() -> String {
    fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned()
}

/// The children of a process.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    let parent_of = |process: &Path| {
        let status = fs::read_to_string(process.join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let children = processes().into_iter().filter(|process| parent_of(process) == Some(parent.as_raw()));
    children.map(|child| Pid::from_raw(child.file_name().unwrap().to_str().unwrap().parse().unwrap())).collect()
}

/// All that a run could change.
#[derive(Debug)]
struct Machine {
    /// The run's processes.
    processes: BTreeSet<String>,
    /// Namespaces that they are in or hold open.
    namespaces: BTreeSet<String>,
    mounts: BTreeSet<String>,
    files: BTreeSet<PathBuf>,
    network: Network,
    sysctls: BTreeMap<PathBuf, Vec<u8>>,
}

impl Machine {
    fn look(mark: &str) -> Self {
        let variable = format!("{MARK}={mark}");
        let ours: Vec<_> = processes().into_iter().filter(|process| has_variable(process, &variable)).collect();
        let sysctls = fs::read_dir("/proc/sys/net").map(|_| sysctls(Path::new("/proc/sys/net"))).unwrap_or_default();
        Self {
            processes: ours.iter().map(|process| describe(process)).collect(),
            namespaces: ours.iter().flat_map(|process| namespaces(process)).collect(),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect(),
            files: files(),
            network: Network::look(),
            sysctls,
        }
    }

    fn differences(&self, now: &Self) -> String {
        let mut text = String::new();
        compare("process", &self.processes, &now.processes, &mut text);
        compare("namespace", &self.namespaces, &now.namespaces, &mut text);
        compare("mount", &self.mounts, &now.mounts, &mut text);
        // What others remove meanwhile does not matter.
        compare("file", &self.files, &self.files.union(&now.files).cloned().collect(), &mut text);
        compare("of the network", &self.network.0, &now.network.0, &mut text);
        let values = |machine: &Self| machine.sysctls.clone().into_iter().collect::<BTreeSet<_>>();
        compare("sysctl", &values(self), &values(now), &mut text);
        text
    }
}

fn compare<T: Debug + Ord>(what: &str, before: &BTreeSet<T>, now: &BTreeSet<T>, text: &mut String) {
    for (sign, item) in
        before.difference(now).map(|item| ('-', item)).chain(now.difference(before).map(|item| ('+', item)))
    {
        writeln!(text, "{sign} {what}: {item:?}").unwrap();
    }
}

fn processes() -> Vec<PathBuf> {
    let numbered = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(numbered).collect()
}

/// Those of others cannot be read, and need not be. One that has ended and not been waited for has no environment any more.
fn has_variable(process: &Path, variable: &str) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
}

fn describe(process: &Path) -> String {
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    format!("{} {}: {arguments}", process.display(), name.trim_end())
}

fn namespaces(process: &Path) -> Vec<String> {
    const KINDS: [&str; 8] = ["cgroup:[", "ipc:[", "mnt:[", "net:[", "pid:[", "time:[", "user:[", "uts:["];
    let links = ["ns", "fd"].into_iter().filter_map(|directory| fs::read_dir(process.join(directory)).ok());
    let links = links.flatten().flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let names = links.map(|link| link.display().to_string());
    names.filter(|name| KINDS.iter().any(|kind| name.starts_with(kind))).collect()
}

/// Files of ours in places that anybody might leave some in. Where others write too, ours are known by their names: that there are
/// no others is seen by the test that has such places of its own.
fn files() -> BTreeSet<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = BTreeSet::new();
    for (directory, depth) in [("/tmp", 1), ("/var/tmp", 1), ("/dev/shm", 2), ("/run", 2)] {
        collect(Path::new(directory), depth, &mut files);
    }
    files.retain(|file| file.display().to_string().contains("netns"));
    collect(&package, 4, &mut files);
    collect(root, 1, &mut files);
    files
}

fn collect(directory: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) {
    // Some directories are for others only.
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        // Of this suite, and of `.ci/run`.
        let name = entry.file_name();
        if [OURS_IN_TEMP, "netns-test-ci."].iter().any(|others| name.to_string_lossy().starts_with(others)) {
            continue;
        }
        files.insert(entry.path());
        if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), depth - 1, files);
        }
    }
}

/// The values that can be read. Some exist only after a module has been loaded, as by the first bridge.
fn sysctls(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    // These change by themselves: connections come and go; a kernel module brings its own.
    const BY_THEMSELVES: [&str; 3] = ["nf_conntrack_count", "nf_conntrack_buckets", "bridge"];
    let mut values = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if BY_THEMSELVES.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            values.extend(sysctls(&entry.path()));
        } else if let Ok(value) = fs::read(entry.path()) {
            values.insert(entry.path(), value);
        }
    }
    values
}
