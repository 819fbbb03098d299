//! The relay: a switch in user space, which does to frames what no kernel may be there to do.
//!
//! It takes the place of a bridge among the bridge's own ports: those are isolated, so that the kernel forwards nothing between them, and what comes in by
//! them is shown to packet sockets first. What those see is forwarded by a thread of ours. Hosts notice nothing: their cables have a carrier, and a
//! cable that is pulled has none.

mod board;
mod dice;
mod frame;
mod intercept;
mod learned;
mod ledger;
mod pipe;
mod port;
mod schedule;
mod wire_frame;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netns_test_topology::Impairment;
use nix::sys::eventfd::{EfdFlags, EventFd};

use board::{Board, Hosts};
pub(crate) use board::{Decide, Selector};
pub(crate) use dice::mix;
pub(crate) use frame::{ETHERNET, with_tag};
pub(crate) use intercept::Verdicts;
pub use intercept::{Verdict, nth};
pub(crate) use ledger::Ledger;
pub(crate) use pipe::Counts;
use port::Port;
pub use wire_frame::{IcmpMessage, TcpSegment, UdpDatagram, WireFrame};

use crate::error::panic_message;
use crate::sys;

/// How long the thread of a relay may take to answer: it answers between two frames, so that it does not is a bug or a machine that stands still.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take where a test's last words are collected, for which there is little time.
const LAST_PATIENCE: Duration = Duration::from_millis(300);

/// For how long its thread runs at once where others wait: it has little to do at a time, and that is to be done when it is due.
const SLICE: Duration = Duration::from_micros(100);

/// Those of the counts that are not 0, behind commas.
fn tell(f: &mut fmt::Formatter<'_>, counts: &[(u64, &str)]) -> fmt::Result {
    counts.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
}

thread_local! {
    static IS_RELAY: Cell<bool> = const { Cell::new(false) };
}

/// An error on the thread of a relay: who decides about frames cannot change what becomes of them, as that is done by the same thread.
pub(crate) fn refuse_inside() -> io::Result<()> {
    let message = "what decides about a frame cannot change anything about the network, or ask what has been done";
    if IS_RELAY.get() { Err(io::Error::other(message)) } else { Ok(()) }
}

/// A switch in user space, on a thread of its own as long as this lives.
#[derive(Debug)]
pub(crate) struct Relay {
    control: Arc<Control>,
    ledger: Arc<Ledger>,
}

/// What a relay takes the place of.
#[derive(Debug)]
pub(crate) struct Bridge {
    /// The kernel's indices of its ports.
    pub(crate) ports: Vec<u32>,
    /// Who is behind those that are one host's alone.
    pub(crate) hosts: Hosts,
    /// For how long a host is known that sends nothing.
    pub(crate) ageing: Duration,
}

/// Something that is handed over to the thread, or stays where it is: what decides about frames may hold a guard, and is not to be dropped with whoever
/// could not take it.
pub(crate) struct Lent<T>(Arc<Mutex<Option<T>>>);

impl<T> Lent<T> {
    pub(crate) fn new(what: T) -> Self {
        Self(Arc::new(Mutex::new(Some(what))))
    }

    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Something that the thread is to do between two frames.
type Task = Box<dyn FnOnce(&mut Board) -> io::Result<()> + Send>;

/// How the thread is told what to do.
#[derive(Debug)]
struct Control {
    wake: EventFd,
    tasks: Mutex<Tasks>,
}

/// What is still to be done. `None` when nobody does anything any more.
struct Tasks(Option<Vec<Task>>);

impl Relay {
    /// A switch in the place of a bridge in the namespace that this thread is in. `prepare` isolates its ports: between that and listening, frames are lost,
    /// so nothing else happens in between. `failed` is called with the reason if the switch fails later.
    pub(crate) fn start(
        bridge: Bridge,
        prepare: impl FnOnce() -> io::Result<()>,
        failed: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let control = Arc::new(Control { wake, tasks: Mutex::new(Tasks(Some(Vec::new()))) });
        let ledger = Arc::<Ledger>::default();
        let mut board = Board::new(bridge, &control, Arc::clone(&ledger))?;
        prepare()?;
        board.listen()?;
        let relay = Self { control, ledger };
        let control = Arc::clone(&relay.control);
        std::thread::Builder::new().name("netns-test relay".to_owned()).spawn(move || {
            IS_RELAY.set(true);
            // One that may not is later on a busy machine; no more than that.
            let _ = sys::run_soon(SLICE);
            let run = std::panic::AssertUnwindSafe(|| board.run(&control));
            let ended = std::panic::catch_unwind(run);
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failed(error.to_string()),
                Err(payload) => {
                    failed(format!("{} has panicked: {}", board.suspect(), panic_message(payload.as_ref())));
                }
            }
            control.close();
        })?;
        Ok(relay)
    }

    /// Puts an impairment in force; see [`Board::impair`].
    pub(crate) fn impair(&self, number: u64, selector: Selector, impairment: Impairment, seed: u64) -> io::Result<()> {
        self.tell(move |board| {
            board.impair(number, selector, impairment, seed);
            Ok(())
        })
    }

    /// Takes an impairment away, or what decides about frames, which is handed over: it is for the caller to drop, which may take anything.
    pub(crate) fn clear(&self, number: u64) -> io::Result<Option<Decide>> {
        self.tell(move |board| Ok(board.clear(number)))
    }

    /// Has each frame be decided about; see [`Board::intercept`].
    pub(crate) fn intercept(&self, number: u64, decide: &Lent<Decide>) -> io::Result<()> {
        let decide = decide.clone();
        self.tell(move |board| {
            board.intercept(number, decide.take().expect("it is lent once"));
            Ok(())
        })
    }

    /// What has been decided about frames so far.
    pub(crate) fn verdicts(&self, number: u64) -> io::Result<Verdicts> {
        self.tell(move |board| Ok(board.verdicts(number)))
    }

    /// Has a frame appear on the segment.
    pub(crate) fn inject(&self, bytes: Vec<u8>) -> io::Result<()> {
        self.tell(move |board| board.inject(bytes))
    }

    /// What an impairment has done so far.
    pub(crate) fn counts(&self, number: u64) -> io::Result<Counts> {
        self.tell(move |board| Ok(board.counts(number)))
    }

    /// What comes of all frames.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Takes ports over that were another's, with the hosts behind them. This thread is in their namespace.
    pub(crate) fn take_ports(&self, ports: &[u32], hosts: Hosts) -> io::Result<()> {
        let ports = ports.iter().map(|&port| Port::open(port)).collect::<io::Result<Vec<_>>>()?;
        self.tell(move |board| {
            board.name_hosts(hosts);
            for port in ports {
                port.listen()?;
                board.add_port(port)?;
            }
            Ok(())
        })
    }

    /// Leaves ports to others.
    pub(crate) fn leave_ports(&self, ports: &[u32]) -> io::Result<()> {
        let ports = ports.to_vec();
        self.tell(move |board| ports.into_iter().try_for_each(|port| board.remove_port(port)))
    }

    /// An error if it does not answer soon: it has ended, or whoever decides about a frame has not.
    pub(crate) fn answers(&self) -> io::Result<()> {
        self.tell_within(LAST_PATIENCE, |_| Ok(()))
    }

    /// Has the thread do something between two frames, and waits for the answer.
    fn tell<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Board) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.tell_within(PATIENCE, task)
    }

    fn tell_within<T: Send + 'static>(
        &self,
        patience: Duration,
        task: impl FnOnce(&mut Board) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        refuse_inside()?;
        let (answer, answered) = mpsc::sync_channel(1);
        self.control.add(Box::new(move |board| {
            // Nobody waits any more if the answer took too long.
            let _ = answer.send(task(board));
            Ok(())
        }))?;
        answered.recv_timeout(patience).unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => {
                    io::Error::other(format!("the relay has not answered within {patience:?}"))
                }
                RecvTimeoutError::Disconnected => gone(),
            })
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // One that has ended already is not told.
        let _ = self.control.add(Box::new(|board| {
            board.end();
            Ok(())
        }));
    }
}

fn gone() -> io::Error {
    io::Error::other("the relay has ended")
}

impl Control {
    fn add(&self, task: Task) -> io::Result<()> {
        self.lock().0.as_mut().ok_or_else(gone)?.push(task);
        self.wake.write(1)?;
        Ok(())
    }

    /// Does what is to be done.
    fn carry_out(&self, board: &mut Board) -> io::Result<()> {
        let _ = self.wake.read();
        let tasks = self.lock().0.as_mut().map(std::mem::take).unwrap_or_default();
        tasks.into_iter().try_for_each(|task| task(board))
    }

    /// Nobody does anything any more: who waits for an answer is told.
    fn close(&self) {
        self.lock().0 = None;
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> std::sync::MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
