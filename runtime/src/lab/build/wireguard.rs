//! Keys and peers of `WireGuard` interfaces (`include/uapi/linux/wireguard.h`).
//!
//! Keys are drawn anew for each lab; the kernel computes the public ones.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use netlink_packet_generic::GenlMessage;
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_wireguard::{
    WireguardAddressFamily, WireguardAllowedIp, WireguardAllowedIpAttr, WireguardAttribute, WireguardCmd,
    WireguardMessage, WireguardPeer, WireguardPeerAttribute,
};
use netns_test_topology::{HostPlan, InterfacePlan, IpNet, Plan, SegmentKind, Way};
use rtnetlink::packet_core::{
    Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use rtnetlink::sys::{Socket, SocketAddr as NetlinkAddr, protocols::NETLINK_GENERIC};

use super::indices::Indices;
use super::site::Site;
use super::upper::underlay;
use crate::lab::LabError;
use crate::lab::hub::{Member, inside};

/// The port of a host's first `WireGuard` interface, as in wg-quick's examples; the second has the next.
const PORT: u16 = 51820;

/// The largest answer, in bytes: one device, before it has peers.
const ANSWER: usize = 32 * 1024;

type Key = [u8; WireguardAttribute::WG_KEY_LEN];

/// Gives every interface its key, and tells it of its peers.
pub(super) fn settle(plan: &Plan, indices: &Indices, sites: &[Site<'_>]) -> Result<(), LabError> {
    let mut keys = HashMap::new();
    for (site, nth) in interfaces(plan, sites) {
        let member = (site.number, nth);
        let key = at(site, |family| family.take_key(indices.interface(site.number, nth), port(plan, member)))?;
        keys.insert(member, key);
    }
    for (site, nth) in interfaces(plan, sites) {
        let peers = peers(plan, site, nth, &keys);
        at(site, |family| family.meet(indices.interface(site.number, nth), peers))?;
    }
    Ok(())
}

/// The `WireGuard` interfaces of the lab.
fn interfaces<'a>(plan: &'a Plan, sites: &'a [Site<'a>]) -> impl Iterator<Item = (&'a Site<'a>, usize)> {
    sites.iter().flat_map(move |site| {
        let interfaces = site.host.interfaces.iter().enumerate();
        interfaces.filter(move |(_, interface)| is_wireguard(plan, interface)).map(move |(nth, _)| (site, nth))
    })
}

fn at<T: Send>(site: &Site<'_>, work: impl FnOnce(&Family) -> io::Result<T> + Send) -> Result<T, LabError> {
    inside(site.netns.as_fd(), || {
        let done = Family::open().and_then(|family| work(&family));
        done.map_err(|source| LabError::WireGuard { host: site.host.name.clone(), source })
    })
}

/// The port that an interface listens on.
fn port(plan: &Plan, (host, nth): Member) -> u16 {
    let before = plan.hosts[host].interfaces[..nth].iter().filter(|interface| is_wireguard(plan, interface)).count();
    PORT + u16::try_from(before).expect("a host has few")
}

fn is_wireguard(plan: &Plan, interface: &InterfacePlan) -> bool {
    matches!(plan.segments[interface.segment].kind, SegmentKind::WireGuard { .. })
}

/// All other ends of the mesh. What is routed through one may come from it, too.
fn peers(plan: &Plan, site: &Site<'_>, nth: usize, keys: &HashMap<Member, Key>) -> Vec<WireguardPeer> {
    let segment = &plan.segments[site.host.interfaces[nth].segment];
    let others = segment.members.iter().filter(|member| **member != (site.number, nth));
    let peer = |member: &Member| {
        let interface = &plan.hosts[member.0].interfaces[member.1];
        let endpoint = underlay(&plan.hosts[member.0], interface)?;
        Some(WireguardPeer(vec![
            WireguardPeerAttribute::PublicKey(keys[member]),
            WireguardPeerAttribute::Endpoint(SocketAddr::new(endpoint, port(plan, *member))),
            WireguardPeerAttribute::AllowedIps(allowed(site.host, nth, interface).iter().map(allowed_ip).collect()),
        ]))
    };
    others.filter_map(peer).collect()
}

/// A peer's own addresses, and the destinations that it is the gateway for.
fn allowed(host: &HostPlan, nth: usize, peer: &InterfacePlan) -> Vec<IpNet> {
    let own = peer.addresses.iter().map(|address| IpNet::from(address.addr()));
    let is_peer = |gateway: &IpAddr| peer.addresses.iter().any(|address| address.addr() == *gateway);
    let behind = host.routes.iter().filter(|route| match &route.way {
        Way::Via { gateway, interface } => *interface == nth && is_peer(gateway),
        _ => false,
    });
    own.chain(behind.map(|route| route.to)).collect()
}

fn allowed_ip(net: &IpNet) -> WireguardAllowedIp {
    let family = if net.addr().is_ipv4() { WireguardAddressFamily::Ipv4 } else { WireguardAddressFamily::Ipv6 };
    WireguardAllowedIp(vec![
        WireguardAllowedIpAttr::Family(family),
        WireguardAllowedIpAttr::IpAddr(net.addr()),
        WireguardAllowedIpAttr::Cidr(net.prefix_len()),
    ])
}

/// The generic netlink family, in one namespace.
struct Family {
    socket: Socket,
    id: u16,
}

impl Family {
    fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind(&NetlinkAddr::new(0, 0))?;
        let name = "wireguard".to_owned();
        let question = GenlMessage::from_payload(GenlCtrl {
            cmd: GenlCtrlCmd::GetFamily,
            nlas: vec![GenlCtrlAttrs::FamilyName(name)],
        });
        let answers: Vec<GenlMessage<GenlCtrl>> = ask(&socket, question, 0)?;
        let nlas = answers.into_iter().flat_map(|answer| answer.payload.nlas);
        let id = nlas.into_iter().find_map(|nla| match nla {
            GenlCtrlAttrs::FamilyId(id) => Some(id),
            _ => None,
        });
        Ok(Self { socket, id: id.ok_or_else(|| io::Error::other("the kernel did not say where WireGuard is"))? })
    }

    /// Gives an interface a private key; answers with the public one.
    fn take_key(&self, index: u32, port: u16) -> io::Result<Key> {
        let mut key = Key::default();
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let attributes = [
            WireguardAttribute::IfIndex(index),
            WireguardAttribute::PrivateKey(key),
            WireguardAttribute::ListenPort(port),
        ];
        self.set(attributes.to_vec())?;
        let question = self.message(WireguardCmd::GetDevice, vec![WireguardAttribute::IfIndex(index)]);
        let answers: Vec<GenlMessage<WireguardMessage>> = ask(&self.socket, question, NLM_F_DUMP)?;
        let public =
            answers.into_iter().flat_map(|answer| answer.payload.attributes).find_map(|attribute| match attribute {
                WireguardAttribute::PublicKey(key) => Some(key),
                _ => None,
            });
        public.ok_or_else(|| io::Error::other("the kernel has no public key for an interface"))
    }

    /// Tells an interface of its peers: one at a time, since a message has an end.
    fn meet(&self, index: u32, peers: Vec<WireguardPeer>) -> io::Result<()> {
        peers.into_iter().try_for_each(|peer| {
            self.set(vec![WireguardAttribute::IfIndex(index), WireguardAttribute::Peers(vec![peer])])
        })
    }

    fn set(&self, attributes: Vec<WireguardAttribute>) -> io::Result<()> {
        let request = self.message(WireguardCmd::SetDevice, attributes);
        ask::<_, GenlMessage<WireguardMessage>>(&self.socket, request, NLM_F_ACK).map(drop)
    }

    fn message(&self, cmd: WireguardCmd, attributes: Vec<WireguardAttribute>) -> GenlMessage<WireguardMessage> {
        let mut message = GenlMessage::from_payload(WireguardMessage { cmd, attributes });
        message.set_resolved_family_id(self.id);
        message
    }
}

/// Sends a request and reads what comes back: until its end if it is a dump, one datagram otherwise.
fn ask<Q, A>(socket: &Socket, mut question: GenlMessage<Q>, flags: u16) -> io::Result<Vec<A>>
where
    Q: netlink_packet_generic::GenlFamily + Emitable + Clone + std::fmt::Debug + Eq,
    GenlMessage<Q>: NetlinkSerializable,
    A: NetlinkDeserializable + std::fmt::Debug,
{
    question.finalize();
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut request = NetlinkMessage::new(header, NetlinkPayload::from(question));
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut answers = Vec::new();
    loop {
        let mut buffer = Vec::with_capacity(ANSWER);
        // It is there already: the kernel has done all of it when `send` returns.
        socket.recv(&mut buffer, libc::MSG_DONTWAIT)?;
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<A>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => return Ok(answers),
                _ => {}
            }
        }
        if flags & NLM_F_DUMP == 0 {
            return Ok(answers);
        }
    }
}
