//! What becomes of a packet, by the plan alone.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use netns_test_topology::*;

/// A network that works as the kernel's would.
pub(crate) struct Simulation<'p> {
    plan: &'p Plan,
    /// Who has an address on a segment, and through which interface.
    owners: HashMap<(usize, IpAddr), (usize, usize)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Delivered(usize),
    /// Somebody has no route, or does not forward.
    Refused,
    Loop,
}

impl<'p> Simulation<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Self {
        let mut owners = HashMap::new();
        for (index, host) in plan.hosts.iter().enumerate() {
            for (number, interface) in host.interfaces.iter().enumerate() {
                for net in &interface.addresses {
                    owners.insert((interface.segment, net.addr()), (index, number));
                }
            }
        }
        Self { plan, owners }
    }

    /// Where a packet ends that a host sends from one of its VRFs.
    pub(crate) fn send(&self, mut host: usize, mut vrf: Option<usize>, to: IpAddr) -> End {
        for hops in 0..64 {
            let machine = &self.plan.hosts[host];
            let in_table = |index: usize| machine.interfaces[index].vrf == vrf;
            let mut own = (0..machine.interfaces.len()).filter(|&index| in_table(index));
            if own.any(|index| machine.interfaces[index].addresses.iter().any(|net| net.addr() == to)) {
                return End::Delivered(host);
            }
            if hops > 0 && !machine.forwarding {
                return End::Refused;
            }
            let Some((gateway, interface)) = self.look_up(host, vrf, to) else { return End::Refused };
            let segment = machine.interfaces[interface].segment;
            let Some(&(next, through)) = self.owners.get(&(segment, gateway)) else { return End::Refused };
            host = next;
            vrf = self.plan.hosts[next].interfaces[through].vrf;
        }
        End::Loop
    }

    /// The next hop by the longest prefix, and the interface to it.
    fn look_up(&self, host: usize, vrf: Option<usize>, to: IpAddr) -> Option<(IpAddr, usize)> {
        let machine = &self.plan.hosts[host];
        let speaking = machine.interfaces.iter().enumerate().filter(|(_, i)| i.vrf == vrf && speaks(i));
        let connected = speaking.flat_map(|(index, i)| i.addresses.iter().map(move |net| (net.trunc(), (to, index))));
        let routes = machine.routes.iter().filter_map(|route| match route.way {
            Way::Via { gateway, interface } if machine.interfaces[interface].vrf == vrf => {
                Some((route.to, (gateway, interface)))
            }
            _ => None,
        });
        let matching = connected.chain(routes).filter(|(net, _)| net.contains(&to));
        matching.max_by_key(|(net, _)| net.prefix_len()).map(|(_, hop)| hop)
    }
}

pub(crate) fn speaks(interface: &InterfacePlan) -> bool {
    !matches!(interface.device, Device::Tap | Device::Macvtap)
}

pub(crate) fn same_family(a: IpAddr, b: IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}

/// The segments that are seen from some others, by going on until nothing is new.
pub(crate) fn seen(plan: &Plan, from: HashSet<usize>, family: IpAddr) -> HashSet<usize> {
    let mut seen = from;
    loop {
        let before = seen.len();
        for host in plan.hosts.iter().filter(|host| host.forwarding) {
            let hides = |index: usize| {
                let mut source = host.nat.source.iter();
                host.nat.masquerade.contains(&index) || source.any(|&(i, a)| i == index && same_family(a, family))
            };
            let has = |i: &InterfacePlan| i.addresses.iter().any(|net| same_family(net.addr(), family));
            for (a, from) in host.interfaces.iter().enumerate().filter(|(_, i)| has(i)) {
                for (b, to) in host.interfaces.iter().enumerate().filter(|(_, i)| has(i)) {
                    if from.vrf == to.vrf && seen.contains(&from.segment) && (!hides(a) || hides(b)) {
                        seen.insert(to.segment);
                    }
                }
            }
        }
        if seen.len() == before {
            return seen;
        }
    }
}
