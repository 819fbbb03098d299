//! Devices, and what is given to them. The thread is in a network namespace with nothing but a loopback.

use std::fs::File;
use std::os::fd::AsFd;

use netns_test_topology::Impairment;
use nix::errno::Errno;
use rtnetlink::packet_route::link::{InfoData, InfoKind, InfoVeth, LinkMessage};
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use super::error::{Attempt, Obstacle};
use super::failed;
use crate::impair::qdisc;
use crate::lab::Netlink;
use crate::sys;

/// Index of the device that is tried out: above those of fallback devices, which some modules put into every namespace.
const DEVICE: u32 = 100;

/// Index of the veth that it is put on.
const BASE: u32 = 101;

/// Index of the loopback (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// What the kernel says of a kind of link that it does not know (`rtnl_newlink`), and of VLANs in a bridge that was built without
/// (`br_vlan_filter_toggle`).
const UNKNOWN_KIND: &[Errno] = &[Errno::EOPNOTSUPP];

/// A device that needs no other.
pub(super) fn alone(what: &'static str, kind: InfoKind, data: Option<InfoData>) -> Result<(), Obstacle> {
    make(&mut open()?, what, device(kind, data).build())
}

/// A device on another.
pub(super) fn on_veth(what: &'static str, kind: InfoKind, data: Option<InfoData>) -> Result<(), Obstacle> {
    let mut netlink = open()?;
    make(&mut netlink, "make a veth pair", veth(BASE)).map_err(|obstacle| match obstacle {
        Obstacle::Lacking(attempt) => Obstacle::LackingVeth(attempt),
        other => other,
    })?;
    make(&mut netlink, what, device(kind, data).link(BASE).build())
}

/// Two devices.
pub(super) fn veth_pair() -> Result<(), Obstacle> {
    make(&mut open()?, "make a veth pair", veth(DEVICE))
}

/// A TAP device.
pub(super) fn tap() -> Result<(), Obstacle> {
    // It stays when the file is closed, or that would wait until the kernel has taken it apart.
    // The file may be there without the driver: it is what loads it.
    let missing = [Errno::ENOENT, Errno::ENODEV, Errno::ENXIO];
    let file = File::options().read(true).write(true).open("/dev/net/tun");
    let tun = file.map_err(|error| failed("open /dev/net/tun")(error).lacking_if(&missing))?;
    sys::make_tap(tun.as_fd(), "")
        .and_then(|()| sys::keep_tap(tun.as_fd()))
        .map_err(|error| Obstacle::Other(failed("make a TAP device")(error)))
}

/// netem on the loopback.
pub(super) fn netem() -> Result<(), Obstacle> {
    let what = "make netem the qdisc of a loopback";
    // What `qdisc_create` says of a kind that it does not know, and rtnetlink where the kernel has no qdiscs at all.
    let unknown = [Errno::ENOENT, Errno::EOPNOTSUPP];
    let mut netlink = open()?;
    let added = netlink.replace_qdisc(what, qdisc(LOOPBACK, &Impairment::new(), 0)).and_then(|()| netlink.settle());
    added.map_err(|error| Attempt::from(error).lacking_if(&unknown))
}

fn open() -> Result<Netlink, Obstacle> {
    Netlink::open().map_err(|error| Obstacle::Other(error.into()))
}

fn make(netlink: &mut Netlink, what: &'static str, link: LinkMessage) -> Result<(), Obstacle> {
    let made = netlink.create_link(what, link).and_then(|()| netlink.settle());
    made.map_err(|error| Attempt::from(error).lacking_if(UNKNOWN_KIND))
}

fn device(kind: InfoKind, data: Option<InfoData>) -> LinkMessageBuilder<LinkUnspec> {
    let device = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(kind).name("device").index(DEVICE);
    match data {
        Some(data) => device.set_info_data(data),
        None => device,
    }
}

fn veth(index: u32) -> LinkMessage {
    let peer = LinkMessageBuilder::<LinkUnspec>::default().name("peer").build();
    let veth = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(InfoKind::Veth).name("veth").index(index);
    veth.set_info_data(InfoData::Veth(InfoVeth::Peer(peer))).build()
}
