//! A table of nftables.

use std::io;

use nix::errno::Errno;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};

use super::error::Obstacle;
use super::failed;

// From the kernel's `linux/netlink.h`, `linux/netfilter.h` and `linux/netfilter/nf_tables.h`.
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_CREATE: u16 = 0x400;
const NFNL_MSG_BATCH_BEGIN: u16 = 16;
const NFNL_MSG_BATCH_END: u16 = 17;
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFT_MSG_NEWTABLE: u16 = 0;
const NFTA_TABLE_NAME: u16 = 1;
const NFPROTO_UNSPEC: u8 = 0;
const NFPROTO_INET: u8 = 1;

/// A table for IPv4 and IPv6, as `nft add table inet t` makes it.
///
/// Requests that change something come in a batch, and to one for a subsystem or a family that it does not know the kernel says
/// EOPNOTSUPP (`nfnetlink_rcv_batch`, `nf_tables_newtable`); without netfilter's sockets it says EPROTONOSUPPORT.
pub(super) fn table() -> Result<(), Obstacle> {
    let unknown = [Errno::EOPNOTSUPP, Errno::EPROTONOSUPPORT];
    make_table().map_err(|error| failed("make a table of nftables")(error).lacking_if(&unknown))
}

fn make_table() -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind(&SocketAddr::new(0, 0))?;
    let name = [6u16.to_ne_bytes(), NFTA_TABLE_NAME.to_ne_bytes(), *b"t\0", [0; 2]].concat();
    let new_table = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE;
    let batch = [
        message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES, &[]),
        message(new_table, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, NFPROTO_INET, 0, &name),
        message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES, &[]),
    ];
    socket.send(&batch.concat(), 0)?;
    // The kernel has done it when `send` returns, and has answered.
    let mut answers = Vec::with_capacity(4096);
    socket.recv(&mut answers, libc::MSG_DONTWAIT)?;
    match first_error(&answers) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that is none")),
    }
}

/// A message of netfilter: `struct nlmsghdr`, `struct nfgenmsg` and attributes.
fn message(kind: u16, flags: u16, family: u8, resource: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(20 + attributes.len()).expect("it is short");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    // Its number, which nobody has to tell from others, and its sender, whom the kernel knows.
    bytes.extend([0; 8]);
    bytes.extend([family, 0]);
    bytes.extend(resource.to_be_bytes());
    bytes.extend(attributes);
    bytes
}

/// The error code of the answer, 0 if it is an acknowledgement. An error comes first: there is none after an acknowledgement, which is
/// given when all is done.
fn first_error(answers: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(*answers.get(4..)?.first_chunk()?);
    let code = i32::from_ne_bytes(*answers.get(16..)?.first_chunk()?);
    (kind == NLMSG_ERROR).then_some(code)
}
