//! The namespace of the switches while a test runs: cables are pulled and moved there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netns_test_topology::{Device, Plan, SegmentKind};
use nix::sched::{CloneFlags, setns};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use super::LabError;
use super::build::{HUB, Indices, Taps, Uplink, message, ports_of, request};
use super::carrier::{self, Awaited, Carrier, Patience};
use super::netlink::{Netlink, NetlinkError};
use super::tap::Tap;

/// An interface of the lab: index of the host, index of the interface within the host.
pub(crate) type Member = (usize, usize);

/// The switches, and what the hosts are plugged into.
pub(crate) struct Hub {
    netns: OwnedFd,
    indices: Indices,
    taps: Taps,
    /// The segments of interfaces that were moved to another.
    moved: Mutex<HashMap<Member, usize>>,
}

/// Why a member cannot be unplugged or moved by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoCable {
    /// Nothing is between the two ends of a veth pair, or the segment is not made of cables.
    Segment,
    /// It shares a device with others.
    Shared,
}

impl Hub {
    pub(super) fn new(netns: OwnedFd, indices: Indices, taps: Taps) -> Self {
        Self { netns, indices, taps, moved: Mutex::default() }
    }

    /// The kernel's index of an interface, in its host.
    pub(crate) fn index(&self, (host, nth): Member) -> u32 {
        self.indices.interface(host, nth)
    }

    /// The tap that an interface is.
    pub(crate) fn tap(&self, member: Member) -> Option<&Tap> {
        self.taps.get(&member)
    }

    /// The segment that an interface is on now.
    pub(crate) fn segment_of(&self, plan: &Plan, member: Member) -> usize {
        let moved = lock(&self.moved).get(&member).copied();
        moved.unwrap_or_else(|| plan.hosts[member.0].interfaces[member.1].segment)
    }

    /// The ports that an interface is plugged into, and into nothing else.
    pub(crate) fn cables(&self, plan: &Plan, member: Member) -> Result<Vec<u32>, NoCable> {
        let interface = &plan.hosts[member.0].interfaces[member.1];
        match (&plan.segments[interface.segment].kind, interface.device) {
            (SegmentKind::Switch(_), Device::Macvlan | Device::Macvtap | Device::Ipvlan) => Err(NoCable::Shared),
            (SegmentKind::Switch(_), _) => Ok(ports_of(plan, &self.indices, &self.taps, interface.segment, member)),
            _ => Err(NoCable::Segment),
        }
    }

    /// Pulls cables out, or plugs them in and waits until the switch forwards.
    pub(crate) fn set_ports(&self, ports: &[u32], plugged: bool, patience: Patience) -> Result<(), LabError> {
        let what = if plugged { "bring up the port of a bridge" } else { "bring down the port of a bridge" };
        let state = if plugged { Carrier::There } else { Carrier::Lost };
        self.set_each(what, ports, |port| {
            let link = message::link(port);
            if plugged { link.up().build() } else { link.down().build() }
        })?;
        self.wait_for_ports(ports, state, patience)
    }

    /// The ports of a switch, as it is now.
    pub(crate) fn ports(&self, plan: &Plan, segment: usize) -> Vec<u32> {
        let ports = self.members(plan, segment).flat_map(|member| self.ports_of(plan, segment, member));
        ports.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The names of the hosts behind the ports of a switch that are theirs alone.
    pub(crate) fn owners(&self, plan: &Plan, segment: usize) -> BTreeMap<u32, Arc<str>> {
        let members = self.members(plan, segment).filter_map(|member| Some((member, self.cables(plan, member).ok()?)));
        let name = |host: usize| Arc::from(plan.hosts[host].name.as_str());
        members.flat_map(|((host, _), ports)| ports.into_iter().map(move |port| (port, name(host)))).collect()
    }

    fn ports_of(&self, plan: &Plan, segment: usize, member: Member) -> Vec<u32> {
        ports_of(plan, &self.indices, &self.taps, segment, member)
    }

    /// The interfaces on a segment, as it is now.
    pub(crate) fn members(&self, plan: &Plan, segment: usize) -> impl Iterator<Item = Member> {
        let hosts = plan.hosts.iter().enumerate();
        let all = hosts.flat_map(|(host, of)| (0..of.interfaces.len()).map(move |nth| (host, nth)));
        all.filter(move |&member| self.segment_of(plan, member) == segment)
    }

    /// The segments that something a host sends may cross, whoever passes it on, as they are now.
    pub(crate) fn within_reach(&self, plan: &Plan, host: usize) -> BTreeSet<usize> {
        let of = |host: usize| {
            let interfaces = 0..plan.hosts[host].interfaces.len();
            interfaces.map(move |nth| self.segment_of(plan, (host, nth)))
        };
        let mut within: BTreeSet<usize> = of(host).collect();
        loop {
            let joined = (0..plan.hosts.len()).filter(|&host| of(host).any(|segment| within.contains(&segment)));
            let more: BTreeSet<usize> = joined.flat_map(of).collect();
            if more.len() == within.len() {
                return within;
            }
            within = more;
        }
    }

    /// The devices that send to the ports of a switch: of a host, or of the switches themselves. A tap's are the test's own frames.
    pub(crate) fn senders(&self, plan: &Plan, segment: usize) -> BTreeSet<(Option<usize>, u32)> {
        let of_member = |(host, nth): Member| match plan.hosts[host].interfaces[nth].device {
            Device::Tap => Vec::new(),
            Device::Bond { legs, .. } => (0..legs).map(|leg| (Some(host), self.indices.leg(host, nth, leg))).collect(),
            Device::Macvlan | Device::Macvtap => vec![(None, self.indices.uplink(segment, Uplink::Mac))],
            Device::Ipvlan => vec![(None, self.indices.uplink(segment, Uplink::Ip))],
            _ => vec![(Some(host), self.indices.interface(host, nth))],
        };
        self.members(plan, segment).flat_map(of_member).collect()
    }

    /// Where it can be heard what an interface sends and receives: in which host, and by which devices there. A tap is heard where the switches are, at
    /// its other end; of a bond, what is plugged in are its legs.
    pub(crate) fn ends(&self, plan: &Plan, (host, nth): Member) -> Vec<(Option<usize>, u32)> {
        match plan.hosts[host].interfaces[nth].device {
            Device::Tap => self.tap((host, nth)).map(|tap| (None, tap.index)).into_iter().collect(),
            Device::Bond { legs, .. } => (0..legs).map(|leg| (Some(host), self.indices.leg(host, nth, leg))).collect(),
            _ => vec![(Some(host), self.indices.interface(host, nth))],
        }
    }

    /// Calls `f` with a routing socket where the switches are.
    pub(crate) fn with_netlink<T: Send>(
        &self,
        f: impl FnOnce(&mut Netlink) -> Result<T, NetlinkError> + Send,
    ) -> Result<T, LabError> {
        with_netlink(self.netns.as_fd(), HUB, f)
    }

    /// Calls `f` on a thread that is where the switches are.
    pub(crate) fn inside<T: Send>(&self, f: impl FnOnce() -> Result<T, LabError> + Send) -> Result<T, LabError> {
        inside(self.netns.as_fd(), f)
    }

    /// Has the kernel forward nothing between these ports any more, whatever becomes of their cables; their hosts notice nothing. One that leaves the
    /// switch forgets it.
    pub(crate) fn isolate_ports(&self, ports: &[u32]) -> Result<(), LabError> {
        self.set_each("isolate a port", ports, message::isolated)
    }

    /// Waits until a switch forwards to ports, or does no longer.
    fn wait_for_ports(&self, ports: &[u32], state: Carrier, patience: Patience) -> Result<(), LabError> {
        let is_tap = |port: u32| self.taps.values().any(|tap| tap.index == port);
        let awaited = |port: &u32| (*port, Awaited { name: "the port".to_owned(), is_veth: !is_tap(*port) });
        let links = ports.iter().map(awaited).collect();
        inside(self.netns.as_fd(), || {
            let mut netlink = Netlink::open().map_err(|source| request(HUB, source))?;
            carrier::wait(&mut netlink, HUB, links, state, patience)
        })
    }

    /// Whether cables are plugged in.
    fn are_up(&self, ports: &[u32]) -> Result<bool, LabError> {
        with_netlink(self.netns.as_fd(), HUB, |netlink| {
            let mut up = true;
            netlink.links(ports, |link| up &= link.header.flags.contains(LinkFlags::Up))?;
            Ok(up)
        })
    }

    /// Plugs cables into another switch, and waits until that forwards; one that was pulled stays so. Answers whether they are plugged in.
    pub(crate) fn move_ports(
        &self,
        member: Member,
        ports: &[u32],
        to: usize,
        patience: Patience,
    ) -> Result<bool, LabError> {
        let switch = self.indices.switch(to);
        self.set_each("plug a cable into another switch", ports, |port| {
            message::link(port).controller(switch).build()
        })?;
        lock(&self.moved).insert(member, to);
        let plugged = self.are_up(ports)?;
        if plugged {
            self.wait_for_ports(ports, Carrier::There, patience)?;
        }
        Ok(plugged)
    }

    /// Gives ports a larger MTU, in bytes; those that have one stay as they are.
    pub(crate) fn raise_mtu_of_ports(&self, ports: &[u32], mtu: u32) -> Result<(), LabError> {
        let smaller = with_netlink(self.netns.as_fd(), HUB, |netlink| {
            let mut smaller = Vec::new();
            netlink.links(ports, |link| smaller.extend(is_smaller(&link, mtu).then_some(link.header.index)))?;
            Ok(smaller)
        })?;
        self.set_each("change the MTU of a port", &smaller, |port| message::link(port).mtu(mtu).build())
    }

    /// With a socket of its own each time: one that stays would gather events that nobody reads, or the rest of an earlier answer.
    fn set_each(
        &self,
        what: &'static str,
        ports: &[u32],
        change: impl Fn(u32) -> LinkMessage + Sync,
    ) -> Result<(), LabError> {
        with_netlink(self.netns.as_fd(), HUB, |netlink| {
            ports.iter().try_for_each(|&port| netlink.set_link(what, change(port)))
        })
    }
}

fn is_smaller(link: &LinkMessage, mtu: u32) -> bool {
    link.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::Mtu(own) if *own < mtu))
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// Nothing panics while it is held that would leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `f` on a thread that is in a network namespace.
pub(crate) fn inside<T: Send>(
    netns: BorrowedFd<'_>,
    f: impl FnOnce() -> Result<T, LabError> + Send,
) -> Result<T, LabError> {
    std::thread::scope(|scope| {
        let work = || {
            setns(netns.as_fd(), CloneFlags::CLONE_NEWNET).map_err(|error| LabError::Enter { source: error.into() })?;
            f()
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, work);
        let thread = thread.map_err(|source| LabError::Thread { source })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Calls `f` with a routing socket in a network namespace; `place` says whose that is.
pub(crate) fn with_netlink<T: Send>(
    netns: BorrowedFd<'_>,
    place: &str,
    f: impl FnOnce(&mut Netlink) -> Result<T, NetlinkError> + Send,
) -> Result<T, LabError> {
    inside(netns, || {
        let in_place = |source| request(place, source);
        let mut netlink = Netlink::open().map_err(in_place)?;
        let value = f(&mut netlink).map_err(in_place)?;
        netlink.settle().map_err(in_place)?;
        Ok(value)
    })
}

/// Waits until an interface of a host has its carrier, and can use its IPv6 addresses, or until it has lost it.
pub(crate) fn wait_in_host(
    netns: BorrowedFd<'_>,
    place: &str,
    link: (u32, Awaited),
    state: Carrier,
    patience: Patience,
) -> Result<(), LabError> {
    inside(netns, || {
        let mut netlink = Netlink::open().map_err(|source| request(place, source))?;
        carrier::wait(&mut netlink, place, HashMap::from([link]), state, patience)?;
        match state {
            Carrier::There => carrier::wait_for_addresses(&mut netlink, place, patience),
            Carrier::Lost => Ok(()),
        }
    })
}

/// Waits until a host can use all its IPv6 addresses.
pub(crate) fn wait_for_addresses_in_host(
    netns: BorrowedFd<'_>,
    place: &str,
    patience: Patience,
) -> Result<(), LabError> {
    inside(netns, || {
        let mut netlink = Netlink::open().map_err(|source| request(place, source))?;
        carrier::wait_for_addresses(&mut netlink, place, patience)
    })
}
