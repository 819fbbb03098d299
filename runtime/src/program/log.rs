//! Output of programs that goes to the test's, each line with the host's name in front.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::catch_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use nix::sys::stat::fstat;

use super::streams::{Next, Stream};
use super::wait::until_readable;
use crate::Host;

/// Those that are not at their end: what has been written is passed on before a test is described, and before it ends.
static LOGS: Mutex<Vec<Weak<Log>>> = Mutex::new(Vec::new());

/// What programs have said last, those that have ended too; the oldest first.
static TAILS: Mutex<VecDeque<Arc<Tail>>> = Mutex::new(VecDeque::new());

/// So many programs are remembered.
const REMEMBERED: usize = 64;

/// So many of the last lines of each.
const LAST: usize = 20;

/// What a program has said last, for whoever reads why a test failed.
pub(crate) struct Tail {
    host: String,
    /// Its host's network namespace.
    netns: Option<(u64, u64)>,
    command: String,
    id: u32,
    lines: Mutex<VecDeque<(Instant, Vec<u8>)>>,
}

/// A line that a program has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// When it was read.
    pub(crate) at: Instant,
    pub(crate) line: String,
}

impl Tail {
    /// That of a program which is to be logged.
    pub(super) fn new(host: &Host, command: String, id: u32) -> Self {
        Self { host: host.name().to_owned(), netns: netns(host), command, id, lines: Mutex::default() }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The program and its arguments, as they were written.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Its number in the test's pid namespace.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn lines(&self) -> Vec<Said> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let said = |(at, line): &(Instant, Vec<u8>)| Said { at: *at, line: String::from_utf8_lossy(line).into_owned() };
        lines.iter().map(said).collect()
    }

    fn add(&self, line: &[u8]) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST {
            lines.pop_front();
        }
        lines.push_back((Instant::now(), line.to_owned()));
    }
}

/// What the logged programs of these hosts have said last.
pub(crate) fn tails(hosts: &[&Host]) -> Vec<Arc<Tail>> {
    let hosts: Vec<_> = hosts.iter().map(|host| netns(host)).collect();
    let tails = TAILS.lock().unwrap_or_else(PoisonError::into_inner);
    tails.iter().filter(|tail| hosts.contains(&tail.netns)).cloned().collect()
}

fn netns(host: &Host) -> Option<(u64, u64)> {
    fstat(host.netns()).ok().map(|status| (status.st_dev, status.st_ino))
}

/// The two streams of one program.
pub(super) struct Log {
    tail: Arc<Tail>,
    streams: Mutex<Vec<(Stream, Print)>>,
    heard: Mutex<Heard>,
    changed: Condvar,
}

/// What has been passed on, for whoever waits for a line of it.
#[derive(Default)]
struct Heard {
    lines: VecDeque<Vec<u8>>,
    has_ended: bool,
}

/// So many lines are kept that nobody has asked for.
const KEPT: usize = 1000;

/// Keeps a line that was printed.
pub(super) fn keep(lines: &mut VecDeque<Vec<u8>>, line: Vec<u8>) {
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back(line);
}

/// Where lines go: standard output to the test's standard output, standard error to its standard error.
pub(super) type Print = fn(&str);

pub(super) fn to_stdout(text: &str) {
    print!("{text}");
}

pub(super) fn to_stderr(text: &str) {
    eprint!("{text}");
}

/// Prints the lines of a stream that have not been taken, and takes them; each is handed over, too.
pub(super) fn print(host: &str, stream: &mut Stream, print: Print, mut also: impl FnMut(Vec<u8>)) {
    let mut text = String::new();
    while let Some(line) = stream.take() {
        text.extend(["[", host, "] ", &String::from_utf8_lossy(&line), "\n"]);
        also(line);
    }
    if !text.is_empty() {
        // Where it cannot be written, the test goes on: that is no verdict on it.
        let _ = catch_unwind(|| print(&text));
    }
}

impl Log {
    /// Passes on what the streams have, from now on by a thread of its own. What was printed before is heard first.
    pub(super) fn start(
        tail: Tail,
        streams: Vec<(Stream, Print)>,
        printed: VecDeque<Vec<u8>>,
    ) -> io::Result<Arc<Self>> {
        let fds = streams.iter().map(|(stream, _)| stream.as_fd().try_clone_to_owned());
        let fds: Vec<OwnedFd> = fds.collect::<io::Result<_>>()?;
        for line in &printed {
            tail.add(line);
        }
        let tail = Arc::new(tail);
        let mut tails = TAILS.lock().unwrap_or_else(PoisonError::into_inner);
        if tails.len() == REMEMBERED {
            tails.pop_front();
        }
        tails.push_back(Arc::clone(&tail));
        drop(tails);
        let heard = Heard { lines: printed, has_ended: false };
        let (streams, heard) = (Mutex::new(streams), Mutex::new(heard));
        let log = Arc::new(Self { tail, streams, heard, changed: Condvar::new() });
        let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
        logs.retain(|log| log.strong_count() > 0);
        logs.push(Arc::downgrade(&log));
        drop(logs);
        let working = Arc::clone(&log);
        std::thread::Builder::new().name("netns-test-log".to_owned()).spawn(move || working.follow(&fds))?;
        Ok(log)
    }

    fn follow(&self, fds: &[OwnedFd]) {
        self.pass_on_all(fds);
        self.heard().has_ended = true;
        self.changed.notify_all();
    }

    fn pass_on_all(&self, fds: &[OwnedFd]) {
        loop {
            let open = self.open();
            let fds: Vec<_> = fds.iter().zip(open).filter(|(_, open)| *open).map(|(fd, _)| fd.as_fd()).collect();
            if fds.is_empty() || until_readable(&fds, None).is_err() {
                return;
            }
            self.pass_on();
        }
    }

    fn open(&self) -> Vec<bool> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.iter().map(|(stream, _)| stream.is_open()).collect()
    }

    /// Passes on what is there now.
    pub(super) fn pass_on(&self) {
        self.pass_on_and(|_| {});
    }

    fn pass_on_and(&self, also: impl Fn(&mut Stream)) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for (stream, to) in &mut *streams {
            // What cannot be read ends as what has been read to its end.
            let _ = stream.read_what_is_there();
            also(stream);
            print(&self.tail.host, stream, *to, |line| {
                self.tail.add(&line);
                keep(&mut self.heard().lines, line);
            });
        }
        self.changed.notify_all();
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest line that was printed and has not been taken here, as soon as there is one.
    pub(super) fn next(&self, until: Instant) -> Next {
        let mut heard = self.heard();
        loop {
            if let Some(line) = heard.lines.pop_front() {
                return Next::Line(line);
            }
            if heard.has_ended {
                return Next::End;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Late;
            }
            heard = self.changed.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Passes on what all logged programs have written until now, unfinished lines too.
pub(crate) fn pass_on() {
    let logs: Vec<_> = LOGS.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
    for log in logs {
        log.pass_on_and(Stream::finish);
    }
}
