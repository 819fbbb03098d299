//! What was asked, and what tells its packets from those of other questions.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::packet::{Carries, DATA, Ip};
use crate::Host;
use crate::transport::Transport;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) from: Host,
    pub(crate) asking: Asking,
}

/// A question, whoever asks it.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) to: IpAddr,
    /// From which address, if one was written.
    pub(crate) source: Option<IpAddr>,
    pub(crate) asked: Asked,
    /// When it was asked first.
    pub(crate) since: Instant,
    pub(crate) fingerprints: Fingerprints,
}

/// In which way it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Echo,
    /// By a datagram, or by what opens a connection.
    Port(Transport, u16),
    /// By data in a connection.
    Data(Transport, u16),
    /// By ARP or neighbour discovery.
    Neighbour,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo => f.write_str("for an echo"),
            Self::Port(transport, port) => write!(f, "for {transport} port {port}"),
            Self::Data(transport, port) => write!(f, "for an answer on a connection to {transport} port {port}"),
            Self::Neighbour => f.write_str("for its link-layer address"),
        }
    }
}

/// What the packets of a question are told from others by, noted as they are sent: others may ask the same at the same time. Whoever clones it notes in the
/// same list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fingerprints(Arc<Mutex<Vec<Fingerprint>>>);

/// What a packet has that others have not, as it is when it leaves whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fingerprint {
    /// The number of echo requests, and their payload.
    Echo(u16, Vec<u8>),
    /// What a datagram says.
    Datagram(Vec<u8>),
    /// The port that a connection is from.
    Port(u16),
}

impl Fingerprints {
    pub(crate) fn note(&self, fingerprint: Fingerprint) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fingerprint);
    }

    /// All that was noted.
    pub(super) fn all(&self) -> Vec<Fingerprint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Fingerprint {
    fn is_on(&self, ip: &Ip) -> bool {
        match (self, &ip.carries) {
            (Self::Echo(number, said), Carries::Echo { request: true, id, payload, .. }) => {
                id == number && said.starts_with(payload)
            }
            (Self::Datagram(said), Carries::Udp { payload, .. }) => said.starts_with(payload),
            (Self::Port(from), Carries::Tcp { ports, .. } | Carries::Sctp { ports, .. }) => *from == ports.0,
            _ => false,
        }
    }
}

impl Asking {
    /// Tells whether a packet asks this, as it is when it leaves whoever asks.
    pub(super) fn is_asked_by(&self) -> impl Fn(&Ip) -> bool + use<> {
        let (to, asked, fingerprints) = (self.to, self.asked, self.fingerprints.all());
        move |ip| {
            let is_of_the_kind = match (asked, &ip.carries) {
                (Asked::Echo, Carries::Echo { request, .. }) => *request,
                // The first segment of a connection: SYN without ACK.
                (Asked::Port(Transport::Tcp, port), Carries::Tcp { ports, flags, .. }) => {
                    ports.1 == port && flags & 0x12 == 0x02
                }
                (Asked::Port(Transport::Udp, port), Carries::Udp { ports, .. }) => ports.1 == port,
                // INIT (RFC 9260 section 3.2).
                (Asked::Port(Transport::Sctp, port), Carries::Sctp { ports, chunk, .. }) => {
                    ports.1 == port && chunk.first() == Some(&1)
                }
                (Asked::Data(Transport::Tcp, port), Carries::Tcp { ports, data, .. }) => ports.1 == port && *data > 0,
                (Asked::Data(Transport::Sctp, port), Carries::Sctp { ports, chunk, .. }) => {
                    ports.1 == port && chunk.first() == Some(&DATA)
                }
                _ => false,
            };
            is_of_the_kind && ip.to == to && fingerprints.iter().any(|fingerprint| fingerprint.is_on(ip))
        }
    }

    /// Tells whether a packet is of the same connection, whenever it was.
    pub(super) fn is_of_its_connection(&self) -> impl Fn(&Ip) -> bool + use<> {
        let (to, asked, fingerprints) = (self.to, self.asked, self.fingerprints.all());
        move |ip| {
            let Asked::Data(_, port) = asked else { return false };
            ip.to == to
                && ip.ports().is_some_and(|(_, to)| to == port)
                && fingerprints.iter().any(|fingerprint| fingerprint.is_on(ip))
        }
    }

    /// When it was asked first, since 1970.
    pub(super) fn since_1970(&self) -> Duration {
        no_later_since_1970(self.since)
    }
}

/// A moment since 1970: that, or a little earlier if this thread is held up meanwhile.
pub(super) fn no_later_since_1970(then: Instant) -> Duration {
    let now = SystemTime::now();
    of_1970(now, then.elapsed())
}

/// A moment since 1970: that, or a little later if this thread is held up meanwhile.
pub(super) fn no_earlier_since_1970(then: Instant) -> Duration {
    let elapsed = then.elapsed();
    of_1970(SystemTime::now(), elapsed)
}

fn of_1970(now: SystemTime, elapsed: Duration) -> Duration {
    let then = now.checked_sub(elapsed);
    then.and_then(|then| then.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default()
}
