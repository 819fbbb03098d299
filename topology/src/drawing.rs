//! What somebody wrote, unchecked: texts are as they were written, and whatever was left out is `None`.
//!
//! Hosts refer to segments by name. [`Drawing::plan`] is where all of it is checked.

use crate::Need;

/// A network as it was written, unchecked.
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
    /// Every host gets the routes that it needs to reach every other.
    #[default]
    Automatic,
    /// There are none but those that were written.
    None,
}

/// A segment as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnSegment {
    /// Its name.
    pub name: String,
    /// Its subnets in CIDR notation.
    pub subnets: Vec<String>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
    /// Whether its interfaces leave checksums and segmentation to a device that does not exist (ethtool(8), offload).
    pub offload: Option<bool>,
    /// What it is made of.
    pub medium: Medium,
    /// The segment that this one is over: of a VLAN its trunk, of a tunnel its underlay.
    pub over: Option<String>,
    /// The knobs of a bridge.
    pub bridge: DrawnBridge,
}

/// What a segment is made of, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// A switch, for any number of hosts.
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
    /// A VXLAN (RFC 7348) over another segment.
    Vxlan {
        /// Its network identifier.
        vni: u32,
    },
    /// A mesh of `WireGuard` tunnels over another segment.
    WireGuard,
    /// A GRE tunnel (RFC 2784) over another segment, for two.
    Gre,
    /// An IP-in-IP tunnel (RFC 2003) over another segment, for two.
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
    /// For an array of hosts, how many there are; they are called `name-0`, `name-1` and so on.
    pub count: Option<usize>,
    /// What it does with packets that are not for itself.
    pub role: Role,
    /// Whether it may be on no segment.
    pub isolated: bool,
    /// The segments that it joins, in order.
    pub interfaces: Vec<DrawnInterface>,
    /// Routes beside those that follow from the drawing.
    pub routes: Vec<DrawnRoute>,
    /// Neighbours that need not be asked for.
    pub neighbours: Vec<DrawnNeighbour>,
    /// Sysctls by name (`net.ipv4.ip_default_ttl`) and their values.
    pub sysctls: Vec<(String, String)>,
    /// Segments on which what it forwards appears to come from itself.
    pub masquerade: Vec<String>,
    /// Source NAT to given addresses.
    pub source_nat: Vec<DrawnSourceNat>,
    /// Ports that it forwards to other hosts.
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
    /// Its addresses, without prefix lengths: at most one from each subnet; the others are allocated.
    pub addresses: Vec<String>,
    /// Its name; `eth0`, `eth1` and so on otherwise.
    pub name: Option<String>,
    /// Its MAC address.
    pub mac: Option<String>,
    /// Its MTU in bytes; the segment's otherwise.
    pub mtu: Option<u32>,
    /// As for the segment.
    pub offload: Option<bool>,
    /// The default gateway through it: the name of a host on the segment, or an address.
    pub gateway: Option<String>,
    /// The kind of device that it is.
    pub device: DrawnDevice,
    /// The VRF that it is in.
    pub vrf: Option<String>,
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
    /// A macvtap: frames are read and written by the test.
    Macvtap,
    /// A tap: frames are read and written by the test.
    Tap,
    /// A bond.
    Bond {
        /// How many legs it has.
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
    /// The gateway: the name of a host, or an address; without it the destination is refused.
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
    /// The address that they then come from.
    pub address: String,
}

/// A forwarded port as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnPortForward {
    /// TCP or UDP.
    pub protocol: Transport,
    /// The port of the router.
    pub port: u32,
    /// The name of the host that it is forwarded to.
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

/// A topology within another. Its hosts and segments get its name in front: `left-laptop`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawnNested {
    /// Its name.
    pub name: String,
    /// Its segments that are segments of the outer topology: the name inside, the name outside.
    pub shares: Vec<(String, String)>,
    /// What it looks like; the macros, which see only its type's name, do not know.
    pub drawing: Option<Drawing>,
}
