//! A network that can be built: every name valid, every address given.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::{Engine, HostName, IfName, ImpairmentPlan, IpNet, SegmentName, Transport};

/// A network that can be built. Made by [`Drawing::plan`](crate::Drawing::plan) only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The hosts, in the order in which they were drawn; those of nested topologies come last.
    pub hosts: Vec<HostPlan>,
    /// The segments, in the order in which they were drawn; those of nested topologies come last.
    pub segments: Vec<SegmentPlan>,
}

impl Plan {
    /// The host with this name.
    pub fn host(&self, name: &str) -> Option<&HostPlan> {
        self.hosts.iter().find(|host| host.name.as_str() == name)
    }

    /// The index of the segment with this name.
    pub fn segment(&self, name: &str) -> Option<usize> {
        self.segments.iter().position(|segment| segment.name.as_str() == name)
    }
}

/// A host of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostPlan {
    /// Its name.
    pub name: HostName,
    /// Whether it forwards packets that are not for itself.
    pub forwarding: bool,
    /// Its interfaces besides the loopback, in the order in which it joins segments. An interface that is over another comes after
    /// that.
    pub interfaces: Vec<InterfacePlan>,
    /// Its VRFs.
    pub vrfs: Vec<VrfPlan>,
    /// Its routes besides those to its own subnets: first those that were written.
    pub routes: Vec<RoutePlan>,
    /// Its static neighbours.
    pub neighbours: Vec<NeighbourPlan>,
    /// Its sysctls: paths under `/proc/sys`, and values.
    pub sysctls: Vec<SysctlPlan>,
    /// The addresses that it translates.
    pub nat: NatPlan,
}

impl HostPlan {
    /// Its addresses, interface by interface; the loopback's are not among them.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.interfaces.iter().flat_map(|interface| &interface.addresses).map(IpNet::addr)
    }

    /// Whether it has an IPv6 address.
    pub fn has_ipv6(&self) -> bool {
        self.addresses().any(|address| address.is_ipv6())
    }
}

/// An interface of a [`HostPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfacePlan {
    /// Its name within the host.
    pub name: IfName,
    /// Its link-layer address, if devices of its kind have one. No two in a lab are the same, but for those that were written for
    /// different segments, and for the ipvlans of one segment, which have that of the device they are on.
    pub mac: MacAddr,
    /// Index of the segment it is on.
    pub segment: usize,
    /// Its addresses with their prefix lengths, in the order of the segment's subnets.
    pub addresses: Vec<IpNet>,
    /// Its MTU in bytes; none is the kernel's choice for its kind, 1500 for a veth.
    pub mtu: Option<u32>,
    /// Whether checksums and segmentation are left to a device that does not exist, as is the kernel's default.
    pub offload: bool,
    /// The kind of device that it is.
    pub device: Device,
    /// Index of the interface of the same host that it is over.
    pub lower: Option<usize>,
    /// Index of the VRF it is in.
    pub vrf: Option<usize>,
}

/// The kind of device that an interface on a switch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// What the segment is made of: one end of a veth pair on a wire or a switch, a VLAN device on a VLAN.
    Plain,
    /// A macvlan in bridge mode, on a device that is plugged into the switch.
    Macvlan,
    /// An ipvlan in layer 2 mode, on a device that is plugged into the switch.
    Ipvlan,
    /// A macvtap in bridge mode: frames are read and written by the test.
    Macvtap,
    /// A tap: frames are read and written by the test.
    Tap,
    /// A bond of veths that are plugged into the switch.
    Bond {
        /// How many legs it has, from 2 on.
        legs: u32,
        /// Its mode.
        mode: BondMode,
    },
}

impl Device {
    /// What those of these are called that share a cable, if there are two such: they reach each other without the switch.
    pub fn beside_the_switch(devices: impl IntoIterator<Item = Self>) -> Option<&'static str> {
        let mut kinds: Vec<_> = devices.into_iter().filter_map(Self::sharing_a_cable).collect();
        kinds.sort_unstable();
        kinds.windows(2).find(|two| two[0] == two[1]).map(|two| two[0])
    }

    /// What it is called together with those that it shares a cable with.
    const fn sharing_a_cable(self) -> Option<&'static str> {
        match self {
            Self::Macvlan | Self::Macvtap => Some("macvlans and macvtaps"),
            Self::Ipvlan => Some("ipvlans"),
            Self::Plain | Self::Tap | Self::Bond { .. } => None,
        }
    }

    /// Why netem has no queue of its own for what arrives at it, or for what it sends, if it has none.
    pub const fn without_a_queue(self, sends: bool) -> Option<&'static str> {
        match self {
            Self::Macvlan | Self::Ipvlan | Self::Macvtap => Some(
                "the kernel has a queue for each port, and the macvlans, macvtaps or ipvlans of a segment share one",
            ),
            Self::Bond { .. } => Some("the kernel has a queue for each cable, and a bond has several"),
            Self::Tap if sends => Some("what is written to a tap waits in no queue of a host's kernel"),
            Self::Plain | Self::Tap => None,
        }
    }
}

/// The mode of a bond (Documentation/networking/bonding.rst).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BondMode {
    /// `balance-rr`
    BalanceRoundRobin,
    /// `active-backup`
    ActiveBackup,
    /// `balance-xor`
    BalanceXor,
    /// `broadcast`
    Broadcast,
    /// `802.3ad`
    Lacp,
    /// `balance-tlb`
    BalanceTlb,
    /// `balance-alb`
    BalanceAlb,
}

/// A VRF of a [`HostPlan`] (Documentation/networking/vrf.rst).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VrfPlan {
    /// Its name.
    pub name: IfName,
    /// Its routing table: 1001, 1002 and so on within each host.
    pub table: u32,
}

/// A route of a [`HostPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoutePlan {
    /// The destination.
    pub to: IpNet,
    /// How it is reached.
    pub way: Way,
    /// Whether it was written; otherwise it follows from the drawing.
    pub written: bool,
}

/// How a destination is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// Through a gateway, which is on the subnet of an interface.
    Via {
        /// The gateway's address.
        gateway: IpAddr,
        /// Index of the interface. If that is in a VRF, so is the route.
        interface: usize,
    },
    /// It is refused: whoever asks is told that it is unreachable.
    Unreachable,
}

impl Way {
    /// Through a gateway, out of an interface.
    pub fn via(gateway: IpAddr, interface: usize) -> Self {
        Self::Via { gateway, interface }
    }
}

/// A static neighbour of a [`HostPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighbourPlan {
    /// Index of the interface.
    pub interface: usize,
    /// Its address.
    pub address: IpAddr,
    /// Its link-layer address.
    pub mac: MacAddr,
}

/// A sysctl of a [`HostPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SysctlPlan {
    /// Its path under `/proc/sys`: `net/ipv4/ip_default_ttl`.
    pub path: String,
    /// Its value.
    pub value: String,
}

/// The addresses that a router translates (RFC 3022).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatPlan {
    /// Indices of the interfaces on which what is forwarded appears to come from the router itself.
    pub masquerade: Vec<usize>,
    /// Interfaces, and the address from which what is forwarded appears to come there. It may be none of the interface's own, and
    /// then nobody has it.
    pub source: Vec<(usize, IpAddr)>,
    /// Ports that are forwarded.
    pub forwards: Vec<PortForwardPlan>,
    /// Whether forwarded ports work from where they lead to, too.
    pub hairpin: bool,
}

impl NatPlan {
    /// Whether nothing is translated.
    pub fn is_empty(&self) -> bool {
        self.masquerade.is_empty() && self.source.is_empty() && self.forwards.is_empty()
    }
}

/// A forwarded port of a [`NatPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortForwardPlan {
    /// TCP or UDP.
    pub protocol: Transport,
    /// The port of the router, at any of its addresses.
    pub port: u16,
    /// The addresses that it is forwarded to, at most one of each family, IPv4 first.
    pub to: Vec<IpAddr>,
    /// The port there.
    pub to_port: u16,
    /// Index of the interface through which the first of them is reached.
    pub interface: usize,
}

/// A segment of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentPlan {
    /// Its name.
    pub name: SegmentName,
    /// What it is made of.
    pub kind: SegmentKind,
    /// Its subnets.
    pub subnets: Vec<IpNet>,
    /// Its MTU in bytes; none is the kernel's choice, 1500 for a switch.
    pub mtu: Option<u32>,
    /// The interfaces on it: index of the host, index of the interface within the host.
    pub members: Vec<(usize, usize)>,
    /// What happens to frames that cross it.
    pub impairments: Vec<ImpairmentPlan>,
    /// What carries that out.
    pub engine: Engine,
}

/// What a segment is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentKind {
    /// Two interfaces joined directly: a veth pair.
    Wire,
    /// Any number of interfaces, joined by a bridge.
    Switch(BridgePlan),
    /// A device that leads nowhere, of one host.
    Dummy,
    /// A VLAN on another segment.
    Vlan {
        /// Its id, 1 to 4094.
        id: u16,
        /// The ethertype of its tags.
        protocol: VlanProtocol,
        /// Index of the segment that it is over.
        over: usize,
    },
    /// A VXLAN over another segment.
    Vxlan {
        /// Its network identifier, below 2²⁴.
        vni: u32,
        /// Index of the segment that it is over.
        over: usize,
    },
    /// A mesh of `WireGuard` tunnels over another segment.
    WireGuard {
        /// Index of the segment that it is over.
        over: usize,
    },
    /// A GRE tunnel of two over another segment.
    Gre {
        /// Index of the segment that it is over.
        over: usize,
    },
    /// An IP-in-IP tunnel of two over another segment.
    Ipip {
        /// Index of the segment that it is over.
        over: usize,
    },
}

impl SegmentKind {
    /// Index of the segment that it is over.
    pub fn over(&self) -> Option<usize> {
        match *self {
            Self::Wire | Self::Switch(_) | Self::Dummy => None,
            Self::Vlan { over, .. }
            | Self::Vxlan { over, .. }
            | Self::WireGuard { over }
            | Self::Gre { over }
            | Self::Ipip { over } => Some(over),
        }
    }
}

/// The knobs of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BridgePlan {
    /// Whether its ports carry only the VLANs that hosts have on them.
    pub vlan_filtering: bool,
    /// Whether it speaks the spanning tree protocol.
    pub stp: bool,
    /// How long it remembers an address; none is the kernel's choice, 300 s.
    pub ageing: Option<Duration>,
}

/// The ethertype of a VLAN's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VlanProtocol {
    /// 0x8100 (IEEE 802.1Q).
    Ieee8021Q,
    /// 0x88a8 (IEEE 802.1ad), for the outer of two.
    Ieee8021Ad,
}

/// A 48-bit link-layer address (IEEE 802 EUI-48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// The `n`-th address of a lab, counted from 0: unicast and locally administered, so no vendor's.
    pub(crate) fn nth(n: u32) -> Self {
        let mut octets = [0x02, 0, 0, 0, 0, 0];
        octets[2..].copy_from_slice(&(n + 1).to_be_bytes());
        Self(octets)
    }
}

/// Six bytes of two hexadecimal digits, with colons between them.
///
/// ```
/// use netns_test_topology::MacAddr;
/// assert_eq!("02:00:00:00:ab:cd".parse(), Ok(MacAddr([2, 0, 0, 0, 0xab, 0xcd])));
/// ```
impl FromStr for MacAddr {
    type Err = MacAddrError;

    fn from_str(text: &str) -> Result<Self, MacAddrError> {
        let parse = || {
            let mut octets = [0; 6];
            let mut bytes = text.split(':');
            for octet in &mut octets {
                let byte = bytes.next()?;
                let digits = byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
                *octet = u8::from_str_radix(byte, 16).ok().filter(|_| digits)?;
            }
            bytes.next().is_none().then_some(Self(octets))
        };
        parse().ok_or_else(|| MacAddrError { text: text.to_owned() })
    }
}

/// A text that is not a MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a MAC address; one looks like `02:00:00:00:00:01`")]
pub struct MacAddrError {
    text: String,
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}
