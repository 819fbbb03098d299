//! What a host is made of: its namespaces and its threads.

use std::any::Any;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{ScopedJoinHandle, ThreadId};

use netns_test_topology::HostPlan;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::fstat;
use once_cell::sync::OnceCell;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

use super::Surroundings;
use crate::fault::Faults;
use crate::harness::Waiting;
use crate::isolation::Refusal;
use crate::lab::{cover, cover_file};

/// A host. Its network namespace is there from the start, its mount and UTS namespaces and its runtime from first use.
pub(crate) struct Machine {
    /// Its place in the plan.
    number: usize,
    surroundings: Arc<Surroundings>,
    netns: OwnedFd,
    anchor: OnceCell<Anchor>,
    /// Its macvtaps that have been opened, by their indices within the host.
    macvtaps: Mutex<HashMap<usize, File>>,
    /// The ports that have been reserved; held while one is added.
    pub(crate) ports: Mutex<BTreeSet<u16>>,
    faults: Faults,
}

/// The thread that lives as long as the lab: it runs the host's runtime, and `/proc/net` in the host is its own.
struct Anchor {
    thread: ThreadId,
    mntns: File,
    utsns: File,
    runtime: Handle,
    /// Dropped with the host, which ends the thread.
    _alive: oneshot::Sender<Never>,
}

/// What is never sent.
enum Never {}

impl Machine {
    pub(crate) fn new(number: usize, surroundings: Arc<Surroundings>, netns: OwnedFd) -> Self {
        Self {
            number,
            surroundings,
            netns,
            anchor: OnceCell::new(),
            macvtaps: Mutex::default(),
            ports: Mutex::default(),
            faults: Faults::default(),
        }
    }

    pub(crate) fn plan(&self) -> &HostPlan {
        &self.surroundings.plan.hosts[self.number]
    }

    /// Its index in the plan.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn surroundings(&self) -> &Arc<Surroundings> {
        &self.surroundings
    }

    /// Whether this thread is the one that runs the host's runtime.
    pub(crate) fn is_its_runtime(&self) -> bool {
        self.anchor.get().is_some_and(|anchor| anchor.thread == std::thread::current().id())
    }

    /// What befalls its programs.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn netns(&self) -> BorrowedFd<'_> {
        self.netns.as_fd()
    }

    /// A macvtap of the host's, opened by whoever is first: the kernel would deal out its frames among several that open it, and the
    /// place where it is opened is one.
    pub(crate) fn macvtap(&self, nth: usize, open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
        let mut macvtaps = self.macvtaps.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match macvtaps.entry(nth) {
            Entry::Occupied(opened) => opened.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(open()?),
        };
        file.try_clone()
    }

    /// The host's runtime.
    #[track_caller]
    pub(crate) fn runtime(&self) -> &Handle {
        self.try_runtime().unwrap_or_else(|error| self.cannot_enter(Location::caller(), &error))
    }

    /// The host's runtime, or why the kernel does not let it be started.
    pub(crate) fn try_runtime(&self) -> Result<&Handle, String> {
        Ok(&self.anchor()?.runtime)
    }

    /// Runs a closure on a thread of this host; answers with the payload if it panics.
    #[track_caller]
    pub(crate) fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, Box<dyn Any + Send>> {
        let at = Location::caller();
        let _waiting = Waiting::new(format!("a closure in host `{}`, started at {at}", self.plan().name));
        self.try_run(f).unwrap_or_else(|error| self.cannot_enter(at, &error))
    }

    /// The same, or why the kernel does not let a thread be started in the host.
    ///
    /// A new thread each time: one that waits must not keep another closure of the same host waiting.
    pub(crate) fn try_run<T: Send>(
        &self,
        f: impl FnOnce() -> T + Send,
    ) -> Result<Result<T, Box<dyn Any + Send>>, String> {
        let anchor = self.anchor()?;
        std::thread::scope(|scope| {
            let work = || self.enter(anchor).map(|()| f());
            let thread = std::thread::Builder::new().name(self.plan().name.to_string());
            match thread.spawn_scoped(scope, work).map(ScopedJoinHandle::join) {
                Ok(Ok(Ok(value))) => Ok(Ok(value)),
                Ok(Err(payload)) => Ok(Err(payload)),
                Ok(Ok(Err(error))) | Err(error) => Err(error.to_string()),
            }
        })
    }

    fn anchor(&self) -> Result<&Anchor, String> {
        self.anchor.get_or_try_init(|| self.start_anchor())
    }

    fn cannot_enter(&self, at: &Location<'_>, error: &str) -> ! {
        let message = format!("cannot run anything in host `{}`: {error}", self.plan().name);
        self.surroundings.could_not(at, message)
    }

    fn start_anchor(&self) -> Result<Anchor, String> {
        let (tell, told) = mpsc::channel();
        let netns = self.netns.try_clone().map_err(|error| no_room_or(error).to_string())?;
        let hostname = self.plan().name.to_string();
        let work = move || match settle_in(&netns, &hostname) {
            Ok((anchor, runtime, gone)) => {
                // Whoever waits for it is there until it comes.
                let _ = tell.send(Ok(anchor));
                // Nothing is ever sent: this waits until the host is gone.
                let _ = runtime.block_on(gone);
            }
            Err(error) => _ = tell.send(Err(error)),
        };
        let name = self.plan().name.to_string();
        std::thread::Builder::new().name(name).spawn(work).map_err(|error| error.to_string())?;
        told.recv().unwrap_or_else(|_| Err("its thread has ended".to_owned()))
    }

    /// Moves this new thread into the host.
    fn enter(&self, anchor: &Anchor) -> io::Result<()> {
        let cwd = std::env::current_dir();
        // A thread that shares its root and working directory cannot change its mount namespace.
        unshare(CloneFlags::CLONE_FS)?;
        setns(&self.netns, CloneFlags::CLONE_NEWNET)?;
        setns(&anchor.utsns, CloneFlags::CLONE_NEWUTS)?;
        setns(&anchor.mntns, CloneFlags::CLONE_NEWNS)?;
        if let Ok(cwd) = cwd {
            nix::unistd::chdir(&cwd)?;
        }
        check_namespace(&self.netns)
    }
}

/// What an error of [`OwnedFd::try_clone`] means: EINVAL, if the limit of open files is below the least number that std wants (`F_DUPFD_CLOEXEC` in
/// fcntl(2)).
fn no_room_or(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(libc::EINVAL) { Errno::EMFILE.into() } else { error }
}

/// Makes this thread the anchor of a host.
fn settle_in(netns: &OwnedFd, hostname: &str) -> Result<(Anchor, Runtime, oneshot::Receiver<Never>), String> {
    let say = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    setns(netns, CloneFlags::CLONE_NEWNET).map_err(|error| say("setns")(error.into()))?;
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS).map_err(|error| say("unshare")(error.into()))?;
    nix::unistd::sethostname(hostname).map_err(|error| say("sethostname")(error.into()))?;
    let refused = |refusal: Refusal| refusal.to_string();
    // A sysfs shows the network namespace it was mounted in; /proc/net is that of the process's first thread.
    cover("sysfs", "/sys").map_err(refused)?;
    let net = PathBuf::from(format!("/proc/self/task/{}/net", nix::unistd::gettid()));
    cover_file(&net, "/proc/net").map_err(refused)?;
    check_namespace(netns).map_err(say("enter its namespace"))?;
    let open = |name: &str| File::open(format!("/proc/thread-self/ns/{name}")).map_err(say("open its namespace"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(say("start its runtime"))?;
    let (alive, gone) = oneshot::channel();
    let anchor = Anchor {
        thread: std::thread::current().id(),
        mntns: open("mnt")?,
        utsns: open("uts")?,
        runtime: runtime.handle().clone(),
        _alive: alive,
    };
    Ok((anchor, runtime, gone))
}

/// Whether this thread is in the namespace that it should be in: everything that it does from now on depends on it.
fn check_namespace(expected: &OwnedFd) -> io::Result<()> {
    let here = File::open("/proc/thread-self/ns/net")?;
    if fstat(&here)?.st_ino == fstat(expected)?.st_ino {
        return Ok(());
    }
    Err(io::Error::other("the thread is in another network namespace than it should be"))
}
