//! How a program is started: on a thread of its host, in a family of its own.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::Mutex;

use nix::sys::wait::{Id, WaitPidFlag, waitid};

use super::command::Command;
use super::error::ProgramError;
use super::inherited::Passing;
use super::log::{Log, Print, Tail, to_stderr, to_stdout};
use super::notify::{self, Notify};
use super::process::Process;
use super::ready::{Condition, Starting, describe};
use super::streams::Stream;
use super::table::Family;
use crate::fault::Unchanged;
use crate::harness::Waiting;
use crate::sys;

/// A program that has just been started.
pub(super) struct Started {
    pub(super) child: Child,
    pidfd: OwnedFd,
    family: Family,
}

impl Command {
    /// Starts it. The thread is one of the host's, and is not needed afterwards.
    pub(super) fn start(&mut self) -> Result<Started, ProgramError> {
        let program = self.describe();
        if let Some(why) = self.complaint.take() {
            return Err(ProgramError::Invalid { program, why });
        }
        let failed = |source| ProgramError::Start { program: program.clone(), source };
        self.settle_account().map_err(|why| ProgramError::Invalid { program: program.clone(), why })?;
        let inherited = std::mem::take(&mut self.inherited);
        let passing = (!inherited.is_empty()).then(|| inherited.pass_on(&mut self.inner, self.without_environment));
        let passing = passing.transpose().map_err(failed)?;
        // From here on until it is one of the host's, the host is not paused: one that stopped on the way would keep us
        // waiting.
        let host = self.host.clone();
        let unchanged = (!self.is_a_tool).then(|| host.machine().faults().unchanged());
        if unchanged.as_ref().is_some_and(Unchanged::is_paused) {
            return Err(ProgramError::Paused { program });
        }
        let mut family = Family::found();
        let spawned = if self.is_a_tool { self.inner.spawn() } else { host.machine().faults().spawn(&mut self.inner) };
        let mut child = spawned.map_err(failed)?;
        // Nobody but `child` waits for it, so the number is still its own.
        let pidfd =
            sys::pidfd_open(child.id()).and_then(|pidfd| is_our_child(&pidfd).map(|()| pidfd)).map_err(failed)?;
        if let Err(error) = passing.map_or(Ok(()), Passing::outcome) {
            let _ = child.wait();
            return Err(failed(error));
        }
        family.set_head(child.id());
        drop(unchanged);
        Ok(Started { child, pidfd, family })
    }

    /// Starts it and waits until it is ready.
    pub(super) fn start_and_wait(mut self) -> Result<Process, ProgramError> {
        let conditions = std::mem::take(&mut self.conditions);
        let (what, command) = (self.describe(), self.words());
        let failed = |source| ProgramError::Watch { program: what.clone(), source };
        let notify = conditions.contains(&Condition::Notified).then(Notify::new).transpose().map_err(failed)?;
        if let Some(notify) = &notify {
            self.inner.env(notify::VARIABLE, notify.name());
        }
        // What nobody has given a place is logged, if that is wished.
        let [logs_stdout, logs_stderr] = [self.places.stdout, self.places.stderr].map(|placed| self.logged && !placed);
        if logs_stdout {
            self.inner.stdout(Stdio::piped());
        }
        if logs_stderr {
            self.inner.stderr(Stdio::piped());
        }
        let Started { mut child, pidfd, family } = self.start()?;
        let mut stdout = child.stdout.take().map(Stream::new);
        let mut stderr = child.stderr.take().map(Stream::new);
        let mut printed = VecDeque::new();
        if !conditions.is_empty() {
            let _waiting = Waiting::new(format!("{} of {what}", describe(&conditions)));
            let streams = [(&mut stdout, logs_stdout, to_stdout as Print), (&mut stderr, logs_stderr, to_stderr)];
            let streams =
                streams.into_iter().filter_map(|(stream, logs, to)| Some((stream.as_mut()?, logs.then_some(to))));
            let patience = self.host.scaled(self.ready_within);
            let (child, pidfd, streams) = (&mut child, &pidfd, streams.collect());
            let (what, host) = (&what[..], self.host.name());
            let starting = Starting { what, host, child, pidfd, family, streams, notify, printed };
            printed = starting.wait(conditions, patience)?;
        }
        let streams = [(&mut stdout, logs_stdout, to_stdout as Print), (&mut stderr, logs_stderr, to_stderr)];
        let logged = streams.into_iter().filter(|(_, logs, _)| *logs);
        let logged: Vec<_> = logged.filter_map(|(stream, _, to)| Some((stream.take()?, to))).collect();
        let log = (!logged.is_empty()).then(|| Log::start(Tail::new(&self.host, command, child.id()), logged, printed));
        let log = log.transpose().map_err(failed)?;
        Ok(Process {
            id: child.id(),
            host: self.host,
            child: Mutex::new(child),
            pidfd,
            family,
            what,
            stdin: None,
            stdout,
            stderr,
            log,
        }
        .with_stdin())
    }
}

/// Whether the process behind a pidfd is a child that has not been waited for: a body that waits for any child might have been first,
/// and the number been given away.
fn is_our_child(pidfd: &OwnedFd) -> io::Result<()> {
    waitid(Id::PIDFd(pidfd.as_fd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT)?;
    Ok(())
}
