//! The parent: starts the child, passes on what it prints, enforces the deadline, believes nothing but a verdict.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

use super::announcement::{Announced, Entrance};
use super::conclusion::Conclusion;
use super::deadline::Deadline;
use super::marker::{self, Call};
use super::protocol::{DUMP, Ending, Frame, FrameReader};
use super::relay::Relay;
use crate::__private::TestSpec;
use crate::evidence;
use crate::isolation::{Mode, Refusal};
use crate::settings::Settings;
use crate::sys::{self, Report, Spawn, Stage};

/// How long a child that is past its deadline may take to say what it is doing, besides the time that it has for collecting evidence.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long processes that have been killed may take to end: the kernel may be in the middle of something.
const DEATH: Duration = Duration::from_secs(60);

/// Runs a test in a child and concludes.
pub(super) fn run(spec: &TestSpec, call: Call, settings: &Settings, mode: Mode) -> Conclusion {
    let name = test_name(spec);
    let mut child = match Child::start(call, mode, &name) {
        Ok(child) => child,
        Err(StartError::Refused(error)) => {
            return Conclusion::of_refusal(&Refusal::of_clone(mode, &error));
        }
        Err(StartError::Io(error)) => {
            return Conclusion::Broken(format!("could not prepare the test's process: {error}"));
        }
    };
    let in_time = child.watch(Instant::now() + settings.deadline(), settings.scaled(evidence::PATIENCE + LAST_WORDS));
    child.conclude(&name, settings, in_time)
}

/// The name by which libtest knows the running test: it names the thread after it. The name in the source is second best: it
/// lacks what another macro has added to it.
pub(crate) fn test_name(spec: &TestSpec) -> String {
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => spec.test.split_once("::").map_or(spec.test, |(_krate, name)| name).to_owned(),
    }
}

enum StartError {
    /// Pipes, sockets, memory.
    Io(io::Error),
    /// The kernel did not make the namespaces.
    Refused(io::Error),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<nix::Error> for StartError {
    fn from(error: nix::Error) -> Self {
        Self::Io(error.into())
    }
}

/// Pid 1 of a test's namespaces: everything in them ends with it. Dropped, it is killed, however this process got there.
struct Init(OwnedFd);

impl Init {
    fn kill(&self) {
        // It fails only if pid 1 has ended, which is what is wanted.
        let _ = sys::pidfd_send_signal(self.0.as_fd(), Signal::SIGKILL as i32);
    }

    /// How it ended, if it has ended and nobody has asked yet. It has no exit signal, hence the flag.
    fn status(&self) -> nix::Result<WaitStatus> {
        waitid(Id::PIDFd(self.0.as_fd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        self.kill();
        // Reaped already, or about to end with nobody waiting for it.
        let _ = self.status();
    }
}

/// A test's process and what is known of it.
struct Child {
    test: String,
    init: Init,
    entrance: Entrance,
    deadline: Deadline,
    /// Where the test is paused, how that was told.
    announced: Option<Announced>,
    control: UnixStream,
    control_open: bool,
    frames: FrameReader,
    stdout: Relay<File>,
    stderr: Relay<File>,
    report: File,
    reports: Vec<Report>,
    started: bool,
    dumped: bool,
    ending: Option<Ending>,
}

impl Child {
    fn start(call: Call, mode: Mode, name: &str) -> Result<Self, StartError> {
        let (control, childs_control) = UnixStream::pair()?;
        control.set_nonblocking(true)?;
        let (stdout, childs_stdout) = pipe()?;
        let (stderr, childs_stderr) = pipe()?;
        let (report, childs_report) = pipe()?;
        // libtest's own words ("running 1 test") go nowhere; the child swaps in the pipe.
        let nowhere = File::options().write(true).open("/dev/null")?;
        let uid_map = || CString::new(format!("0 {} 1\n", nix::unistd::geteuid())).expect("digits");
        let gid_map = || CString::new(format!("0 {} 1\n", nix::unistd::getegid())).expect("digits");
        let spawn = Spawn {
            argv: arguments(call, name, childs_control.as_fd(), childs_stdout.as_fd())?,
            envp: environment()?,
            namespaces: mode.namespaces().bits(),
            id_maps: (mode == Mode::User).then(|| (uid_map(), gid_map())),
            stdout: nowhere.as_fd(),
            stderr: childs_stderr.as_fd(),
            inherited: [childs_control.as_fd(), childs_stdout.as_fd()],
            parents: [control.as_fd(), stdout.as_fd(), stderr.as_fd(), report.as_fd()],
            report: childs_report.as_fd(),
        };
        let (pid, pidfd) = spawn.spawn().map_err(StartError::Refused)?;
        Ok(Self {
            test: name.to_owned(),
            init: Init(pidfd),
            entrance: Entrance { pid, mode },
            deadline: Deadline::at(Instant::now()),
            announced: None,
            control,
            control_open: true,
            frames: FrameReader::default(),
            stdout: Relay::new(stdout, |text| print!("{text}")),
            stderr: Relay::new(stderr, |text| eprint!("{text}")),
            report,
            reports: Vec::new(),
            started: false,
            dumped: false,
            ending: None,
        })
    }

    /// Passes on output until everything in the test's namespaces has ended, by itself or at the deadline. Answers whether it was
    /// by itself.
    fn watch(&mut self, deadline: Instant, last_words: Duration) -> bool {
        if self.relay_until(deadline, |_| false) {
            return true;
        }
        // It may be too broken to listen: what it says now is worth a moment, not more.
        if self.control.write_all(&[DUMP]).is_ok() {
            self.relay_until(Instant::now() + last_words, |child| child.dumped);
        }
        self.init.kill();
        self.relay_until(Instant::now() + DEATH, |_| false);
        false
    }

    /// Passes on output until pid 1 has ended, which answers true, or until the deadline or the condition. While the test is paused
    /// no time passes.
    fn relay_until(&mut self, deadline: Instant, done: impl Fn(&Self) -> bool) -> bool {
        self.deadline = Deadline::at(deadline);
        loop {
            let left = self.deadline.left(Instant::now());
            let ended = self.wait(left);
            self.stdout.pass_on();
            self.stderr.pass_on();
            self.read_control();
            self.read_reports();
            if let Some(announced) = &mut self.announced {
                announced.read_terminal();
            }
            if ended || done(self) || left == Some(Duration::ZERO) && !self.deadline.is_stopped() {
                return ended;
            }
        }
    }

    /// Waits for anything to happen, for ever without a time. Answers whether pid 1 has ended.
    fn wait(&self, at_most: Option<Duration>) -> bool {
        let streams = [
            self.stdout.as_open_fd(),
            self.stderr.as_open_fd(),
            self.control_fd(),
            self.announced.as_ref().and_then(Announced::terminal),
            Some(self.init.0.as_fd()),
        ];
        let mut fds: Vec<_> = streams.into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // Rounded up, lest the last millisecond be spent in a busy loop.
        let timeout = at_most.map_or(PollTimeout::NONE, |at_most| {
            PollTimeout::try_from(at_most + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        // An interrupted wait is as good as one that is over: the caller looks again.
        poll(&mut fds, timeout).is_ok() && fds.last().and_then(PollFd::any).unwrap_or(false)
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        // A closed socket is always readable, and a body that closes its descriptors may go on for long.
        self.control_open.then(|| self.control.as_fd())
    }

    fn read_control(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(n) = self.control.read(&mut buffer) {
            self.frames.extend(&buffer[..n]);
            self.control_open = n > 0;
            if n == 0 {
                break;
            }
        }
        while let Some(frame) = self.frames.next_frame() {
            match frame {
                Frame::Start => self.started = true,
                Frame::Dumped => self.dumped = true,
                Frame::Paused(pause) => {
                    self.deadline.stop(Instant::now());
                    self.announced = Some(Announced::new(&self.test, self.entrance, &pause, &self.control));
                }
                Frame::GoesOn => self.go_on(),
                // The first verdict stands.
                Frame::Verdict(ending) => _ = self.ending.get_or_insert(ending),
            }
        }
        if !self.control_open {
            // Nobody is left to say that it goes on, whatever was said last.
            self.go_on();
        }
    }

    fn go_on(&mut self) {
        self.deadline.go_on(Instant::now());
        self.announced = None;
    }

    fn read_reports(&mut self) {
        let mut bytes = [0; Report::SIZE];
        while self.report.read_exact(&mut bytes).is_ok() {
            self.reports.extend(Report::from_bytes(bytes));
        }
    }

    fn conclude(self, name: &str, settings: &Settings, in_time: bool) -> Conclusion {
        let init_status = self.init.status();
        self.stdout.finish();
        self.stderr.finish();
        if let Some(refused) = self.reports.iter().find(|report| report.stage != Stage::Ended) {
            return Conclusion::of_refusal(&Refusal::of_stage(refused.stage, refused.value));
        }
        if !in_time {
            let (timeout, origin) = (settings.deadline(), settings.origin("timeout"));
            return Conclusion::Broken(format!(
                "it did not end within {timeout:?} ({origin}, time-scale {}) and was killed",
                settings.time_scale
            ));
        }
        let ended = self.reports.iter().find(|report| report.stage == Stage::Ended);
        let Some(status) = ended.map(|report| report.value) else {
            return Conclusion::Broken(format!("pid 1 of the test's namespaces was killed: {init_status:?}"));
        };
        let how = describe_status(status);
        match self.ending {
            _ if !self.started => Conclusion::Broken(format!(
                "the test's process never reached `{name}`: it {how}\n\
                 note: it runs this program with `--exact {name}`; is that what libtest calls the test?"
            )),
            None => Conclusion::Broken(format!("the test's process {how} before the body had returned")),
            // Whatever was said last has to agree with how the process left: somebody else may have said it.
            Some(ending) if !ending.agrees_with(status) => {
                let end = if ending == Ending::Passed { "returned" } else { "failed" };
                Conclusion::Broken(format!("the body {end}, but then the test's process {how}"))
            }
            Some(Ending::Passed) => Conclusion::Passed,
            Some(Ending::Error) => Conclusion::Error,
            Some(Ending::Panic(text)) => Conclusion::Panic(Box::new(text)),
            Some(Ending::OpaquePanic) => Conclusion::Panic(Box::new(OpaquePanic)),
            Some(Ending::Broken(what)) => Conclusion::Broken(what),
            Some(Ending::Unasked(what)) => Conclusion::Unasked(what),
            Some(Ending::Unsupported(why)) => Conclusion::Unsupported(why),
        }
    }
}

/// What a panic is re-raised with when its payload was no text and so did not cross the process boundary.
#[derive(Debug)]
struct OpaquePanic;

fn describe_status(status: i32) -> String {
    use std::os::unix::process::ExitStatusExt;
    let status = std::process::ExitStatus::from_raw(status);
    match (status.code(), status.signal().map(Signal::try_from)) {
        (Some(code), _) => format!("left with exit code {code}"),
        (None, Some(Ok(signal))) => format!("was ended by {signal}"),
        _ => format!("ended with {status}"),
    }
}

fn pipe() -> nix::Result<(File, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((File::from(read), write))
}

/// Fresh ones: what this process was started with says which tests to run, not which test this is.
fn arguments(call: Call, name: &str, control: BorrowedFd<'_>, stdout: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let program = std::env::args_os().next().unwrap_or_else(|| OsString::from("test"));
    let marker = marker::argument(call, control, stdout);
    let flags = ["--include-ignored", "--nocapture", "--test-threads=1", "--quiet"];
    [program.as_os_str(), OsStr::new("--exact"), OsStr::new(name), OsStr::new(&marker)]
        .into_iter()
        .chain(flags.map(OsStr::new))
        .map(|argument| c_string(argument.as_bytes()))
        .collect()
}

fn environment() -> io::Result<Vec<CString>> {
    std::env::vars_os()
        .map(|(name, value)| {
            let value = if name == "LLVM_PROFILE_FILE" { profile_file(value) } else { value };
            c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat())
        })
        .collect()
}

/// Every test is pid 2 of its namespace, so `%p` would make all of them write their coverage to one file.
fn profile_file(pattern: OsString) -> OsString {
    static TESTS: AtomicUsize = AtomicUsize::new(0);
    let Ok(pattern) = pattern.into_string() else { return OsString::from("default_%m.profraw") };
    pattern.replace("%p", &format!("{}-{}", std::process::id(), TESTS.fetch_add(1, Ordering::Relaxed))).into()
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a NUL in an argument or variable"))
}
