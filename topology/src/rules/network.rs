//! A drawing on its way to a plan: nested topologies flattened, words resolved, values parsed.
//!
//! What was refused is absent here, so that no rule accuses it again; where that leaves a gap which another rule could
//! stumble over, something is marked as being *in doubt*.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use super::forwards::Forward;
use super::impairments::Pair;
use super::nat::Nat;
use super::routes::Route;
use crate::{
    Complaint, Device, Drawing, DrawnHost, DrawnInterface, DrawnSegment, Engine, HostPart, IfName, Impairment,
    InterfacePart, IpNet, MacAddr, NeighbourPlan, NestedPart, Place, Role, Routes, SegmentKind, SegmentPart,
    did_you_mean,
};

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Network<'d> {
    /// The drawing itself, then those that are nested.
    pub(super) scopes: Vec<Scope<'d>>,
    pub(super) segments: Vec<Segment<'d>>,
    pub(super) hosts: Vec<Host<'d>>,
    /// Nested topologies that nobody has seen.
    pub(super) unseen: Vec<Unseen>,
    pub(super) routes: Routes,
    /// Segments by their full names; `None` where it is known that there is one, but not which.
    pub(super) segment_names: HashMap<Cow<'d, str>, Option<usize>>,
    /// Hosts by their full names; those of an array have one for each of it.
    pub(super) host_names: HashMap<Cow<'d, str>, Named>,
    /// Whether something that joins segments was refused: a shared segment, an interface of a router.
    pub(super) joints_in_doubt: bool,
    /// Whether something that hides segments was refused.
    pub(super) nat_in_doubt: bool,
}

/// A drawing whose names are told apart from those of others by a prefix.
#[derive(Debug)]
pub(super) struct Scope<'d> {
    /// `left-`, or nothing.
    pub(super) prefix: String,
    /// Index of the nested topology that it is, or is within.
    pub(super) nested: Option<usize>,
    pub(super) drawing: &'d Drawing,
}

/// What is called by the name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// One host; of an array the one with this number.
    One(Machine),
    /// Hosts of an array, together.
    Array(usize),
}

/// One of the hosts of an array, or the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) host: usize,
    /// Its number within the array.
    pub(super) number: usize,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    Known(T),
    /// It is there, but out of sight or refused: nothing is to be said about it.
    Doubtful,
    Unknown,
}

/// A nested topology that nobody has seen.
#[derive(Debug)]
pub(super) struct Unseen {
    /// Where it is, if nothing is wrong with its name.
    pub(super) place: Option<Place>,
    /// What the full names of its hosts and segments begin with.
    pub(super) prefix: String,
    /// The segments that it shares.
    pub(super) shares: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Segment<'d> {
    pub(super) name: Cow<'d, str>,
    pub(super) scope: usize,
    /// Its index in the drawing that it is from.
    pub(super) drawn_as: usize,
    pub(super) drawn: &'d DrawnSegment,
    pub(super) kind: Option<SegmentKind>,
    pub(super) over: Option<usize>,
    pub(super) subnets: Vec<Subnet>,
    /// Whether a subnet was refused.
    pub(super) subnets_in_doubt: bool,
    /// Hosts that are on it, and through which of their interfaces.
    pub(super) members: Vec<Member>,
    /// Whether there may be others.
    pub(super) members_in_doubt: bool,
    /// Addresses that were written for somebody, and for whom.
    pub(super) taken: HashMap<IpAddr, Member>,
    /// What happens to all that crosses it.
    pub(super) impairment: Impairment,
    pub(super) engine: Engine,
    pub(super) pairs: Vec<Pair>,
}

/// A subnet that can be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subnet {
    pub(super) net: IpNet,
    /// Its index among those that were written.
    pub(super) drawn_as: usize,
}

/// An interface on a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) host: usize,
    /// Index among the interfaces of the host.
    pub(super) interface: usize,
}

#[derive(Debug)]
pub(super) struct Host<'d> {
    pub(super) name: Cow<'d, str>,
    pub(super) scope: usize,
    /// Its index in the drawing that it is from.
    pub(super) drawn_as: usize,
    pub(super) drawn: &'d DrawnHost,
    /// How many there are of it.
    pub(super) count: usize,
    /// Those that join a segment which is there; a lower one is before those over it.
    pub(super) interfaces: Vec<Interface<'d>>,
    /// Whether there are others.
    pub(super) interfaces_in_doubt: bool,
    pub(super) vrfs: Vec<Vrf<'d>>,
    pub(super) nat: Nat,
    /// Routes that were written.
    pub(super) routes: Vec<Route>,
    /// Whether others were refused.
    pub(super) routes_in_doubt: bool,
    pub(super) neighbours: Vec<NeighbourPlan>,
    pub(super) forwards: Vec<Forward>,
}

#[derive(Debug)]
pub(super) struct Vrf<'d> {
    pub(super) written: &'d str,
    pub(super) name: Option<IfName>,
}

#[derive(Debug)]
pub(super) struct Interface<'d> {
    /// Its index among those that were drawn.
    pub(super) drawn_as: usize,
    pub(super) drawn: &'d DrawnInterface,
    pub(super) segment: usize,
    pub(super) name: Option<IfName>,
    pub(super) mac: Option<MacAddr>,
    pub(super) device: Device,
    pub(super) lower: Option<usize>,
    pub(super) vrf: Option<usize>,
    /// What was written for each of the segment's subnets.
    pub(super) addresses: Vec<Option<IpAddr>>,
    /// What happens to what the host sends.
    pub(super) egress: Impairment,
    /// What happens to what arrives at it.
    pub(super) ingress: Impairment,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub(super) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

impl<'d> Network<'d> {
    pub(super) fn find_segment(&self, scope: usize, name: &str) -> Found<usize> {
        let full = self.full_name(scope, name);
        match self.segment_names.get(&full) {
            Some(&Some(segment)) => Found::Known(segment),
            Some(None) => Found::Doubtful,
            None => self.out_of_sight(&full),
        }
    }

    pub(super) fn find_host(&self, scope: usize, name: &str) -> Found<Named> {
        let full = self.full_name(scope, name);
        match self.host_names.get(&full) {
            Some(&host) => Found::Known(host),
            None => self.out_of_sight(&full),
        }
    }

    fn out_of_sight<T>(&self, full: &str) -> Found<T> {
        if self.unseen.iter().any(|unseen| full.starts_with(&unseen.prefix)) { Found::Doubtful } else { Found::Unknown }
    }

    pub(super) fn full_name<'n>(&self, scope: usize, name: &'n str) -> Cow<'n, str> {
        match self.scopes[scope].prefix.as_str() {
            "" => Cow::Borrowed(name),
            prefix => Cow::Owned(format!("{prefix}{name}")),
        }
    }

    /// As it is called in its own drawing.
    pub(super) fn local_name<'n>(&self, scope: usize, full: &'n str) -> &'n str {
        full.strip_prefix(self.scopes[scope].prefix.as_str()).unwrap_or(full)
    }

    /// The complaint that `name` is no segment, with what to do about it.
    pub(super) fn meant_segment(&self, scope: usize, name: &str, complaint: Complaint) -> Complaint {
        let draw = || format!("draw it: `#[segment(\"10.0.0.0/24\")] {name}: Segment`");
        complaint.help(self.like_segment(scope, name).unwrap_or_else(draw))
    }

    /// The segment that `name` was probably meant to be.
    pub(super) fn like_segment(&self, scope: usize, name: &str) -> Option<String> {
        meant("segments", name, &self.segment_words(scope).collect::<Vec<_>>())
    }

    /// The host that `name` was probably meant to be.
    pub(super) fn like_host(&self, scope: usize, name: &str) -> Option<String> {
        let hosts = &self.scopes[scope].drawing.hosts;
        meant("hosts", name, &hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>())
    }

    fn segment_words(&self, scope: usize) -> impl Iterator<Item = &'d str> + use<'d> {
        self.scopes[scope].drawing.segments.iter().map(|segment| segment.name.as_str())
    }

    /// Notes that somebody wanted to join a segment, and that `name` may have been meant to be it.
    pub(super) fn doubt_members(&mut self, scope: usize, name: &str) {
        let meant = did_you_mean(name, self.segment_words(scope));
        let of_scope = self.segments.iter_mut().filter(|segment| segment.scope == scope);
        for segment in of_scope.filter(|segment| meant.is_none_or(|meant| segment.drawn.name == meant)) {
            segment.members_in_doubt = true;
        }
    }

    /// Where something about a segment is.
    pub(super) fn segment_place(&self, segment: usize, part: SegmentPart) -> Place {
        let Segment { scope, drawn_as, .. } = self.segments[segment];
        self.nested_place(scope).unwrap_or(Place::Segment(drawn_as, part))
    }

    /// Where something about a host is.
    pub(super) fn host_place(&self, host: usize, part: HostPart) -> Place {
        let Host { scope, drawn_as, .. } = self.hosts[host];
        self.nested_place(scope).unwrap_or(Place::Host(drawn_as, part))
    }

    pub(super) fn nested_place(&self, scope: usize) -> Option<Place> {
        self.scopes[scope].nested.map(|nested| Place::Nested(nested, NestedPart::Whole))
    }

    /// A complaint about a segment that says which.
    pub(super) fn about_segment(&self, segment: usize, part: SegmentPart, message: &str) -> Complaint {
        let name = &self.segments[segment].name;
        Complaint::new(self.segment_place(segment, part), format!("segment `{name}`: {message}"))
    }

    /// A complaint about a host that says which.
    pub(super) fn about_host(&self, host: usize, part: HostPart, message: &str) -> Complaint {
        let name = &self.hosts[host].name;
        Complaint::new(self.host_place(host, part), format!("host `{name}`: {message}"))
    }

    /// A complaint about an interface that says which.
    pub(super) fn about_interface(
        &self,
        host: usize,
        drawn_as: usize,
        part: InterfacePart,
        message: &str,
    ) -> Complaint {
        self.about_host(host, HostPart::Interface(drawn_as, part), message)
    }

    pub(super) fn interface(&self, member: Member) -> &Interface<'d> {
        &self.hosts[member.host].interfaces[member.interface]
    }

    /// The interfaces on a segment in the order in which they are given addresses: routers first, then hosts, as they were drawn.
    pub(super) fn in_turn(&self, segment: usize) -> impl Iterator<Item = Member> {
        let members = &self.segments[segment].members;
        let of = |routers| members.iter().copied().filter(move |member| self.hosts[member.host].is_router() == routers);
        of(true).chain(of(false))
    }

    /// The number of interfaces on a segment.
    pub(super) fn size(&self, segment: usize) -> usize {
        let members = self.segments[segment].members.iter();
        members.fold(0, |sum, member| sum.saturating_add(self.hosts[member.host].count))
    }
}

/// How many of all are listed.
const LISTED: usize = 8;

/// What a word was probably meant to be, or what it could have been.
pub(super) fn meant(what: &str, word: &str, words: &[&str]) -> Option<String> {
    if let Some(meant) = did_you_mean(word, words.iter().copied()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let listed: Vec<_> = words.iter().take(LISTED).map(|word| format!("`{word}`")).collect();
    let more = match words.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!words.is_empty()).then(|| format!("the {what} are {}{more}", listed.join(", ")))
}

impl<'d> Segment<'d> {
    pub(super) fn new(name: Cow<'d, str>, scope: usize, drawn_as: usize, drawn: &'d DrawnSegment) -> Self {
        Self {
            name,
            scope,
            drawn_as,
            drawn,
            kind: None,
            over: None,
            subnets: Vec::new(),
            subnets_in_doubt: false,
            members: Vec::new(),
            members_in_doubt: false,
            taken: HashMap::new(),
            impairment: Impairment::new(),
            engine: Engine::default(),
            pairs: Vec::new(),
        }
    }

    pub(super) fn has(&self, family: Family) -> bool {
        self.nets(family).next().is_some()
    }

    /// Its subnets of a family.
    pub(super) fn nets(&self, family: Family) -> impl Iterator<Item = IpNet> {
        self.subnets.iter().map(|subnet| subnet.net).filter(move |net| Family::of(net.addr()) == family)
    }

    /// The index of the subnet that an address is in.
    pub(super) fn subnet_of(&self, address: IpAddr) -> Option<usize> {
        self.subnets.iter().position(|subnet| subnet.net.contains(&address))
    }
}

impl<'d> Host<'d> {
    pub(super) fn new(name: Cow<'d, str>, scope: usize, drawn_as: usize, drawn: &'d DrawnHost) -> Self {
        Self {
            name,
            scope,
            drawn_as,
            drawn,
            count: 0,
            interfaces: Vec::new(),
            interfaces_in_doubt: false,
            vrfs: Vec::new(),
            nat: Nat::default(),
            routes: Vec::new(),
            routes_in_doubt: false,
            neighbours: Vec::new(),
            forwards: Vec::new(),
        }
    }

    pub(super) fn is_router(&self) -> bool {
        self.drawn.role == Role::Router
    }

    /// The name of one of an array, or of the only one.
    pub(super) fn machine_name(&self, number: usize) -> String {
        match self.drawn.count {
            Some(_) => format!("{}-{number}", self.name),
            None => self.name.to_string(),
        }
    }

    /// Its interface on a segment.
    pub(super) fn on(&self, segment: usize) -> Option<usize> {
        self.interfaces.iter().position(|interface| interface.segment == segment)
    }

    /// Its interfaces that the kernel sends and receives packets on, with their indices.
    pub(super) fn speaking(&self) -> impl Iterator<Item = (usize, &Interface<'d>)> {
        self.interfaces.iter().enumerate().filter(|(_, interface)| interface.speaks())
    }
}

impl Interface<'_> {
    /// Whether the kernel sends and receives packets on it; the test does on others.
    pub(super) fn speaks(&self) -> bool {
        !matches!(self.device, Device::Tap | Device::Macvtap)
    }
}
