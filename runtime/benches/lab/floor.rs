//! The least work that gives the same lab: one `unshare`, one socket and one send for each namespace, on one thread.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const LO: u32 = 1;
const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 1 << 6;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const TENTATIVE: u8 = 0x40;
const DUMP: u16 = 0x300;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE_EXCL: u16 = 0x600;

/// The subnets of the wire with this number.
pub(crate) fn subnet_v4(wire: usize) -> String {
    format!("{}/29", Ipv4Addr::from_bits(first_v4(wire)))
}

/// The same for IPv6.
pub(crate) fn subnet_v6(wire: usize) -> String {
    format!("{}/64", Ipv6Addr::from_bits(first_v6(wire)))
}

fn first_v4(wire: usize) -> u32 {
    0x0a00_0000 + 8 * u32::try_from(wire).expect("few wires")
}

fn first_v6(wire: usize) -> u128 {
    0xfd00_0000_0000_0000_0000_0000_0000_0000 + ((wire as u128) << 64)
}

/// Builds the lab; what keeps it alive is answered.
pub(crate) fn build(hosts: usize, sysctls: &[(String, &str)]) -> Vec<(OwnedFd, File)> {
    let needed = 2 * hosts as u64 + 100;
    let (soft, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("a limit");
    if soft < needed {
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, needed, hard).expect("more files");
    }
    let sites: Vec<(OwnedFd, File)> = (0..hosts).map(|_| namespace(sysctls)).collect();
    for (number, (netlink, _)) in sites.iter().enumerate() {
        let mut batch = Batch::default();
        if number % 2 == 0 {
            batch.veth(index(number), mac(number), index(number + 1), mac(number + 1), &sites[number + 1].1);
        }
        batch.up(LO);
        let host = number as u128 % 2 + 1;
        batch.address_v4(
            index(number),
            Ipv4Addr::from_bits(first_v4(number / 2) + u32::try_from(host).expect("1 or 2")),
        );
        batch.address_v6(index(number), Ipv6Addr::from_bits(first_v6(number / 2) + host));
        batch.up(index(number));
        batch.settle(netlink);
    }
    for (number, (netlink, _)) in sites.iter().enumerate() {
        while !(is_running(netlink, index(number)) && addresses_can_be_used(netlink)) {
            std::thread::yield_now();
        }
    }
    sites
}

fn namespace(sysctls: &[(String, &str)]) -> (OwnedFd, File) {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    for (path, value) in sysctls {
        File::options().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes())).expect("a sysctl");
    }
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
    (netlink.expect("a socket"), File::open("/proc/thread-self/ns/net").expect("the namespace"))
}

fn index(number: usize) -> u32 {
    100 + u32::try_from(number).expect("few hosts")
}

fn mac(number: usize) -> [u8; 6] {
    let [a, b, c, d] = index(number).to_be_bytes();
    [2, 0, a, b, c, d]
}

/// Requests, one after another as on the wire: native byte order, attributes padded to four bytes.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    message: usize,
}

impl Batch {
    fn begin(&mut self, kind: u16, flags: u16, header: &[u8]) {
        self.message = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        self.bytes.extend_from_slice(header);
    }

    fn end(&mut self) {
        let length = u32::try_from(self.bytes.len() - self.message).expect("short");
        self.bytes[self.message..self.message + 4].copy_from_slice(&length.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |batch| batch.bytes.extend_from_slice(value));
    }

    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        fill(self);
        let length = u16::try_from(self.bytes.len() - start).expect("short");
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn veth(&mut self, index: u32, mac: [u8; 6], peer: u32, peer_mac: [u8; 6], peer_ns: &File) {
        self.begin(libc::RTM_NEWLINK, CREATE_EXCL, &link(index, 0));
        self.attribute(IFLA_IFNAME, b"eth0\0");
        self.attribute(IFLA_ADDRESS, &mac);
        self.nest(IFLA_LINKINFO, |batch| {
            batch.attribute(IFLA_INFO_KIND, b"veth");
            batch.nest(IFLA_INFO_DATA, |batch| {
                batch.nest(VETH_INFO_PEER, |batch| {
                    batch.bytes.extend_from_slice(&link(peer, 0));
                    batch.attribute(IFLA_IFNAME, b"eth0\0");
                    batch.attribute(IFLA_ADDRESS, &peer_mac);
                    batch.attribute(IFLA_NET_NS_FD, &peer_ns.as_raw_fd().to_ne_bytes());
                });
            });
        });
        self.end();
    }

    fn up(&mut self, index: u32) {
        self.begin(libc::RTM_NEWLINK, 0, &link(index, IFF_UP));
        self.end();
    }

    fn address_v4(&mut self, index: u32, address: Ipv4Addr) {
        self.begin(libc::RTM_NEWADDR, CREATE_EXCL, &address_header(libc::AF_INET, 29, index));
        self.attribute(IFA_LOCAL, &address.octets());
        self.attribute(IFA_ADDRESS, &address.octets());
        self.attribute(IFA_BROADCAST, &Ipv4Addr::from_bits(address.to_bits() | 7).octets());
        self.end();
    }

    fn address_v6(&mut self, index: u32, address: Ipv6Addr) {
        self.begin(libc::RTM_NEWADDR, CREATE_EXCL, &address_header(libc::AF_INET6, 64, index));
        self.attribute(IFA_LOCAL, &address.octets());
        self.attribute(IFA_ADDRESS, &address.octets());
        self.end();
    }

    /// Sends everything with one acknowledgement, for the last; an error would be answered without being asked for.
    fn settle(mut self, netlink: &OwnedFd) {
        let flags = self.message + 6;
        self.bytes[flags] |= u8::try_from(ACK).expect("a low bit");
        send(netlink.as_raw_fd(), &self.bytes, MsgFlags::empty()).expect("a send");
        let mut answer = [0; 4096];
        let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty()).expect("an answer");
        assert!(length >= 20 && answer[16..20] == [0; 4], "the kernel refused: {:?}", &answer[..length]);
    }
}

fn is_running(netlink: &OwnedFd, index: u32) -> bool {
    let mut batch = Batch::default();
    batch.begin(libc::RTM_GETLINK, 0, &link(index, 0));
    batch.end();
    send(netlink.as_raw_fd(), &batch.bytes, MsgFlags::empty()).expect("a send");
    let mut answer = [0; 4096];
    recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty()).expect("an answer");
    // struct ifinfomsg follows the message header; its flags are at offset 8.
    let flags = u32::from_ne_bytes([answer[24], answer[25], answer[26], answer[27]]);
    flags & IFF_RUNNING != 0
}

/// Whether no IPv6 address is tentative: a worker of the kernel has made it known.
fn addresses_can_be_used(netlink: &OwnedFd) -> bool {
    let mut batch = Batch::default();
    batch.begin(libc::RTM_GETADDR, DUMP, &address_header(libc::AF_INET6, 0, 0));
    batch.end();
    send(netlink.as_raw_fd(), &batch.bytes, MsgFlags::empty()).expect("a send");
    let mut usable = true;
    loop {
        let mut answer = [0; 8192];
        let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty()).expect("an answer");
        let mut rest = &answer[..length];
        while rest.len() >= 24 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            if u16::from_ne_bytes([rest[4], rest[5]]) == DONE {
                return usable;
            }
            // struct ifaddrmsg follows the message header; its flags are at offset 2.
            usable &= rest[18] & TENTATIVE == 0;
            rest = &rest[size.next_multiple_of(4)..];
        }
        // The last message is shorter than an address.
        if rest.len() >= 6 && u16::from_ne_bytes([rest[4], rest[5]]) == DONE {
            return usable;
        }
    }
}

/// `struct ifinfomsg`.
fn link(index: u32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// `struct ifaddrmsg`.
fn address_header(family: i32, prefix: u8, index: u32) -> [u8; 8] {
    let mut header = [u8::try_from(family).expect("a small number"), prefix, 0, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&index.to_ne_bytes());
    header
}
