//! The processes of a lab, and which program each of them descends from.
//!
//! A program has a cgroup namespace of its own (`cgroup_namespaces(7)`), which everything that descends from it is in as well: unlike its
//! parent's number that is not lost when it becomes a daemon, and unlike a variable not with its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::fstat;

use super::states::States;
use super::wait::is_readable;
use crate::{Host, sys};

/// Programs by the cgroup namespaces of their own. A number is given to another when nothing that descends from the program is left.
static STARTED: Mutex<BTreeMap<u64, u32>> = Mutex::new(BTreeMap::new());

/// A process of a host: a program that the test has started there, or one that descends from it.
///
/// It is held by its pidfd since it was found, so that what is said here and a signal are of the same process, whatever becomes of its
/// number.
#[derive(Debug)]
pub struct HostProcess {
    id: u32,
    pidfd: OwnedFd,
    command: Vec<OsString>,
    program: Option<u32>,
}

impl HostProcess {
    /// Its number in the test's pid namespace.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its name and arguments, as it has them now (`/proc/PID/cmdline`, proc(5)).
    pub fn command(&self) -> &[OsString] {
        &self.command
    }

    /// The [`id`](crate::Process::id) of the program that it is or descends from, also as a daemon. Nothing, if the test did not start
    /// it by [`Host::command`], or if the kernel has no cgroup namespaces (Linux 4.6).
    pub fn program(&self) -> Option<u32> {
        self.program
    }

    /// Sends it a signal, by number (signal(7)). Fails with `ESRCH` if it has ended; no other process ever gets it.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        sys::pidfd_send_signal(self.pidfd.as_fd(), signal)
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// What it has as its command by now; it has not ended.
    pub(crate) fn command_now(&self) -> Vec<OsString> {
        words(self.id)
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let Self { id, pidfd, command, program } = self;
        Ok(Self { id: *id, pidfd: pidfd.try_clone()?, command: command.clone(), program: *program })
    }

    pub(crate) fn has_ended(&self) -> bool {
        is_readable(self.pidfd.as_fd()).unwrap_or(true)
    }

    pub(crate) fn parent(&self) -> Option<u32> {
        parent(self.id)
    }

    pub(crate) fn states(&self) -> States {
        States::of(self.id)
    }

    /// Whether it is no program but a copy of the test's own process, be it one that is about to become a program.
    pub(crate) fn is_a_copy_of_the_test(&self) -> bool {
        self.program.is_none() && identity(format!("/proc/{}/exe", self.id)) == identity("/proc/self/exe")
    }
}

impl Host {
    /// The processes whose network namespace is this host's, in the order of their numbers: programs of the test and all that descends
    /// from them, daemons too. One that has ended and has not been waited for is not among them.
    pub fn processes(&self) -> Vec<HostProcess> {
        in_hosts(&[self]).into_iter().map(|(_, process)| process).collect()
    }
}

/// The processes of several hosts, each with its host's place among them.
pub(crate) fn in_hosts(hosts: &[&Host]) -> Vec<(usize, HostProcess)> {
    let netns = |host: &&Host| fstat(host.netns()).ok().map(|status| (status.st_dev, status.st_ino));
    let hosts: BTreeMap<_, _> = hosts.iter().enumerate().filter_map(|(nth, host)| Some((netns(host)?, nth))).collect();
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let place = |id| namespace(id, "net").and_then(|netns| hosts.get(&netns).copied());
    others().into_iter().filter_map(|id| find(id, place, &started)).collect()
}

/// The process with this number, if it has a place; what is said of it is of one and the same, since it still runs afterwards.
fn find(
    id: u32,
    place: impl FnOnce(u32) -> Option<usize>,
    started: &BTreeMap<u64, u32>,
) -> Option<(usize, HostProcess)> {
    let pidfd = sys::pidfd_open(id).ok()?;
    let place = place(id)?;
    let command = words(id);
    let program = namespace(id, "cgroup").and_then(|(_, number)| started.get(&number).copied());
    let ended = is_readable(pidfd.as_fd()).unwrap_or(true);
    (!ended).then_some((place, HostProcess { id, pidfd, command, program }))
}

/// What a process has as its command now: nothing for a moment, while it becomes another program.
fn words(id: u32) -> Vec<OsString> {
    let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let command = command.strip_suffix(b"\0").unwrap_or(&command);
    command.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

fn numbers() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.into_iter()
}

fn namespace(id: u32, kind: &str) -> Option<(u64, u64)> {
    identity(format!("/proc/{id}/ns/{kind}"))
}

fn identity(path: impl AsRef<Path>) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A program and all that descends from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// Its cgroup namespace, if it has one of its own.
    cgroup: Option<u64>,
    /// The program, until it has been waited for.
    head: Option<u32>,
}

impl Family {
    /// Gives this thread, and the program that it starts next, a cgroup namespace of its own. Nothing else depends on it: where the
    /// kernel has none, a daemon is not known by it.
    pub(super) fn found() -> Self {
        let unshared = unshare(CloneFlags::CLONE_NEWCGROUP);
        let cgroup = unshared.ok().and_then(|()| identity("/proc/thread-self/ns/cgroup")).map(|(_, number)| number);
        Self { cgroup, head: None }
    }

    /// Notes who is its head.
    pub(super) fn set_head(&mut self, id: u32) {
        self.head = Some(id);
        if let Some(cgroup) = self.cgroup {
            STARTED.lock().unwrap_or_else(PoisonError::into_inner).insert(cgroup, id);
        }
    }

    /// Its head has been waited for: the number may be another's from now on.
    pub(super) fn lose_head(&mut self) {
        self.head = None;
    }

    /// The numbers of all that run.
    pub(super) fn members(&self) -> Vec<u32> {
        let all: Vec<_> = numbers().map(|id| (id, parent(id), self.is_in(id))).collect();
        let mut members: Vec<u32> = all.iter().filter(|(_, _, is_in)| *is_in).map(|(id, ..)| *id).collect();
        // Who has left for a namespace of its own is known by its parent.
        loop {
            let is_new = |(id, parent, _): &&(u32, Option<u32>, bool)| {
                !members.contains(id) && parent.is_some_and(|parent| members.contains(&parent))
            };
            let new: Vec<u32> = all.iter().filter(is_new).map(|(id, ..)| *id).collect();
            if new.is_empty() {
                return members;
            }
            members.extend(new);
        }
    }

    /// Kills all that run and have not left for a namespace of their own.
    pub(super) fn kill(&self) {
        for id in self.members() {
            // Who is in it after its pidfd was opened is who the pidfd is of.
            if let Some(pidfd) = sys::pidfd_open(id).ok().filter(|_| self.is_in(id)) {
                let _ = sys::pidfd_send_signal(pidfd.as_fd(), libc::SIGKILL);
            }
        }
    }

    fn is_in(&self, id: u32) -> bool {
        // This process has threads in such namespaces, but is no program of its own.
        let cgroup = namespace(id, "cgroup").map(|(_, number)| number);
        self.head == Some(id) || (self.cgroup.is_some() && cgroup == self.cgroup && id != std::process::id())
    }
}

fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// All processes but this one.
pub(super) fn others() -> Vec<u32> {
    numbers().filter(|id| *id != std::process::id()).collect()
}
