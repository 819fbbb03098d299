//! What somebody wrote, unchecked: texts are as they were written, and whatever was left out is `None`.
//!
//! Hosts refer to segments by name. [`Drawing::plan`] is where all of it is checked.

use crate::{DrawnImpairment, Need};

/// A network as it was written, unchecked.
///
/// Segments have names of their own, and so have hosts: a host and a segment may be called alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// Segments, in order.
    pub segments: Vec<DrawnSegment>,
    /// Hosts and routers, in order.
    pub hosts: Vec<DrawnHost>,
    /// Topologies within this one, in order.
    pub nested: Vec<DrawnNested>,
    /// Whether routes follow from the drawing.
    pub routes: Routes,
    /// What it requires of the machine.
    pub needs: Vec<Need>,
}

impl Drawing {
    /// What it requires of the machine, and what the topologies within it do.
    pub fn all_needs(&self) -> Vec<Need> {
        let nested = self.nested.iter().filter_map(|nested| nested.drawing.as_ref()).flat_map(Self::all_needs);
        self.needs.iter().copied().chain(nested).collect()
    }
}

/// Whether routes follow from the drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routes {
    /// Every host gets the routes that it needs to reach every other, in each address family by itself.
    ///
    /// A host with one router on its segments that leads elsewhere has a default route through it, unless that router hides
    /// something from there. Every other host, and every router, has a route for each subnet that it sees and is not on: through
    /// the fewest routers, and of equal ways the one through the router that was drawn first. A router that translates source
    /// addresses on a segment ([`DrawnHost::masquerade`], [`DrawnHost::source_nat`]) hides from there what is behind it, but for
    /// other segments on which it does so, too.
    ///
    /// What is written comes first: a default gateway is instead of all these routes, of its family and in its VRF; another
    /// route is instead of the one to the same destination.
    ///
    /// Two hosts between which there is no way in any family are a mistake, and so are subnets that overlap where somebody sees
    /// both. What is hidden counts as connected.
    #[default]
    Automatic,
    /// There are none but those that were written. Hosts may be apart, and only machines that are on both of two segments mind
    /// if their subnets overlap.
    None,
}

/// A segment as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnSegment {
    /// Its name.
    pub name: String,
    /// Its subnets in CIDR notation.
    pub subnets: Vec<String>,
    /// Its MTU in bytes. A VLAN's is at most that of the segment it is over, a tunnel's is less by what it adds to each packet.
    pub mtu: Option<u32>,
    /// Whether its interfaces leave checksums and segmentation to a device that does not exist (ethtool(8), offload).
    pub offload: Option<bool>,
    /// What it is made of.
    pub medium: Medium,
    /// The segment that this one is over: of a VLAN its trunk, of a tunnel its underlay. Whoever joins this one has to join
    /// that one, too.
    pub over: Option<String>,
    /// The knobs of a bridge.
    pub bridge: DrawnBridge,
    /// What happens to each frame that crosses it. Only a switch impairs what crosses it.
    pub impairment: DrawnImpairment,
    /// What carries out the impairments of the segment: `kernel`, `relay` or `automatic` (the default).
    pub engine: Option<String>,
    /// What happens to frames from one host to another, beside that.
    pub pairs: Vec<DrawnPair>,
}

/// What happens between two hosts of a segment, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnPair {
    /// The name of the host that sends.
    pub from: String,
    /// The name of the host that receives.
    pub to: String,
    /// Whether the same happens on the way back: `pair` in `#[segment]`, and otherwise `path`.
    pub both_ways: bool,
    /// What happens to the frames.
    pub impairment: DrawnImpairment,
}

/// What a segment is made of, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// A switch, for any number of hosts up to [`SWITCH_PORTS`](crate::SWITCH_PORTS). A bond has a port for each leg; all
    /// macvlans share one, and so do all ipvlans and all macvtaps.
    #[default]
    Switch,
    /// A veth pair, for two: nothing is between its ends.
    Veth,
    /// A dummy device, for one: packets leave and come nowhere.
    Dummy,
    /// A VLAN (IEEE 802.1Q) on another segment.
    Vlan {
        /// Its id.
        id: u32,
        /// The ethertype of its tags: `802.1Q` (the default) or `802.1ad`.
        protocol: Option<String>,
    },
    /// A VXLAN (RFC 7348) over another segment, which has addresses: `vni = 42` in `#[segment]`.
    Vxlan {
        /// Its network identifier.
        vni: u32,
    },
    /// A mesh of `WireGuard` tunnels over another segment, which has addresses.
    WireGuard,
    /// A GRE tunnel (RFC 2784) over another segment, for two; that one has IPv4 addresses.
    Gre,
    /// An IP-in-IP tunnel (RFC 2003) over another segment, for two; that one has IPv4 addresses, and this one no others.
    Ipip,
}

/// The knobs of a bridge, as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnBridge {
    /// Whether its ports carry only the VLANs that hosts have on them.
    pub vlan_filtering: Option<bool>,
    /// Whether it speaks the spanning tree protocol (IEEE 802.1D).
    pub stp: Option<bool>,
    /// How long it remembers an address that has not been heard of, with its unit: `300s`.
    pub ageing: Option<String>,
}

/// A host or router as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnHost {
    /// Its name.
    pub name: String,
    /// For an array of hosts, how many there are, which may be none; they are called `name-0`, `name-1` and so on.
    pub count: Option<usize>,
    /// What it does with packets that are not for itself.
    pub role: Role,
    /// Whether it is meant to be on no segment: `alone` in `#[host]`.
    pub isolated: bool,
    /// The segments that it joins, in order, each once. A router joins at least two.
    pub interfaces: Vec<DrawnInterface>,
    /// Routes beside those that follow from the drawing.
    pub routes: Vec<DrawnRoute>,
    /// Neighbours that need not be asked for.
    pub neighbours: Vec<DrawnNeighbour>,
    /// Sysctls by name and their values. A name is written in either way of sysctl(8): `net.ipv4.ip_default_ttl`, or
    /// `net/ipv4/conf/eth0.10/rp_filter` where a word has a dot of its own.
    pub sysctls: Vec<(String, String)>,
    /// Segments on which what it forwards appears to come from itself, in both families.
    pub masquerade: Vec<String>,
    /// Source NAT to given addresses, in their families: `snat` in `#[router]`.
    pub source_nat: Vec<DrawnSourceNat>,
    /// Ports that it forwards to other hosts: `forward` in `#[router]`.
    pub forwards: Vec<DrawnPortForward>,
    /// Whether forwarded ports work from where they lead to, too.
    pub hairpin: bool,
}

/// What a machine does with packets that are not for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It drops them.
    #[default]
    Host,
    /// It forwards them.
    Router,
}

/// An interface as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnInterface {
    /// The name of the segment that it joins.
    pub segment: String,
    /// Its addresses, without prefix lengths: at most one from each subnet. The others are allocated from what nobody has
    /// written: to routers first, then to hosts, as they were drawn.
    pub addresses: Vec<String>,
    /// Its name. Otherwise `eth0`, `eth1` and so on, in the order in which segments are joined and without those that are
    /// written; `dummy0`, `wg0`, `gre1`, `ipip1` by what a segment is made of; `eth0.10` for a VLAN with that id on `eth0`,
    /// `vxlan42` for a VXLAN with that VNI.
    pub name: Option<String>,
    /// Its MAC address, which nobody else on the segment has. An ipvlan has its device's.
    pub mac: Option<String>,
    /// Its MTU in bytes; the segment's otherwise.
    pub mtu: Option<u32>,
    /// As for the segment.
    pub offload: Option<bool>,
    /// The default gateway through it: the name of a host on the segment, for all families that it has, or an address. It is a
    /// router, a host that a sysctl of its own makes forward, or nobody.
    pub gateway: Option<String>,
    /// The kind of device that it is. Only a switch can have others than [`DrawnDevice::Plain`].
    pub device: DrawnDevice,
    /// The VRF that it is in, whose routes are apart from those of others.
    pub vrf: Option<String>,
    /// What happens to frames on its own cable, in each direction.
    pub impairment: DrawnImpairment,
    /// What is otherwise in what the host sends: its words are instead of those for both directions, and its preset of all of them.
    pub egress: DrawnImpairment,
    /// The same for what arrives at the host.
    pub ingress: DrawnImpairment,
}

/// The kind of device that an interface is, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DrawnDevice {
    /// One end of a veth pair, or what the segment is made of.
    #[default]
    Plain,
    /// A macvlan.
    Macvlan,
    /// An ipvlan (layer 2).
    Ipvlan,
    /// A macvtap: frames are read and written by the test, and nothing is routed through it. Not for a router.
    Macvtap,
    /// A tap: frames are read and written by the test, and nothing is routed through it. Not for a router.
    Tap,
    /// A bond.
    Bond {
        /// How many legs it has, 2 to 16.
        legs: u32,
        /// Its mode, as ip-link(8) calls it: `active-backup` (the default), `balance-rr`, …
        mode: Option<String>,
    },
}

/// A route as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnRoute {
    /// The destination: `default`, a subnet, an address, or the name of a segment.
    pub to: String,
    /// The gateway: the name of a host that is on one of the same segments, or an address of one of the host's subnets; it forwards
    /// as one of [`DrawnInterface::gateway`] does. Without it the destination is refused.
    pub via: Option<String>,
}

/// A static neighbour as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnNeighbour {
    /// Its address; it tells the interface, too.
    pub address: String,
    /// Its MAC address.
    pub mac: String,
}

/// Source NAT to a given address, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnSourceNat {
    /// The segment that packets leave on.
    pub segment: String,
    /// The address that they then come from. If it is of a subnet of the segment, it is given to nobody else; if it is of none,
    /// somebody on the segment has a written route to it.
    pub address: String,
}

/// A forwarded port as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnPortForward {
    /// TCP or UDP.
    pub protocol: Transport,
    /// The port of the router.
    pub port: u32,
    /// The name of the host that it is forwarded to. The router has to reach it.
    pub to: String,
    /// The port there, if it is another.
    pub to_port: Option<u32>,
}

/// A transport protocol with ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// TCP (RFC 9293).
    #[default]
    Tcp,
    /// UDP (RFC 768).
    Udp,
}

/// A topology within another. Its hosts and segments get its name in front: `left-laptop`. Names within it are its own.
///
/// A segment that it shares is the outer one: its members join that, and nothing else of it counts. Whether routes follow is for
/// the outermost topology to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnNested {
    /// Its name.
    pub name: String,
    /// Its segments that are segments of the outer topology: the name inside, the name outside.
    pub shares: Vec<(String, String)>,
    /// What it looks like; the macros, which see only its type's name, do not know. Without it nothing is said about what it
    /// could be the answer to, and there is no plan.
    pub drawing: Option<Drawing>,
}
