//! A host whose programs stand still.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::Host;
use crate::change::{Change, LinkError};
use crate::error::chain;
use crate::program::{HostProcess, States, until_readable};

impl Host {
    /// Stops every program of this host, and whatever these have started there (`SIGSTOP`, signal(7)), until the guard
    /// that this ends with is dropped: as a machine that swaps, or whose hypervisor does not let it run. When this is
    /// over all of them have stopped.
    ///
    /// What goes on is the host's kernel: it answers pings, accepts connections for a socket that listens, and
    /// acknowledges what is sent to one that is open until its buffer is full. So does all that the test itself does
    /// there: closures of [`Host::run`], futures of [`Host::spawn`], sockets, probes and [`nft`](Host::nft). Time goes
    /// on, too: when a program is continued its timers have expired.
    ///
    /// As long as the host is paused, [`Command`](crate::Command) starts nothing there: that is
    /// [`ProgramError::Paused`](crate::ProgramError::Paused). A program can be killed; other signals reach it when it
    /// is continued, but for a `SIGCONT` of the test's, which continues it. One that had been stopped before stays so. Of several guards the last continues the programs.
    ///
    /// # Errors
    /// [`LinkError::Failed`] if a program has not stopped within 10 s, stretched by the setting `time-scale`, or cannot be signalled; those that have
    /// stopped are continued, and the test is broken.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(veth = true)]
    /// async fn a_server_stands_still(client: Host, server: Host) -> TestResult {
    ///     let mut echo = server.command("cat").piped().spawn()?;
    ///     let paused = server.pause().await?;
    ///     echo.write_line("hello")?;
    ///     assert!(echo.read_line(Duration::from_millis(50)).is_err());
    ///     client.assert_ping(&server).await; // its kernel answers
    ///     drop(paused);
    ///     assert_eq!(echo.read_line(Duration::from_secs(5))?.as_deref(), Some("hello"));
    ///     Ok(())
    /// }
    /// ```
    pub fn pause(&self) -> Change<Paused> {
        let host = self.clone();
        let what = format!("pause host `{}`", self.name());
        Change::in_lab(what.clone(), self.surroundings().clone(), move |_| {
            let begun = host.machine().faults().pauses().begin(&host);
            begun.map_err(|error| LinkError::failed(&what, error))?;
            Ok(Paused { host, is_over: false })
        })
    }
}

/// The programs of a host stand still as long as this lives.
#[must_use = "the programs are continued when this is dropped"]
pub struct Paused {
    host: Host,
    /// Whether its programs have been continued.
    is_over: bool,
}

impl Paused {
    /// Continues the programs (`SIGCONT`), unless another guard has them paused, too: as when this is dropped, but with
    /// the error if there is one: [`LinkError::Failed`], and the test is broken.
    pub fn resume(mut self) -> Change {
        let what = format!("continue the programs of host `{}`", self.host.name());
        Change::in_lab(what.clone(), self.host.surroundings().clone(), move |_| {
            self.end().map_err(|error| LinkError::failed(&what, error))
        })
    }

    fn end(&mut self) -> Result<(), Stuck> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(());
        }
        self.host.machine().faults().pauses().end().inspect_err(|error| {
            let message = format!("could not continue the programs of host `{}`: {}", self.host.name(), chain(error));
            // Perhaps nobody can be told; a test that goes on would be one of a host that is not what it thinks.
            let _ = self.host.surroundings().spoiled.set(message);
        })
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // It has been noted.
        let _ = self.end();
    }
}

impl fmt::Debug for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paused").field("host", &self.host.name()).finish_non_exhaustive()
    }
}

/// A program that does not do as it was told.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error("{program} has not stopped within {waited:?}: the states of its threads are {states} (proc_pid_stat(5))")]
    Runs { program: String, waited: Duration, states: String },
    #[error("cannot signal {program}")]
    Signal { program: String, source: std::io::Error },
    #[error("cannot wait until {program} has stopped")]
    Wait { program: String, source: std::io::Error },
}

/// Which programs of a host have been stopped, and for how many guards.
#[derive(Default)]
pub(super) struct Pauses {
    guards: usize,
    /// Who was stopped, in this order.
    stopped: Vec<HostProcess>,
    /// When the first guard came, and when the last one went.
    begun: Option<Instant>,
    ended: Option<Instant>,
}

/// How long programs may take to stop, before it is an error. The kernel has them do so at once, unless they wait in it
/// for something that cannot be interrupted.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often those are looked at that have not stopped yet: the kernel tells nobody but their parents. It begins with
/// the shorter one.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

impl Pauses {
    pub(super) fn is_paused(&self) -> bool {
        self.guards > 0
    }

    /// Stops all programs of the host, for one guard more.
    fn begin(&mut self, host: &Host) -> Result<(), Stuck> {
        if let Err(error) = self.stop(host) {
            if self.guards == 0 {
                // What has been said first is why.
                let _ = self.go_on();
            }
            return Err(error);
        }
        self.guards += 1;
        if self.guards == 1 {
            (self.begun, self.ended) = (Some(Instant::now()), None);
        }
        Ok(())
    }

    fn stop(&mut self, host: &Host) -> Result<(), Stuck> {
        let waited = host.scaled(PATIENCE);
        let until = Instant::now() + waited;
        let mut pause = PAUSES[0];
        let mut had_all_stopped = false;
        loop {
            let running = self.signal(host)?;
            // A program that was listed before it stopped may have started another, which then is in the next list:
            // none of those that are in there has run since it was begun.
            if running.is_empty() && had_all_stopped {
                return Ok(());
            }
            had_all_stopped = running.is_empty();
            let Some((first, states)) = running.first() else { continue };
            if Instant::now() >= until {
                return Err(Stuck::Runs { program: describe(first), waited, states: states.to_string() });
            }
            let fds: Vec<BorrowedFd<'_>> = running.iter().map(|(process, _)| process.pidfd()).collect();
            let next = until.min(Instant::now() + pause);
            until_readable(&fds, Some(next)).map_err(|source| Stuck::Wait { program: describe(first), source })?;
            pause = PAUSES[1].min(pause * 2);
        }
    }

    /// Has all stop that have not, and answers with those.
    fn signal(&mut self, host: &Host) -> Result<Vec<(HostProcess, States)>, Stuck> {
        self.stopped.retain(|process| !process.has_ended());
        let programs = host.processes().into_iter().filter(|process| !process.is_a_copy_of_the_test());
        let with_states = |process: HostProcess| {
            let states = process.states();
            (process, states)
        };
        let all: Vec<_> = programs.map(with_states).collect();
        // In vfork(2) a parent waits for its child, and if that has stopped, will have stopped itself before it runs
        // on.
        let parents = all.iter().filter(|(_, states)| states.are_stopped()).filter_map(|(child, _)| child.parent());
        let parents: Vec<u32> = parents.collect();
        let mut running = Vec::new();
        for (process, states) in all {
            let was_told = self.stopped.iter().any(|told| told.id() == process.id());
            let waits = was_told && states.are_stopped_or_waiting() && parents.contains(&process.id());
            if states.are_stopped() || waits {
                continue;
            }
            let failed = |source| Stuck::Signal { program: describe(&process), source };
            if !was_told {
                // Before it is: nobody is stopped who is not known.
                self.stopped.push(process.try_clone().map_err(failed)?);
            }
            match process.signal(libc::SIGSTOP) {
                // It has ended.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                Err(error) => return Err(failed(error)),
                Ok(()) => running.push((process, states)),
            }
        }
        Ok(running)
    }

    /// One guard less.
    fn end(&mut self) -> Result<(), Stuck> {
        self.guards -= 1;
        if self.guards > 0 {
            return Ok(());
        }
        self.ended = Some(Instant::now());
        self.go_on()
    }

    /// Continues whom this has stopped. The error is of the first that could not be.
    fn go_on(&mut self) -> Result<(), Stuck> {
        let mut result = Ok(());
        // Children before their parents, or a shell that looks after its jobs would take one for stopped that is about
        // to go on.
        for process in self.stopped.drain(..).rev() {
            match process.signal(libc::SIGCONT) {
                Err(source) if source.raw_os_error() != Some(libc::ESRCH) => {
                    result = result.and(Err(Stuck::Signal { program: describe(&process), source }));
                }
                _ => {}
            }
        }
        result
    }

    /// That the host is paused, or was, if it ever was.
    pub(super) fn describe(&self) -> Option<String> {
        let begun = self.begun?;
        Some(match self.ended {
            None => format!("is paused, for {:?} now", begun.elapsed()),
            Some(ended) => format!("was paused for {:?}, until {:?} ago", ended - begun, ended.elapsed()),
        })
    }
}

fn describe(process: &HostProcess) -> String {
    let words: Vec<_> = process.command_now().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    format!("`{}` (pid {})", words.join(" ").escape_debug(), process.id())
}
