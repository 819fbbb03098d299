//! What the interfaces of a lab send and receive, recorded while a test runs: the newest of it, within bounds.
//!
//! A packet socket in each host hears all of its interfaces from before they are made. A thread empties the sockets in its own time, so that nobody is
//! woken for each frame, and a lab that is quiet costs nothing.

mod closing;
mod filter;
mod frame;
mod pcapng;
mod recorder;
mod rush;
mod socket;

pub(crate) use closing::ClosedByKernel;
pub(crate) use filter::{LONG, SYN_FIN_RST};
pub(crate) use frame::{Direction, Frame, LinkLayer, since_1970};
pub(crate) use pcapng::{Interface, Writer};
pub(crate) use recorder::{Recorded, Recorder};
pub(crate) use rush::Rushed;
pub(crate) use socket::PacketSocket;
