//! Why a machine refuses namespaces, and the line to type.

use std::fmt;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use once_cell::sync::OnceCell;

use super::Mode;
use crate::sys::{self, Stage};

/// The machine did not let a test have its namespaces.
#[derive(Debug)]
pub(crate) struct Refusal {
    tried: String,
    error: Errno,
    remedy: String,
}

impl Refusal {
    /// `clone` itself failed.
    pub(crate) fn of_clone(mode: Mode, error: &io::Error) -> Self {
        let error = errno(error);
        let refused = first_refused(mode).unwrap_or(("the test's namespaces", error));
        Self { tried: format!("making {}", refused.0), error, remedy: remedy_for_clone(mode, error) }
    }

    /// A step after `clone` failed.
    pub(crate) fn of_stage(stage: Stage, value: i32) -> Self {
        let error = Errno::from_raw(value);
        let (tried, remedy) = match stage {
            Stage::Setgroups => ("writing /proc/self/setgroups", remedy_for_maps(error)),
            Stage::UidMap => ("writing /proc/self/uid_map", remedy_for_maps(error)),
            Stage::GidMap => ("writing /proc/self/gid_map", remedy_for_maps(error)),
            Stage::DeathSignal => ("prctl(PR_SET_PDEATHSIG)", UNKNOWN.to_owned()),
            Stage::Fork => ("starting a second process", TOO_MANY.to_owned()),
            Stage::Descriptors => ("placing the test's file descriptors", UNKNOWN.to_owned()),
            Stage::Exec if error == Errno::ENOENT => ("running /proc/self/exe", NO_PROC.to_owned()),
            Stage::Exec => ("running /proc/self/exe", UNKNOWN.to_owned()),
            Stage::Reap | Stage::Ended => ("waiting for the test's process", UNKNOWN.to_owned()),
        };
        Self { tried: tried.to_owned(), error, remedy }
    }

    /// Whether the machine does not allow it, rather than being short of something for the moment.
    pub(crate) fn is_unmet_need(&self) -> bool {
        is_unmet_need(self.error)
    }

    /// A mount inside the test's own mount namespace failed.
    pub(crate) fn of_mount(what: &str, error: Errno) -> Self {
        let remedy = match error {
            Errno::EPERM | Errno::EACCES => MASKED,
            Errno::ENOENT => "the directory is missing: create it, empty",
            Errno::ENODEV => "this kernel has no such file system: choose another kernel",
            _ => UNKNOWN,
        };
        Self { tried: format!("mounting {what}"), error, remedy: remedy.to_owned() }
    }

    /// This thread could not leave the machine's namespaces.
    pub(crate) fn of_inline(error: Errno) -> Self {
        let remedy = "`isolation = \"inline\"` needs a process that may make namespaces: start it with \
                      `unshare --user --map-root-user --net --mount`, or leave the setting at `auto`";
        Self { tried: "unshare(2) in the test's own thread".to_owned(), error, remedy: remedy.to_owned() }
    }
}

/// Whether an error of a request for namespaces or mounts says that the machine does not allow it, rather than that it is short of
/// something for the moment, or that we are wrong.
pub(crate) fn is_unmet_need(error: Errno) -> bool {
    use Errno::{EACCES, EINVAL, ENODEV, ENOENT, ENOSPC, ENOSYS, EPERM, EUSERS};
    matches!(error, EPERM | EACCES | ENOSYS | EINVAL | EUSERS | ENODEV | ENOSPC | ENOENT)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "this machine does not let a test have a network of its own")?;
        writeln!(f, "  tried:  {}", self.tried)?;
        writeln!(f, "  kernel: {} ({:?})", self.error.desc(), self.error)?;
        write!(f, "  remedy: {}", self.remedy)
    }
}

const UNKNOWN: &str = "none known; `strace -f` on the test binary shows the call";
const TOO_MANY: &str = "the limit of processes is reached: see `ulimit -u`, and `pids.max` of the cgroup";
const NO_PROC: &str = "/proc is not mounted: `mount -t proc proc /proc`";
const MASKED: &str = "in a container, parts of /proc or /sys are masked, and the kernel then forbids fresh ones: \
                      `docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                      --security-opt systempaths=unconfined …` (podman: `--security-opt unmask=ALL`)";
const APPARMOR: &str =
    "AppArmor restricts user namespaces: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`";

/// Namespaces in the order in which they are probed, with the file that says whether the kernel knows them.
const KINDS: [(&str, CloneFlags, &str); 6] = [
    ("a user namespace", CloneFlags::CLONE_NEWUSER, "user"),
    ("a network namespace", CloneFlags::CLONE_NEWNET, "net"),
    ("a mount namespace", CloneFlags::CLONE_NEWNS, "mnt"),
    ("an IPC namespace", CloneFlags::CLONE_NEWIPC, "ipc"),
    ("a UTS namespace", CloneFlags::CLONE_NEWUTS, "uts"),
    ("a pid namespace", CloneFlags::CLONE_NEWPID, "pid"),
];

/// The first kind of namespace that cannot be had, tried one by one; once per process.
fn first_refused(mode: Mode) -> Option<(&'static str, Errno)> {
    static REFUSED: OnceCell<Option<(&'static str, Errno)>> = OnceCell::new();
    *REFUSED.get_or_init(|| {
        let wanted = mode.namespaces();
        let own_user = wanted & CloneFlags::CLONE_NEWUSER;
        KINDS.into_iter().filter(|(_, flag, _)| wanted.contains(*flag)).find_map(|(kind, flag, _)| {
            let error = sys::probe_clone((own_user | flag).bits()).err()?;
            Some((kind, errno(&error)))
        })
    })
}

fn remedy_for_clone(mode: Mode, error: Errno) -> String {
    match error {
        Errno::EPERM | Errno::EACCES if mode == Mode::Root => {
            "this process lacks CAP_SYS_ADMIN: leave the setting `isolation` at `auto`, or run the tests as root"
                .to_owned()
        }
        Errno::EPERM | Errno::EACCES => remedy_for_user_namespace(),
        Errno::ENOSPC | Errno::EUSERS => remedy_for_quota(),
        Errno::EINVAL => remedy_for_kernel(),
        Errno::EAGAIN => TOO_MANY.to_owned(),
        Errno::ENOMEM => "the machine is out of memory".to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

fn remedy_for_user_namespace() -> String {
    if std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.trim().is_empty()) {
        "this process is in a user namespace where its user is not mapped: `unshare --user --map-root-user …`"
            .to_owned()
    } else if sysctl("kernel/unprivileged_userns_clone").is_some_and(|value| value == "0") {
        "user namespaces are switched off: `sudo sysctl -w kernel.unprivileged_userns_clone=1`".to_owned()
    } else if apparmor_restricts() {
        APPARMOR.to_owned()
    } else if in_seccomp() {
        "a seccomp filter forbids it, as containers have one: \
         `docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …`, or run the tests as root"
            .to_owned()
    } else {
        "a security module or a chroot forbids it; run the tests as root".to_owned()
    }
}

fn remedy_for_maps(error: Errno) -> String {
    match error {
        Errno::ENOENT => NO_PROC.to_owned(),
        Errno::EPERM | Errno::EACCES if apparmor_restricts() => APPARMOR.to_owned(),
        Errno::EPERM | Errno::EACCES => remedy_for_user_namespace(),
        _ => UNKNOWN.to_owned(),
    }
}

fn remedy_for_quota() -> String {
    let spent: Vec<_> = KINDS
        .iter()
        .map(|(_, _, file)| format!("user/max_{file}_namespaces"))
        .filter(|quota| sysctl(quota).is_some_and(|value| value == "0"))
        .map(|quota| format!("`sudo sysctl -w {}=10000`", quota.replace('/', ".")))
        .collect();
    if spent.is_empty() {
        "a quota of namespaces is used up: raise `user.max_*_namespaces` (`sysctl -a -r '^user.max'`), or nest fewer user \
         namespaces (32 at most)"
            .to_owned()
    } else {
        format!("a quota of namespaces is 0: {}", spent.join(", "))
    }
}

fn remedy_for_kernel() -> String {
    let missing: Vec<_> = KINDS
        .iter()
        .map(|(_, _, file)| *file)
        .filter(|file| !Path::new("/proc/self/ns").join(file).exists())
        .map(|file| format!("CONFIG_{}_NS", if file == "mnt" { "NAMESPACES".to_owned() } else { file.to_uppercase() }))
        .collect();
    if missing.is_empty() {
        UNKNOWN.to_owned()
    } else {
        format!("this kernel was built without {}: choose another", missing.join(", "))
    }
}

fn sysctl(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?.trim().to_owned())
}

fn apparmor_restricts() -> bool {
    sysctl("kernel/apparmor_restrict_unprivileged_userns").is_some_and(|value| value != "0")
}

fn in_seccomp() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.lines().any(|line| line == "Seccomp:\t2"))
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
