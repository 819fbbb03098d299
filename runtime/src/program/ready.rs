//! When a program is ready.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use super::error::ProgramError;
use super::listening::{listens, who_listens_instead};
use super::log::{self, Print};
use super::notify::Notify;
use super::streams::{Last, Stream};
use super::table::Family;
use super::wait::{is_readable, until_readable};
use crate::transport::Transport;

/// Something that a program does when it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It, or what descends from it, listens on this port.
    Listening(Transport, u16),
    /// It has written a line with this in it.
    Line(String),
    /// It has said so on its socket.
    Notified,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening(protocol, port) => write!(f, "a listener on {protocol} port {port}"),
            Self::Line(pattern) => write!(f, "a line with `{}`", pattern.escape_debug()),
            Self::Notified => f.write_str("`READY=1` on NOTIFY_SOCKET"),
        }
    }
}

/// All that has to happen.
pub(super) fn describe(conditions: &[Condition]) -> String {
    conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// A program that has been started and may not be ready.
pub(super) struct Starting<'a> {
    pub(super) what: &'a str,
    pub(super) host: &'a str,
    pub(super) child: &'a mut Child,
    pub(super) pidfd: &'a OwnedFd,
    pub(super) family: Family,
    /// What is read here, and where it is printed, if it is.
    pub(super) streams: Vec<(&'a mut Stream, Option<Print>)>,
    pub(super) notify: Option<Notify>,
    /// The lines that have been printed here.
    pub(super) printed: VecDeque<Vec<u8>>,
}

/// How often a listener is looked for: the kernel tells nobody. It begins with the shorter one.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

impl Starting<'_> {
    /// Waits until all conditions have been met, each once, and answers with the lines that have been printed. The thread is in the program's
    /// host.
    pub(super) fn wait(
        mut self,
        mut conditions: Vec<Condition>,
        patience: Duration,
    ) -> Result<VecDeque<Vec<u8>>, ProgramError> {
        let until = Instant::now() + patience;
        let mut pause = PAUSES[0];
        let mut last = Last::default();
        let mut seen = vec![0; self.streams.len()];
        let mut status = None;
        loop {
            // It is asked for its end first: what it did before that is seen below.
            if status.is_none() && is_readable(self.pidfd.as_fd()).map_err(|error| self.failed(error))? {
                status = self.child.try_wait().map_err(|error| self.failed(error))?;
                self.family.lose_head();
            }
            self.look(&mut conditions, &mut last, &mut seen).map_err(|error| self.failed(error))?;
            if conditions.is_empty() {
                return Ok(self.printed);
            }
            let is_over = Instant::now() >= until;
            match status {
                // It may have left a daemon that will be ready.
                Some(status) if !status.success() || self.family.members().is_empty() => {
                    return Err(self.ended(status, &conditions, &last));
                }
                _ if is_over => return Err(self.not_ready(patience, &conditions, &last)),
                _ => {}
            }
            let looks = status.is_some() || conditions.iter().any(|one| matches!(one, Condition::Listening(..)));
            let next = if looks { until.min(Instant::now() + pause) } else { until };
            pause = PAUSES[1].min(pause * 2);
            let end = status.is_none().then(|| self.pidfd.as_fd());
            let streams = self.streams.iter().filter(|(stream, _)| stream.is_open()).map(|(stream, _)| stream.as_fd());
            let fds: Vec<BorrowedFd<'_>> =
                end.into_iter().chain(streams).chain(self.notify.as_ref().map(Notify::as_fd)).collect();
            until_readable(&fds, Some(next)).map_err(|error| self.failed(error))?;
        }
    }

    /// Takes away the conditions that are met.
    fn look(&mut self, conditions: &mut Vec<Condition>, last: &mut Last, seen: &mut [usize]) -> io::Result<()> {
        for ((stream, print), seen) in self.streams.iter_mut().zip(seen) {
            stream.read_what_is_there()?;
            for line in stream.lines().range(*seen..) {
                let text = String::from_utf8_lossy(line);
                conditions.retain(|one| !matches!(one, Condition::Line(pattern) if text.contains(pattern.as_str())));
            }
            if let Some(print) = print {
                log::print(self.host, stream, *print, |line| {
                    last.add(&line);
                    log::keep(&mut self.printed, line);
                });
            } else {
                stream.lines().range(*seen..).for_each(|line| last.add(line));
                *seen = stream.lines().len();
            }
        }
        if self.notify.as_mut().map_or(Ok(false), Notify::says_ready)? {
            conditions.retain(|one| *one != Condition::Notified);
        }
        let mut refused = None;
        let family = &self.family;
        conditions.retain(|one| match one {
            Condition::Listening(protocol, port) => !listens(family, *protocol, *port).unwrap_or_else(|error| {
                refused = Some(error);
                false
            }),
            _ => true,
        });
        refused.map_or(Ok(()), Err)
    }

    fn ended(&self, status: ExitStatus, conditions: &[Condition], last: &Last) -> ProgramError {
        let waited_for = describe(conditions);
        ProgramError::Ended { program: self.what.to_owned(), waited_for, status, said: self.known(conditions, last) }
    }

    /// Nobody has it in hand: it is killed.
    fn not_ready(&mut self, waited: Duration, conditions: &[Condition], last: &Last) -> ProgramError {
        let said = self.known(conditions, last);
        self.family.kill();
        // Where there are no such families; its number is its own until it has been waited for.
        let _ = self.child.kill().and_then(|()| self.child.wait());
        let waited_for = describe(conditions);
        ProgramError::NotReady { program: self.what.to_owned(), waited_for, waited, said }
    }

    fn known(&self, conditions: &[Condition], last: &Last) -> String {
        let status = self.notify.as_ref().and_then(Notify::status);
        let status = status.map(|status| format!("; its status is `{}`", status.escape_debug()));
        let others = conditions.iter().filter_map(|one| match one {
            Condition::Listening(protocol, port) => {
                who_listens_instead(*protocol, *port).map(|instead| format!("; {instead}"))
            }
            _ => None,
        });
        status.into_iter().chain(others).chain([last.describe()]).collect()
    }

    fn failed(&self, source: io::Error) -> ProgramError {
        ProgramError::Watch { program: self.what.to_owned(), source }
    }
}
