//! The connections that a host's kernel tracks (`linux/netfilter/nfnetlink_conntrack.h`).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoInfo, ProtoInfoTCP, ProtoTuple, Status, Tuple,
};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily};
use rtnetlink::packet_core::Nla;
use rtnetlink::sys::protocols::NETLINK_NETFILTER;

use super::Protocol;
use super::dump::{Attempt, dump, request};
use super::error::{QueryError, Subject, ask};
use crate::Host;

/// Of a subsystem that it does not know the kernel says EINVAL (`nfnetlink_rcv_msg`), as it does of nothing else that is asked here; without
/// any of netfilter's, there is no such netlink family.
const SUBJECT: Subject = Subject {
    of: "tracked connections",
    remedy: "`sudo modprobe nf_conntrack_netlink`, or choose a kernel with CONFIG_NF_CT_NETLINK",
    lacking: &[libc::EINVAL, libc::EPROTONOSUPPORT],
};

/// Attributes that tell entries with the same addresses apart: the zone, and the number of the entry itself.
const CTA_ID: u16 = 12;
const CTA_ZONE: u16 = 18;

/// The connections that a host's kernel tracks: [`list`](Self::list) or [`flush`](Self::flush) those that are as was said, or all.
///
/// A kernel tracks connections from when there is a rule that asks for it (`ct state`), or translates addresses.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until `list()` or `flush()` is called"]
pub struct Conntrack {
    host: Host,
    protocol: Option<Protocol>,
    address: Option<IpAddr>,
    port: Option<u16>,
}

/// A connection that is tracked.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConntrackEntry {
    /// Its protocol.
    pub protocol: Protocol,
    /// As its first packet came in.
    pub original: ConntrackTuple,
    /// As an answer is expected: turned round, and with other addresses where they are translated.
    pub reply: ConntrackTuple,
    /// What has been seen of the conversation; of TCP only.
    pub state: Option<ConntrackState>,
    /// After which time without a packet it is forgotten. Seconds, rounded down.
    pub timeout: Option<Duration>,
    /// Its mark (`ct mark`).
    pub mark: u32,
    status: u32,
    identity: Vec<ConntrackAttribute>,
}

/// One direction of a connection that is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConntrackTuple {
    /// Who sends.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// From which port, if the protocol has ports.
    pub source_port: Option<u16>,
    /// To which port, if the protocol has ports.
    pub destination_port: Option<u16>,
}

/// What has been seen of a TCP conversation (`enum tcp_conntrack` in `linux/netfilter/nf_conntrack_tcp.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are the kernel's")]
pub enum ConntrackState {
    None,
    SynSent,
    SynReceived,
    Established,
    FinWait,
    CloseWait,
    LastAck,
    TimeWait,
    Close,
    SynSent2,
    /// One that this crate has no name for.
    Other(u8),
}

impl From<u8> for ConntrackState {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::None,
            1 => Self::SynSent,
            2 => Self::SynReceived,
            3 => Self::Established,
            4 => Self::FinWait,
            5 => Self::CloseWait,
            6 => Self::LastAck,
            7 => Self::TimeWait,
            8 => Self::Close,
            9 => Self::SynSent2,
            other => Self::Other(other),
        }
    }
}

impl Host {
    /// The connections that the kernel of this host tracks.
    ///
    /// ```no_run
    /// # fn example(router: netns_test::Host) -> Result<(), netns_test::QueryError> {
    /// let tracked = router.conntrack().tcp().port(80).list()?;
    /// assert!(tracked.iter().all(netns_test::ConntrackEntry::is_assured));
    /// router.conntrack().flush()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn conntrack(&self) -> Conntrack {
        Conntrack { host: self.clone(), protocol: None, address: None, port: None }
    }
}

impl Conntrack {
    /// Those of TCP.
    pub fn tcp(self) -> Self {
        self.protocol(Protocol::Tcp)
    }

    /// Those of UDP.
    pub fn udp(self) -> Self {
        self.protocol(Protocol::Udp)
    }

    /// Those of SCTP.
    pub fn sctp(self) -> Self {
        self.protocol(Protocol::Sctp)
    }

    /// Those of a protocol.
    pub fn protocol(mut self, protocol: impl Into<Protocol>) -> Self {
        self.protocol = Some(protocol.into());
        self
    }

    /// Those with this address, on either side and in either direction.
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Those with this port, on either side and in either direction.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Asks: all that are as was said.
    pub fn list(self) -> Result<Vec<ConntrackEntry>, QueryError> {
        ask(&self.host, "list the tracked connections", &SUBJECT, || self.read())
    }

    /// Has the kernel forget all that are as was said, and answers how many these were. What comes of a connection next is as if it were
    /// its first packet.
    pub fn flush(self) -> Result<usize, QueryError> {
        ask(&self.host, "flush the tracked connections", &SUBJECT, || {
            let entries = self.read()?;
            let mut flushed = 0;
            for entry in entries {
                match delete(entry) {
                    Ok(()) => flushed += 1,
                    // It ended by itself meanwhile.
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                    // Whatever its number says, there is a list.
                    Err(error) => return Err(std::io::Error::other(error)),
                }
            }
            Ok(flushed)
        })
    }

    /// On a thread of the host.
    fn read(&self) -> Attempt<Vec<ConntrackEntry>> {
        let mut entries = read_all()?;
        entries.retain(|entry| self.is_meant(entry));
        Ok(entries)
    }

    fn is_meant(&self, entry: &ConntrackEntry) -> bool {
        let tuples = [entry.original, entry.reply];
        let has_address = |address| tuples.iter().any(|tuple| tuple.source == address || tuple.destination == address);
        let has_port = |port: u16| {
            tuples.iter().any(|tuple| tuple.source_port == Some(port) || tuple.destination_port == Some(port))
        };
        self.protocol.is_none_or(|protocol| protocol == entry.protocol)
            && self.address.is_none_or(has_address)
            && self.port.is_none_or(has_port)
    }
}

/// As it is displayed, with its timeout and its mark.
impl fmt::Debug for ConntrackEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (timeout {:?}, mark {:#x})", self.timeout, self.mark)
    }
}

impl ConntrackEntry {
    /// Whether packets of both directions were seen (`IPS_SEEN_REPLY`).
    pub fn has_seen_reply(&self) -> bool {
        self.status & Status::SeenReply.bits() != 0
    }

    /// Whether it is not forgotten early where room is short (`IPS_ASSURED`): a conversation has been held.
    pub fn is_assured(&self) -> bool {
        self.status & Status::Assured.bits() != 0
    }

    /// All bits of its status (`enum ip_conntrack_status` in `linux/netfilter/nf_conntrack_common.h`).
    pub fn status(&self) -> u32 {
        self.status
    }
}

/// As conntrack(8) shows it, much shortened.
impl fmt::Display for ConntrackEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} / {}", self.protocol, self.original, self.reply)?;
        if let Some(state) = self.state {
            write!(f, " {state:?}")?;
        }
        let flags = [(self.has_seen_reply(), " seen-reply"), (self.is_assured(), " assured")];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))
    }
}

impl fmt::Display for ConntrackTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address: IpAddr, port: Option<u16>| match port {
            Some(port) => std::net::SocketAddr::new(address, port).to_string(),
            None => address.to_string(),
        };
        write!(f, "{} > {}", end(self.source, self.source_port), end(self.destination, self.destination_port))
    }
}

/// All connections that are tracked in the namespace that this thread is in; none where the kernel does not tell.
pub(crate) fn all() -> Attempt<Vec<ConntrackEntry>> {
    match read_all() {
        Err(error) if SUBJECT.is_lacking(&error) => Ok(Vec::new()),
        other => other,
    }
}

fn read_all() -> Attempt<Vec<ConntrackEntry>> {
    let answers = dump(NETLINK_NETFILTER, &message(NetfilterProtoFamily::Unspec, ConntrackMessage::Get(Vec::new())))?;
    let entries = answers.into_iter().filter_map(|answer| match answer.inner {
        NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)) => entry(attributes),
        _ => None,
    });
    Ok(entries.collect())
}

fn message(family: NetfilterProtoFamily, message: ConntrackMessage) -> NetfilterMessage {
    NetfilterMessage::new(NetfilterHeader::new(family, 0, 0), message)
}

fn delete(entry: ConntrackEntry) -> Attempt<()> {
    let family = if entry.original.source.is_ipv4() { NetfilterProtoFamily::IPv4 } else { NetfilterProtoFamily::IPv6 };
    request(NETLINK_NETFILTER, message(family, ConntrackMessage::Delete(entry.identity)))
}

/// Nothing if it has no addresses, which no connection lacks.
fn entry(attributes: Vec<ConntrackAttribute>) -> Option<ConntrackEntry> {
    let (mut original, mut reply, mut state, mut timeout, mut mark, mut status) = (None, None, None, None, 0, 0);
    let mut identity = Vec::new();
    for attribute in attributes {
        match &attribute {
            ConntrackAttribute::CtaTupleOrig(parts) => original = tuple(parts),
            ConntrackAttribute::CtaTupleReply(parts) => reply = tuple(parts),
            ConntrackAttribute::CtaProtoInfo(infos) => state = infos.iter().find_map(tcp_state),
            ConntrackAttribute::CtaTimeout(seconds) => timeout = Some(Duration::from_secs((*seconds).into())),
            ConntrackAttribute::CtaMark(bits) => mark = *bits,
            ConntrackAttribute::CtaStatus(bits) => status = bits.bits(),
            _ => {}
        }
        let tells_apart = matches!(attribute.kind(), CTA_ID | CTA_ZONE);
        if tells_apart || matches!(attribute, ConntrackAttribute::CtaTupleOrig(_)) {
            identity.push(attribute);
        }
    }
    let ((protocol, original), (_, reply)) = (original?, reply?);
    Some(ConntrackEntry { protocol, original, reply, state, timeout, mark, status, identity })
}

fn tuple(parts: &[Tuple]) -> Option<(Protocol, ConntrackTuple)> {
    let (mut source, mut destination, mut protocol) = (None, None, None);
    let (mut source_port, mut destination_port) = (None, None);
    for part in parts {
        match part {
            Tuple::Ip(ends) => {
                for end in ends {
                    match end {
                        IPTuple::SourceAddress(address) => source = Some(*address),
                        IPTuple::DestinationAddress(address) => destination = Some(*address),
                        _ => {}
                    }
                }
            }
            Tuple::Proto(ends) => {
                for end in ends {
                    match end {
                        ProtoTuple::Protocol(number) => protocol = Some(Protocol::from(u8::from(*number))),
                        ProtoTuple::SourcePort(port) => source_port = Some(*port),
                        ProtoTuple::DestinationPort(port) => destination_port = Some(*port),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let tuple = ConntrackTuple { source: source?, destination: destination?, source_port, destination_port };
    Some((protocol?, tuple))
}

fn tcp_state(info: &ProtoInfo) -> Option<ConntrackState> {
    let ProtoInfo::TCP(infos) = info else { return None };
    infos.iter().find_map(|info| match info {
        ProtoInfoTCP::State(number) => Some(ConntrackState::from(*number)),
        _ => None,
    })
}
