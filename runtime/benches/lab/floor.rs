//! The least work that gives the same lab: one `unshare`, one socket and one send for each namespace, on one thread.

use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use netns_test_topology::{HostPlan, IpNet, Plan, RoutePlan, SegmentKind, SegmentPlan, Way};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const LO: u32 = 1;
const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 1 << 6;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const MAIN_TABLE: u8 = 254;
const STATIC: u8 = 4;
const UNICAST: u8 = 1;
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

/// Builds the lab; what keeps it alive is answered. The calling thread is where the switches will be, and ends up elsewhere.
pub(crate) fn build(plan: &Plan, sysctls: &[(String, &str)]) -> Vec<(OwnedFd, File)> {
    let needed = 2 * plan.hosts.len() as u64 + 100;
    let (soft, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("a limit");
    if soft < needed {
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, needed, hard).expect("more files");
    }
    let hub = plan.segments.iter().any(is_switch).then(hub);
    let sites: Vec<(OwnedFd, File)> = plan.hosts.iter().map(|host| namespace(host, sysctls)).collect();
    cable(plan, hub.as_ref(), &sites);
    for (host, (netlink, _)) in sites.iter().enumerate() {
        let mut batch = Batch::default();
        batch.up(LO);
        for (nth, interface) in plan.hosts[host].interfaces.iter().enumerate() {
            interface.addresses.iter().for_each(|address| batch.address(index(host, nth), address));
            batch.up(index(host, nth));
        }
        batch.settle(netlink);
    }
    if let Some(hub) = &hub {
        raise(plan, hub);
    }
    for (host, (netlink, _)) in sites.iter().enumerate() {
        let interfaces = 0..plan.hosts[host].interfaces.len();
        while !(interfaces.clone().all(|nth| is_running(netlink, index(host, nth))) && addresses_can_be_used(netlink)) {
            std::thread::yield_now();
        }
        if !plan.hosts[host].routes.is_empty() {
            let mut batch = Batch::default();
            plan.hosts[host].routes.iter().for_each(|route| batch.route(host, route));
            batch.settle(netlink);
        }
    }
    sites
}

/// Every cable, with both ends where they belong.
fn cable(plan: &Plan, hub: Option<&OwnedFd>, sites: &[(OwnedFd, File)]) {
    let mut in_hub = Batch::default();
    for (number, segment) in plan.segments.iter().enumerate() {
        let switch = SWITCHES + small(number);
        if is_switch(segment) {
            in_hub.bridge(switch);
        }
        let end = |(host, nth): (usize, usize)| {
            let interface = &plan.hosts[host].interfaces[nth];
            End { index: index(host, nth), name: interface.name.to_string(), mac: Some(interface.mac.0) }
        };
        match segment.members[..] {
            [first, second] if !is_switch(segment) => {
                let mut batch = Batch::default();
                batch.veth(&end(first), None, &end(second), &sites[second.0].1);
                batch.settle(&sites[first.0].0);
            }
            ref members => {
                for &(host, nth) in members {
                    let port = port(host, nth);
                    let port = End { index: port, name: format!("p{port}"), mac: None };
                    in_hub.veth(&port, Some(switch), &end((host, nth)), &sites[host].1);
                }
            }
        }
    }
    if let Some(hub) = hub {
        in_hub.settle(hub);
    }
}

/// Brings up the switches and their ports.
fn raise(plan: &Plan, hub: &OwnedFd) {
    let mut batch = Batch::default();
    for (number, segment) in plan.segments.iter().enumerate().filter(|(_, segment)| is_switch(segment)) {
        batch.up(SWITCHES + small(number));
        segment.members.iter().for_each(|&(host, nth)| batch.up(port(host, nth)));
    }
    batch.settle(hub);
}

fn is_switch(segment: &SegmentPlan) -> bool {
    matches!(segment.kind, SegmentKind::Switch(_))
}

/// The namespace of the switches: this one.
fn hub() -> OwnedFd {
    write(&("/proc/sys/net/ipv6/conf/default/disable_ipv6".to_owned(), "1"));
    routing_socket()
}

fn namespace(host: &HostPlan, sysctls: &[(String, &str)]) -> (OwnedFd, File) {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    sysctls.iter().for_each(write);
    if host.forwarding {
        let forwarding = |family| (format!("/proc/sys/net/{family}/conf/all/forwarding"), "1");
        ["ipv4", "ipv6"].map(forwarding).iter().for_each(write);
    }
    (routing_socket(), File::open("/proc/thread-self/ns/net").expect("the namespace"))
}

fn routing_socket() -> OwnedFd {
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
    netlink.expect("a socket")
}

fn write((path, value): &(String, &str)) {
    File::options().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes())).expect("a sysctl");
}

/// Indices of interfaces, for hosts with up to four.
fn index(host: usize, nth: usize) -> u32 {
    100 + 4 * small(host) + small(nth)
}

/// Indices of ports.
fn port(host: usize, nth: usize) -> u32 {
    100_000 + index(host, nth)
}

/// Where the indices of switches begin.
const SWITCHES: u32 = 200_000;

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("few")
}

/// One end of a veth pair.
struct End {
    index: u32,
    name: String,
    mac: Option<[u8; 6]>,
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

    fn veth(&mut self, end: &End, switch: Option<u32>, peer: &End, peer_ns: &File) {
        self.begin(libc::RTM_NEWLINK, CREATE_EXCL, &link(end.index, 0));
        self.end_of_veth(end);
        if let Some(switch) = switch {
            self.attribute(IFLA_MASTER, &switch.to_ne_bytes());
        }
        self.nest(IFLA_LINKINFO, |batch| {
            batch.attribute(IFLA_INFO_KIND, b"veth");
            batch.nest(IFLA_INFO_DATA, |batch| {
                batch.nest(VETH_INFO_PEER, |batch| {
                    batch.bytes.extend_from_slice(&link(peer.index, 0));
                    batch.end_of_veth(peer);
                    batch.attribute(IFLA_NET_NS_FD, &peer_ns.as_raw_fd().to_ne_bytes());
                });
            });
        });
        self.end();
    }

    fn end_of_veth(&mut self, end: &End) {
        self.attribute(IFLA_IFNAME, format!("{}\0", end.name).as_bytes());
        if let Some(mac) = &end.mac {
            self.attribute(IFLA_ADDRESS, mac);
        }
    }

    /// A bridge without forward delay and snooping.
    fn bridge(&mut self, index: u32) {
        self.begin(libc::RTM_NEWLINK, CREATE_EXCL, &link(index, 0));
        self.nest(IFLA_LINKINFO, |batch| {
            batch.attribute(IFLA_INFO_KIND, b"bridge");
            batch.nest(IFLA_INFO_DATA, |batch| {
                batch.attribute(IFLA_BR_FORWARD_DELAY, &0u32.to_ne_bytes());
                batch.attribute(IFLA_BR_MCAST_SNOOPING, &[0]);
            });
        });
        self.end();
    }

    /// `struct rtmsg` and its attributes.
    fn route(&mut self, host: usize, route: &RoutePlan) {
        let Way::Via { gateway, interface } = route.way else { unreachable!("nothing is refused here") };
        let family = if gateway.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let family = u8::try_from(family).expect("a small number");
        let header = [family, route.to.prefix_len(), 0, 0, MAIN_TABLE, STATIC, 0, UNICAST, 0, 0, 0, 0];
        self.begin(libc::RTM_NEWROUTE, CREATE_EXCL, &header);
        if route.to.prefix_len() > 0 {
            self.attribute(RTA_DST, &octets(route.to.addr()));
        }
        self.attribute(RTA_GATEWAY, &octets(gateway));
        self.attribute(RTA_OIF, &index(host, interface).to_ne_bytes());
        self.end();
    }

    fn up(&mut self, index: u32) {
        self.begin(libc::RTM_NEWLINK, 0, &link(index, IFF_UP));
        self.end();
    }

    fn address(&mut self, index: u32, address: &IpNet) {
        let family = if address.addr().is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        self.begin(libc::RTM_NEWADDR, CREATE_EXCL, &address_header(family, address.prefix_len(), index));
        self.attribute(IFA_LOCAL, &octets(address.addr()));
        self.attribute(IFA_ADDRESS, &octets(address.addr()));
        if address.addr().is_ipv4() {
            self.attribute(IFA_BROADCAST, &octets(address.broadcast()));
        }
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

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
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
