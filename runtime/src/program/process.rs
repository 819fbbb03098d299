//! A program that has been started.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::log::Log;
use super::streams::{Next, Stream};
use super::table::Family;
use super::wait::{is_readable, until_readable};
use crate::harness::Waiting;
use crate::{Host, sys};

/// A program that runs in a host, or has run there. Dropped, it goes on until the test ends.
///
/// A signal goes to it by its pidfd (`pidfd_send_signal(2)`): when it has ended, to nobody.
///
/// Its methods that wait block the thread; for an `async` test there is [`Process::exited`]. Times are stretched by the setting
/// `time-scale`.
pub struct Process {
    pub(super) id: u32,
    pub(super) host: Host,
    pub(super) child: Mutex<Child>,
    pub(super) pidfd: OwnedFd,
    pub(super) family: Family,
    /// What it is, for messages.
    pub(super) what: String,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<Stream>,
    pub(super) stderr: Option<Stream>,
    pub(super) log: Option<Arc<Log>>,
}

impl Process {
    pub(super) fn with_stdin(mut self) -> Self {
        let stdin = self.lock().stdin.take();
        self.stdin = stdin;
        self
    }

    /// Its number in the test's pid namespace.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its pidfd, which stays its own when its number has become another's.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The other end of its standard input, if it was piped; once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// The other end of its standard output, if it was piped; once. What has been read from it already, to know that the program is ready or
    /// by [`Process::read_line`], is not in there.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take().map(|stream| stream.into_fd().into())
    }

    /// The other end of its standard error, if it was piped; once, as for [`Process::stdout`].
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.stderr.take().map(|stream| stream.into_fd().into())
    }

    /// The next line of its standard output without its end, or nothing if there will be none. The rest before the end of the output
    /// is a line, too; one of more than 64 kB comes in pieces.
    ///
    /// # Errors
    /// `InvalidInput` if standard output is not piped, `TimedOut` if no line has come in this time, `InvalidData` for a line that is no
    /// UTF-8.
    pub fn read_line(&mut self, timeout: Duration) -> io::Result<Option<String>> {
        let timeout = self.host.scaled(timeout);
        let _waiting = Waiting::new(format!("a line of {}", self.what));
        let Some(stream) = &mut self.stdout else {
            return Err(not_piped(&self.what, "output"));
        };
        match stream.next(Instant::now() + timeout)? {
            Next::Line(line) => {
                let not_utf8 =
                    |error| io::Error::new(io::ErrorKind::InvalidData, format!("a line of {}: {error}", self.what));
                String::from_utf8(line).map(Some).map_err(not_utf8)
            }
            Next::End => Ok(None),
            Next::Late => {
                let message = format!("no line of {} within {timeout:?}{}", self.what, stream.describe_begun());
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }
        }
    }

    /// Waits for a line with this text in it, and answers with the line: of its standard output if that is piped, of what is logged otherwise.
    /// All that it has said since its start counts, whether it was ready by then or not; lines before the one that is found are passed over, and none is
    /// looked at twice. (Of what is logged, no more than the last 1000 are kept for this.) Bytes that are no UTF-8 are replaced.
    ///
    /// ```no_run
    /// # fn example(server: netns_test::Host) -> netns_test::TestResult {
    /// let mut daemon = server.command("my-daemon").logged().ready_on_line("listening").spawn()?;
    /// daemon.signal(1)?;
    /// daemon.wait_for_line("configuration read", std::time::Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `TimedOut` if none has come in this time, `UnexpectedEof` if none will come, both with the last line that has; `InvalidInput` if it is
    /// neither piped nor logged.
    pub fn wait_for_line(&mut self, text: impl AsRef<str>, timeout: Duration) -> io::Result<String> {
        let (text, timeout) = (text.as_ref(), self.host.scaled(timeout));
        let line = format!("line with `{}` of {}", text.escape_debug(), self.what);
        let _waiting = Waiting::new(format!("a {line}"));
        let until = Instant::now() + timeout;
        let mut last = "it has said nothing".to_owned();
        loop {
            let next = match (&mut self.stdout, &self.log) {
                (Some(stream), _) => stream.next(until)?,
                (None, Some(log)) => log.next(until),
                (None, None) => return Err(not_piped(&self.what, "output")),
            };
            match next {
                Next::Line(bytes) => {
                    let said = String::from_utf8_lossy(&bytes).into_owned();
                    if said.contains(text) {
                        return Ok(said);
                    }
                    last = format!("it said last: `{}`", said.escape_debug());
                }
                Next::End => {
                    let message = format!("there will be no {line}: its output has ended; {last}");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Next::Late => {
                    let begun = self.stdout.as_ref().map(Stream::describe_begun).unwrap_or_default();
                    let message = format!("waited {timeout:?} for a {line}; {last}{begun}");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                }
            }
        }
    }

    /// Writes a line to its standard input, and its end. It blocks while the pipe is full (pipe(7)).
    ///
    /// # Errors
    /// `InvalidInput` if standard input is not piped, `BrokenPipe` if the program has closed it.
    pub fn write_line(&mut self, line: impl AsRef<[u8]>) -> io::Result<()> {
        let _waiting = Waiting::new(format!("{} to read a line", self.what));
        let Some(stdin) = &mut self.stdin else {
            return Err(not_piped(&self.what, "input"));
        };
        let line = [line.as_ref(), b"\n"].concat();
        stdin
            .write_all(&line)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.what)))
    }

    /// Waits for its end, having closed its standard input if that was piped.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.wait_until(None).map(|status| status.expect("it has ended"))
    }

    /// Waits for its end, but not longer than this: answers with nothing if it still runs then.
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.wait_until(Some(Instant::now() + self.host.scaled(timeout)))
    }

    /// Waits for its end, in an `async` test: whatever else runs on this thread goes on. It may be dropped, and called again.
    ///
    /// It is a future rather than a builder, as there is nothing to be said about it; in a plain function there is [`Process::wait`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn exited(&self) -> io::Result<ExitStatus> {
        let waiting = Waiting::new(format!("the end of {}", self.what));
        let pidfd = sys::async_pidfd(self.pidfd.try_clone()?)?;
        let _ready = pidfd.readable().await?;
        drop(waiting);
        self.wait_until(None).map(|status| status.expect("it has ended"))
    }

    /// Whether it has ended, and how.
    pub fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.wait_until(Some(Instant::now()))
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        // What has been waited for can be read for ever.
        !is_readable(self.pidfd.as_fd()).unwrap_or(true)
    }

    /// Sends it a signal, by number (signal(7)). Fails with `ESRCH` if it has ended and been waited for.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        sys::pidfd_send_signal(self.pidfd.as_fd(), signal)
    }

    /// Kills it and waits for its end. What descends from it goes on.
    pub fn kill(&self) -> io::Result<ExitStatus> {
        self.signal_if_there(libc::SIGKILL)?;
        self.wait_until(None).map(|status| status.expect("it has ended"))
    }

    /// Asks it to end, by `SIGTERM`; kills it if it has not ended within the grace. The status tells which.
    pub fn terminate(&self, grace: Duration) -> io::Result<ExitStatus> {
        self.signal_if_there(libc::SIGTERM)?;
        self.wait_timeout(grace)?.map_or_else(|| self.kill(), Ok)
    }

    fn signal_if_there(&self, signal: i32) -> io::Result<()> {
        match self.signal(signal) {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
            _ => Ok(()),
        }
    }

    fn wait_until(&self, until: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        let _waiting = Waiting::new(format!("the end of {}", self.what));
        if !until_readable(&[self.pidfd.as_fd()], until)? {
            return Ok(None);
        }
        let status = self.lock().try_wait()?;
        // What it has written is shown before what the test says next.
        if let Some(log) = &self.log {
            log.pass_on();
        }
        Ok(status)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("what", &self.what).field("id", &self.id).finish_non_exhaustive()
    }
}

fn not_piped(what: &str, stream: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the standard {stream} of {what} is neither `piped()` nor `logged()`"),
    )
}
