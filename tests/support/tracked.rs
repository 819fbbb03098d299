//! Connections that a kernel is told to track, as conntrackd(8) does.

use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sendto, socket};

/// An attribute of netlink's, as long as its value and padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).expect("it is short");
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `AF_INET`
const INET: u8 = 2;

/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;

/// `CTA_TUPLE_IP` and `CTA_TUPLE_PROTO` of UDP (`linux/netfilter/nfnetlink_conntrack.h`).
fn tuple(from: ([u8; 4], u16), to: ([u8; 4], u16)) -> Vec<u8> {
    let addresses = [attribute(1, &from.0), attribute(2, &to.0)].concat();
    let ports = [attribute(1, &[17]), attribute(2, &from.1.to_be_bytes()), attribute(3, &to.1.to_be_bytes())];
    [attribute(1 | NESTED, &addresses), attribute(2 | NESTED, &ports.concat())].concat()
}

/// The n-th conversation, one that is assured: the kernel does not forget it to make room.
fn message(nth: u32) -> Vec<u8> {
    let [high, low, port @ ..] = nth.to_be_bytes();
    let (client, server) = (([198, 18, high, low], u16::from_be_bytes(port)), ([203, 0, 113, 77], 9));
    // `IPS_SEEN_REPLY`, `IPS_ASSURED` and `IPS_CONFIRMED`; CTA_STATUS and CTA_TIMEOUT, in seconds.
    let state = [attribute(3, &0xeu32.to_be_bytes()), attribute(7, &600u32.to_be_bytes())].concat();
    let tuples = [attribute(1 | NESTED, &tuple(client, server)), attribute(2 | NESTED, &tuple(server, client))];
    // `struct nfgenmsg`: IPv4.
    let body = [&[INET, 0, 0, 0][..], &tuples.concat(), &state].concat();
    let length = u32::try_from(16 + body.len()).expect("it is short");
    // `NFNL_SUBSYS_CTNETLINK`, `IPCTNL_MSG_CT_NEW`; `NLM_F_REQUEST`, `NLM_F_EXCL` and `NLM_F_CREATE`.
    let (kind, flags) = (0x0100u16, 0x0601u16);
    let header = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8]].concat();
    [header, body].concat()
}

/// Has the kernel track conversations of nobody, by their numbers, in the namespace that this thread is in. Of those that there is no room for it says so, which is not
/// heard.
///
/// # Errors
/// If there is no ctnetlink, or it does not take them.
pub fn track(conversations: Range<u32>) -> io::Result<()> {
    let netlink = SockProtocol::NetlinkNetFilter;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, netlink)?;
    let all: Vec<u32> = conversations.collect();
    for some in all.chunks(200) {
        let messages: Vec<u8> = some.iter().flat_map(|nth| message(*nth)).collect();
        sendto(socket.as_raw_fd(), &messages, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    }
    Ok(())
}
