//! What is wrong with a drawing, and where.

use std::fmt;

use crate::ImpairmentPart;

/// Where in a drawing a complaint points: a path from the whole to the word that is wrong. Places are in the order of the
/// drawing: segments, hosts, nested topologies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// The number of hosts of a [`Lan`](crate::Lan).
    HostCount,
    /// The wish of a [`Lan`](crate::Lan) for a wire between its hosts.
    Veth,
    /// The wish of a [`Lan`](crate::Lan) for IPv6 or for its absence.
    Ipv6,
    /// The wish for routes or for none.
    Routes,
    /// Something about the segment with this index.
    Segment(usize, SegmentPart),
    /// Something about the host with this index.
    Host(usize, HostPart),
    /// Something about the nested topology with this index.
    Nested(usize, NestedPart),
}

/// Which part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SegmentPart {
    /// All of it, or its name.
    Whole,
    /// The subnet with this index.
    Subnet(usize),
    /// Its MTU.
    Mtu,
    /// What it is made of: the word, the VLAN id, the VNI.
    Medium,
    /// The protocol of a VLAN.
    Protocol,
    /// The segment that it is over.
    Over,
    /// The knobs of a bridge.
    Bridge,
    /// What happens to all that crosses it.
    Impairment(ImpairmentPart),
    /// What carries out its impairments.
    Engine,
    /// Part of the pair with this index.
    Pair(usize, PairPart),
}

/// Which part of a pair of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PairPart {
    /// All of it.
    Whole,
    /// The host that sends.
    From,
    /// The host that receives.
    To,
    /// What happens between them.
    Impairment(ImpairmentPart),
}

/// Which part of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HostPart {
    /// All of it, or its name.
    Whole,
    /// How many there are of it.
    Count,
    /// The wish to be on no segment.
    Isolated,
    /// Part of the interface with this index.
    Interface(usize, InterfacePart),
    /// Part of the route with this index.
    Route(usize, RoutePart),
    /// The static neighbour with this index.
    Neighbour(usize, NeighbourPart),
    /// The sysctl with this index.
    Sysctl(usize),
    /// The segment with this index of those it masquerades on.
    Masquerade(usize),
    /// Part of the source NAT with this index.
    SourceNat(usize, SourceNatPart),
    /// Part of the forwarded port with this index.
    PortForward(usize, PortForwardPart),
    /// The wish for hairpin NAT.
    Hairpin,
}

/// Which part of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum InterfacePart {
    /// The segment that it joins.
    Segment,
    /// The address with this index.
    Address(usize),
    /// Its name.
    Name,
    /// Its MAC address.
    Mac,
    /// Its MTU.
    Mtu,
    /// The gateway through it.
    Gateway,
    /// The kind of device that it is: the word, the number of a bond's legs.
    Device,
    /// The mode of a bond.
    Mode,
    /// The VRF it is in.
    Vrf,
    /// What happens in both directions.
    Impairment(ImpairmentPart),
    /// What happens to what the host sends.
    Egress(ImpairmentPart),
    /// What happens to what arrives at the host.
    Ingress(ImpairmentPart),
}

/// Which part of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RoutePart {
    /// The destination.
    To,
    /// The gateway.
    Via,
}

/// Which part of a static neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NeighbourPart {
    /// Its address.
    Address,
    /// Its MAC address.
    Mac,
}

/// Which part of a source NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SourceNatPart {
    /// The segment that packets leave on.
    Segment,
    /// The address they get.
    Address,
}

/// Which part of a forwarded port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PortForwardPart {
    /// The port that is forwarded.
    Port,
    /// The host that it is forwarded to.
    To,
    /// The port there.
    ToPort,
}

/// Which part of a nested topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NestedPart {
    /// All of it, or its name.
    Whole,
    /// Its own segment, of the pair with this index.
    Inner(usize),
    /// The segment that it shares, of the pair with this index.
    Outer(usize),
}

/// One thing that is wrong with a drawing: a lowercase sentence without a full stop, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to write instead, in the words of `#[derive(Topology)]`.
    pub help: Option<String>,
}

impl Complaint {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a drawing; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints(Vec<Complaint>);

impl Complaints {
    /// `Ok(value())` when there is nothing to complain about.
    pub(crate) fn unless_empty<T>(list: Vec<Complaint>, value: impl FnOnce() -> T) -> Result<T, Self> {
        if list.is_empty() { Ok(value()) } else { Err(Self(list)) }
    }

    /// The complaints, in the order of the drawing.
    pub fn iter(&self) -> std::slice::Iter<'_, Complaint> {
        self.0.iter()
    }

    /// `list` is not empty.
    pub(crate) fn from(list: Vec<Complaint>) -> Self {
        debug_assert!(!list.is_empty());
        Self(list)
    }

    pub(crate) fn into_vec(self) -> Vec<Complaint> {
        self.0
    }
}

impl<'a> IntoIterator for &'a Complaints {
    type Item = &'a Complaint;
    type IntoIter = std::slice::Iter<'a, Complaint>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, complaint) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            complaint.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}
