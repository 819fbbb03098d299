//! A network that can be built: every name valid, every address given.

use std::fmt;
use std::net::IpAddr;

use crate::{HostName, IfName, IpNet};

/// A network that can be built. Made by [`Drawing::plan`](crate::Drawing::plan) only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The hosts, in the order in which they were drawn.
    pub hosts: Vec<HostPlan>,
    /// The segments, in the order in which they were drawn.
    pub segments: Vec<SegmentPlan>,
}

impl Plan {
    /// The host with this name.
    pub fn host(&self, name: &str) -> Option<&HostPlan> {
        self.hosts.iter().find(|host| host.name.as_str() == name)
    }
}

/// A host of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostPlan {
    /// Its name.
    pub name: HostName,
    /// Its interfaces besides the loopback, `eth0` first.
    pub interfaces: Vec<InterfacePlan>,
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
    /// Its link-layer address.
    pub mac: MacAddr,
    /// Index of the segment it is on.
    pub segment: usize,
    /// Its addresses with their prefix lengths, in the order of the segment's subnets.
    pub addresses: Vec<IpNet>,
}

/// A segment of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentPlan {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub kind: SegmentKind,
    /// Its subnets.
    pub subnets: Vec<IpNet>,
    /// Its MTU in bytes; none is the kernel's default, 1500.
    pub mtu: Option<u32>,
    /// The interfaces on it: index of the host, index of the interface within the host.
    pub members: Vec<(usize, usize)>,
}

/// What a segment is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentKind {
    /// Two interfaces joined directly: a veth pair.
    Wire,
    /// Any other number of interfaces, joined by a bridge.
    Switch,
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

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}
