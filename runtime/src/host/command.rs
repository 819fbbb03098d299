//! Programs inside a host.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{self, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output, Stdio};

use super::Host;
use crate::harness::Waiting;
use crate::sys;

/// A program to be run in a host: as [`std::process::Command`], in the host's namespaces.
///
/// Name and arguments are passed to the program as they are; no shell reads them. Its methods take and return it by value, so
/// that a program is one expression: `host.command("ls").arg("-l").status()?`.
#[derive(Debug)]
#[must_use = "a program does not run until `spawn`, `status` or `output` is called"]
pub struct Command {
    host: Host,
    command: process::Command,
}

impl Command {
    pub(super) fn new(host: Host, program: &OsStr) -> Self {
        Self { host, command: process::Command::new(program) }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the program's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable from the program's environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Starts the program without the test's environment.
    pub fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Sets the program's working directory; without it, it is the test's.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Where the program's standard input comes from; without it, the test's.
    pub fn stdin(mut self, from: impl Into<Stdio>) -> Self {
        self.command.stdin(from);
        self
    }

    /// Where the program's standard output goes; without it, the test's.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stdout(to);
        self
    }

    /// Where the program's standard error goes; without it, the test's.
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stderr(to);
        self
    }

    /// Starts the program.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Process> {
        let Self { host, command } = self;
        let child = host.run(|| command.spawn()).map_err(|error| self.cannot_run(&error))?;
        Process::new(child, self.describe())
    }

    /// Runs the program to its end.
    ///
    /// It blocks the thread: in an `async` test whatever else runs on that thread waits too.
    #[track_caller]
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Runs the program to its end and collects what it writes. It blocks the thread, as [`Command::status`] does.
    #[track_caller]
    pub fn output(&mut self) -> io::Result<Output> {
        let _waiting = Waiting::new(format!("the end of {}", self.describe()));
        let Self { host, command } = self;
        host.run(|| command.output()).map_err(|error| self.cannot_run(&error))
    }

    fn describe(&self) -> String {
        format!("`{}` in host `{}`", self.command.get_program().display(), self.host.name())
    }

    /// std's error does not say which program.
    fn cannot_run(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot run {}: {error}", self.describe()))
    }
}

/// A program that runs in a host, or has run there. Dropped, it goes on until the test ends.
#[derive(Debug)]
pub struct Process {
    child: process::Child,
    pidfd: OwnedFd,
    /// What it is, for messages.
    what: String,
}

impl Process {
    fn new(child: process::Child, what: String) -> io::Result<Self> {
        // Nobody but `child` waits for it, so the number is still its own.
        let pidfd = sys::pidfd_open(child.id())?;
        Ok(Self { child, pidfd, what })
    }

    /// Its number in the test's pid namespace.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its pidfd, which stays its own when its number has become another's.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The other end of its standard input, if it was piped; once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The other end of its standard output, if it was piped; once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The other end of its standard error, if it was piped; once.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let _waiting = Waiting::new(format!("the end of {}", self.what));
        self.child.wait()
    }

    /// Whether it has ended, and how.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends it a signal, by number (signal(7)). Fails with `ESRCH` if it has ended and been waited for.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        sys::pidfd_send_signal(self.pidfd.as_fd(), signal)
    }

    /// Kills it and waits for its end.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        match self.signal(libc::SIGKILL) {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
            _ => self.wait(),
        }
    }
}
