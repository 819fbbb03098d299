//! What to start, and when it is ready.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{self, ExitStatus, Output, Stdio};
use std::time::Duration;

use super::account::{Account, Kind};
use super::error::ProgramError;
use super::inherited::{self, Inherited};
use super::process::Process;
use super::ready::Condition;
use super::start::Started;
use crate::Host;
use crate::harness::Waiting;
use crate::transport::Transport;

/// A program to be run in a host: as [`std::process::Command`], in the host's namespaces.
///
/// Name and arguments are passed to the program as they are; no shell reads them. Its methods take and return it by value, so
/// that a program is one expression: `host.command("ls").arg("-l").status()?`.
///
/// [`Command::spawn`] returns when the program is *ready*, if one of the `ready_…` methods says what that is; several are all waited
/// for. Without one it returns at once.
///
/// ```no_run
/// # fn example(server: netns_test::Host) -> netns_test::TestResult {
/// let web = server.command("nginx").args(["-g", "daemon off;"]).logged().ready_when_listening(80).spawn()?;
/// // …
/// web.terminate(std::time::Duration::from_secs(5))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a program does not run until `spawn`, `started`, `status` or `output` is called"]
pub struct Command {
    pub(super) host: Host,
    /// Its name, as it was given.
    name: OsString,
    pub(super) inner: process::Command,
    /// The first thing that makes it no command.
    pub(super) complaint: Option<String>,
    user: Option<Account>,
    group: Option<Account>,
    pub(super) places: Places,
    pub(super) without_environment: bool,
    /// Whether it is none of the test's, but runs for this library, and to its end: no fault of the host's befalls it.
    pub(super) is_a_tool: bool,
    pub(super) logged: bool,
    pub(super) inherited: Inherited,
    pub(super) conditions: Vec<Condition>,
    pub(super) ready_within: Duration,
}

/// Which of the three streams have been given a place.
#[derive(Debug, Default)]
pub(super) struct Places {
    stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
}

/// How long a program is waited for, unless it is said.
const READY_WITHIN: Duration = Duration::from_secs(10);

impl Command {
    pub(crate) fn new(host: Host, program: &OsStr) -> Self {
        let command = Self {
            host,
            name: program.to_owned(),
            inner: process::Command::new(program),
            complaint: None,
            user: None,
            group: None,
            places: Places::default(),
            without_environment: false,
            is_a_tool: false,
            logged: false,
            inherited: Inherited::default(),
            conditions: Vec::new(),
            ready_within: READY_WITHIN,
        };
        command.checked("its name", program)
    }

    /// Of a program that runs for this library.
    pub(crate) fn for_the_library(mut self) -> Self {
        self.is_a_tool = true;
        self
    }

    /// Adds an argument. A NUL byte in it is an error when the program is started.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        let argument = argument.as_ref();
        let what = format!("argument {}", self.inner.get_args().len() + 1);
        self.inner.arg(argument);
        self.checked(&what, argument)
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = S>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable of the program's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        // Another variable would be set, without a word.
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            self.complain(format!("`{}` is no name of a variable", name.display()));
        }
        self.inner.env(name, value);
        let what = format!("variable `{}`", name.to_string_lossy().escape_debug());
        self.checked(&what, name).checked(&what, value)
    }

    /// Removes a variable from the program's environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.inner.env_remove(name);
        self
    }

    /// Starts the program without the test's environment.
    pub fn env_clear(mut self) -> Self {
        self.inner.env_clear();
        self.without_environment = true;
        self
    }

    /// Sets the program's working directory; without it, it is the test's.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        self.inner.current_dir(directory);
        self.checked("its working directory", directory.as_os_str())
    }

    /// The user that the program runs as, by number; its supplementary groups are dropped. As a test that does not run as root has only
    /// its own user, which is root in there, any other is an error when the program is started.
    pub fn user(mut self, id: u32) -> Self {
        self.user = Some(Account::Id(id));
        self
    }

    /// The same, by name: as passwd(5) of the machine has it.
    pub fn user_named(mut self, name: impl Into<String>) -> Self {
        self.user = Some(Account::Name(name.into()));
        self
    }

    /// The group that the program runs as, by number; without it, it is the test's, whatever the [user](Command::user).
    pub fn group(mut self, id: u32) -> Self {
        self.group = Some(Account::Id(id));
        self
    }

    /// The same, by name: as group(5) of the machine has it.
    pub fn group_named(mut self, name: impl Into<String>) -> Self {
        self.group = Some(Account::Name(name.into()));
        self
    }

    /// Where the program's standard input comes from; without it, the test's.
    pub fn stdin(mut self, from: impl Into<Stdio>) -> Self {
        self.inner.stdin(from);
        self.places.stdin = true;
        self
    }

    /// Where the program's standard output goes; without it, the test's.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.inner.stdout(to);
        self.places.stdout = true;
        self
    }

    /// Where the program's standard error goes; without it, the test's.
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.inner.stderr(to);
        self.places.stderr = true;
        self
    }

    /// Standard input and standard output are pipes, for [`Process::write_line`] and [`Process::read_line`].
    pub fn piped(self) -> Self {
        self.stdin(Stdio::piped()).stdout(Stdio::piped())
    }

    /// Each line that the program writes goes to the test's output with the host's name in front, `[server] listening`: from standard
    /// output and standard error, unless these have been given another place. [`Command::output`] collects them all the same.
    pub fn logged(mut self) -> Self {
        self.logged = true;
        self
    }

    /// The program is ready when it, or what descends from it, listens on this TCP port of the host. That another process does is not
    /// enough.
    pub fn ready_when_listening(self, port: u16) -> Self {
        self.ready_when_listening_on(Transport::Tcp, port)
    }

    /// The same for any protocol. For UDP the socket has to be bound to the port, and not connected.
    pub fn ready_when_listening_on(mut self, protocol: impl Into<Transport>, port: u16) -> Self {
        self.conditions.push(Condition::Listening(protocol.into(), port));
        self
    }

    /// The program is ready when it has written a line with this text in it, to standard output or standard error. It implies
    /// [`Command::logged`]; a stream that has been given another place than a pipe is not read. What is piped is still there for
    /// [`Process::read_line`].
    pub fn ready_on_line(mut self, text: impl Into<String>) -> Self {
        self.conditions.push(Condition::Line(text.into()));
        self.logged()
    }

    /// The program is ready when it says so as daemons do, by `READY=1` on the socket that `NOTIFY_SOCKET` names (`sd_notify(3)`). Nobody
    /// listens there afterwards.
    pub fn ready_on_notify(mut self) -> Self {
        self.conditions.push(Condition::Notified);
        self
    }

    /// How long [`Command::spawn`] waits for the program to be ready; without it, 10 s. It is stretched by the setting `time-scale`.
    pub fn ready_within(mut self, time: Duration) -> Self {
        self.ready_within = time;
        self
    }

    /// Passes on a socket that listens already, as systemd does (`sd_listen_fds(3)`): the first is descriptor 3 of the program, the next one
    /// 4; `LISTEN_FDS` says how many there are, and `LISTEN_PID` is the program's number. A socket made in another host stays there.
    pub fn listen_fd(mut self, socket: impl Into<OwnedFd>) -> Self {
        self.inherited.add(socket.into(), None);
        self
    }

    /// The same, with a name for it in `LISTEN_FDNAMES`. Others that have none are called `unknown` there.
    pub fn listen_fd_named(mut self, name: impl Into<String>, socket: impl Into<OwnedFd>) -> Self {
        let name = name.into();
        if let Some(complaint) = inherited::complaint(&name) {
            self.complain(complaint);
        }
        self.inherited.add(socket.into(), Some(name));
        self
    }

    /// [`Command::listen_fd`] for several.
    pub fn listen_fds<S: Into<OwnedFd>>(self, sockets: impl IntoIterator<Item = S>) -> Self {
        sockets.into_iter().fold(self, Self::listen_fd)
    }

    /// Starts the program, and waits until it is ready if one of the `ready_…` methods says what that is.
    ///
    /// It blocks the thread meanwhile: in an `async` test, [`Command::started`] does not.
    ///
    /// # Errors
    /// If it ends before, or is not ready in time, with its last lines as far as they are logged or piped; in time means
    /// [`Command::ready_within`], and then it is killed with all that descends from it. [`ProgramError::Paused`] if its host is
    /// [paused](Host::pause).
    #[track_caller]
    pub fn spawn(self) -> Result<Process, ProgramError> {
        let host = self.host.clone();
        host.run(|| self.start_and_wait())
    }

    /// [`Command::spawn`] for an `async` test, on a thread of its own: whatever else runs on this one goes on. If the future is dropped, the
    /// program is started all the same.
    pub async fn started(self) -> Result<Process, ProgramError> {
        let program = self.describe();
        let (tell, told) = tokio::sync::oneshot::channel();
        let work = move || {
            // Nobody waits for it any more if the future was dropped.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(|| self.spawn())));
        };
        let thread = std::thread::Builder::new().name("netns-test-start".to_owned()).spawn(work);
        thread.map_err(|source| ProgramError::Start { program, source })?;
        match told.await {
            Ok(Ok(started)) => started,
            Ok(Err(payload)) => resume_unwind(payload),
            Err(_) => unreachable!("it is told whatever happens"),
        }
    }

    /// Runs the program to its end, ready or not.
    ///
    /// It blocks the thread: in an `async` test whatever else runs on that thread waits too.
    #[track_caller]
    pub fn status(mut self) -> Result<ExitStatus, ProgramError> {
        self.conditions.clear();
        let program = self.describe();
        let failed = |source| ProgramError::Watch { program, source };
        self.spawn()?.wait().map_err(failed)
    }

    /// Runs the program to its end, ready or not, and collects what it writes: as [`std::process::Command::output`], its standard input
    /// is empty unless it is said. It blocks the thread, as [`Command::status`] does.
    #[track_caller]
    pub fn output(mut self) -> Result<Output, ProgramError> {
        let program = self.describe();
        let _waiting = Waiting::new(format!("the end of {program}"));
        let Places { stdin, stdout, stderr } = self.places;
        if !stdin {
            self.inner.stdin(Stdio::null());
        }
        if !stdout {
            self.inner.stdout(Stdio::piped());
        }
        if !stderr {
            self.inner.stderr(Stdio::piped());
        }
        let host = self.host.clone();
        // Nobody stops it before its end.
        let _unchanged = self.is_a_tool.then(|| host.machine().faults().unchanged());
        let Started { child, .. } = host.run(|| self.start())?;
        child.wait_with_output().map_err(|source| ProgramError::Watch { program, source })
    }

    pub(super) fn describe(&self) -> String {
        format!("`{}` in host `{}`", self.name.to_string_lossy().escape_debug(), self.host.name())
    }

    /// The program and its arguments, as they were written.
    pub(super) fn words(&self) -> String {
        let arguments = self.inner.get_args().map(OsStr::to_string_lossy);
        [self.name.to_string_lossy()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn settle_account(&mut self) -> Result<(), String> {
        if let Some(group) = &self.group {
            self.inner.gid(group.resolve(Kind::Group)?);
        }
        if let Some(user) = &self.user {
            self.inner.uid(user.resolve(Kind::User)?);
        }
        Ok(())
    }

    /// The kernel's strings end at a NUL byte (execve(2)).
    fn checked(mut self, what: &str, text: &OsStr) -> Self {
        if text.as_bytes().contains(&0) {
            self.complain(format!("{what} has a NUL byte in it"));
        }
        self
    }

    fn complain(&mut self, complaint: String) {
        self.complaint.get_or_insert(complaint);
    }
}
