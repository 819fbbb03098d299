//! The rules that make a plan of a drawing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::allocate::{capacity, nth_host};
use crate::{
    BridgePlan, Complaint, Complaints, Device, Drawing, HostName, HostPart, HostPlan, InterfacePlan, IpNet, MacAddr,
    Medium, NatPlan, Place, Plan, SegmentKind, SegmentName, SegmentPart, SegmentPlan,
};

/// MTUs that a segment can have, in bytes: from the least that IPv4 allows (RFC 791) to the most that a packet can have.
pub const MTU: RangeInclusive<u32> = 68..=65_535;

/// The least MTU of a segment with IPv6 (RFC 8200 section 5), in bytes.
const MTU_IPV6: u32 = 1280;

/// The most interfaces on one switch: ports of a Linux bridge (`BR_MAX_PORTS` less one in `net/bridge/br_private.h`).
pub const SWITCH_PORTS: usize = 1023;

impl Drawing {
    /// Checks everything, allocates the addresses.
    ///
    /// # Errors
    /// All complaints at once, each with its place.
    pub fn plan(&self) -> Result<Plan, Complaints> {
        let mut complaints = Vec::new();
        let names = self.host_names(&mut complaints);
        let segments: Vec<_> = (0..self.segments.len()).map(|segment| self.segment(segment, &mut complaints)).collect();
        Complaints::unless_empty(complaints, || allocate(names, segments))
    }

    fn host_names(&self, complaints: &mut Vec<Complaint>) -> Vec<(HostName, Vec<usize>)> {
        let mut first_with = HashMap::new();
        let mut names = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let place = Place::Host(index, HostPart::Whole);
            if first_with.insert(host.name.as_str(), index).is_some() {
                let complaint = Complaint::new(place, format!("there are two hosts named `{}`", host.name));
                complaints.push(complaint.help("a host has the name of its parameter, without underscores in front"));
            }
            match host.name.parse::<HostName>() {
                Ok(name) => names.push((name, self.joins(host))),
                Err(error) => complaints.push(Complaint::new(place, error.to_string())),
            }
        }
        names
    }

    fn joins(&self, host: &crate::DrawnHost) -> Vec<usize> {
        let by_name = |name: &str| self.segments.iter().position(|segment| segment.name == name);
        host.interfaces.iter().filter_map(|interface| by_name(&interface.segment)).collect()
    }

    fn segment(&self, index: usize, complaints: &mut Vec<Complaint>) -> SegmentPlan {
        let drawn = &self.segments[index];
        let members: Vec<_> = self
            .hosts
            .iter()
            .enumerate()
            .flat_map(|(host, drawn)| {
                self.joins(drawn).into_iter().enumerate().map(move |(interface, joined)| (host, interface, joined))
            })
            .filter(|&(_, _, joined)| joined == index)
            .map(|(host, interface, _)| (host, interface))
            .collect();
        let subnets = subnets(index, &drawn.subnets, members.len(), complaints);
        mtu(index, drawn.mtu, &subnets, complaints);
        let kind = match drawn.medium {
            Medium::Veth => SegmentKind::Wire,
            _ => SegmentKind::Switch(BridgePlan::default()),
        };
        if members.len() > SWITCH_PORTS {
            complaints.push(Complaint::new(
                Place::Segment(index, SegmentPart::Whole),
                format!("a switch has at most {SWITCH_PORTS} ports, {} hosts are on this one", members.len()),
            ));
        }
        let name: SegmentName = drawn.name.parse().expect("checked");
        SegmentPlan { name, kind, subnets, mtu: drawn.mtu, members }
    }
}

fn subnets(segment: usize, written: &[String], hosts: usize, complaints: &mut Vec<Complaint>) -> Vec<IpNet> {
    let mut good: Vec<IpNet> = Vec::new();
    for (index, text) in written.iter().enumerate() {
        match subnet(text, hosts, &good) {
            Ok(subnet) => good.push(subnet),
            Err((message, help)) => {
                let complaint = Complaint::new(Place::Segment(segment, SegmentPart::Subnet(index)), message);
                complaints.push(match help {
                    Some(help) => complaint.help(help),
                    None => complaint,
                });
            }
        }
    }
    good
}

fn subnet(text: &str, hosts: usize, earlier: &[IpNet]) -> Result<IpNet, (String, Option<String>)> {
    let Ok(subnet) = text.parse::<IpNet>() else {
        let help = "write an address and a prefix length, for example `10.0.0.0/24` or `fd00::/64`";
        return Err((format!("`{text}` is not a subnet"), Some(help.to_owned())));
    };
    let network = subnet.trunc();
    if network != subnet {
        let message = format!("`{text}` is the address of a host, not a subnet");
        return Err((message, Some(format!("the subnet it is in is `{network}`"))));
    }
    if !usable(subnet.addr()) {
        return Err((format!("`{text}` is not a range that hosts can have addresses from"), None));
    }
    if let Some(other) = earlier.iter().find(|other| other.contains(&subnet) || subnet.contains(*other)) {
        return Err((format!("`{text}` overlaps `{other}`"), None));
    }
    let capacity = capacity(&subnet);
    if capacity < hosts as u128 {
        let message = format!("`{text}` has addresses for {capacity} hosts, {hosts} are on it");
        return Err((message, smallest_for(subnet.addr(), hosts).map(|fits| format!("`{fits}` is large enough"))));
    }
    Ok(subnet)
}

/// Neither unspecified, loopback, multicast, reserved nor link-local: an address there would not behave like a host's.
fn usable(address: IpAddr) -> bool {
    let common = !address.is_loopback() && !address.is_multicast();
    common
        && match address {
            IpAddr::V4(v4) => !matches!(v4.octets(), [0 | 240.., ..] | [169, 254, ..]),
            IpAddr::V6(v6) => !v6.is_unicast_link_local() && !matches!(v6.segments(), [0, 0, 0, 0, 0, ..]),
        }
}

/// The smallest subnet around `address` with room for so many hosts.
fn smallest_for(address: IpAddr, hosts: usize) -> Option<IpNet> {
    let bits = if address.is_ipv4() { 30 } else { 126 };
    (1..=bits)
        .rev()
        .filter_map(|length| Some(IpNet::new(address, length).ok()?.trunc()))
        .find(|subnet| capacity(subnet) >= hosts as u128)
}

fn mtu(segment: usize, mtu: Option<u32>, subnets: &[IpNet], complaints: &mut Vec<Complaint>) {
    let Some(mtu) = mtu else { return };
    let message = if !MTU.contains(&mtu) {
        format!("an MTU of {mtu} is out of range: it is between {} and {} bytes", MTU.start(), MTU.end())
    } else if mtu < MTU_IPV6 && subnets.iter().any(|subnet| matches!(subnet, IpNet::V6(_))) {
        format!("an MTU of {mtu} is too small for IPv6, which needs {MTU_IPV6} bytes")
    } else {
        return;
    };
    complaints.push(Complaint::new(Place::Segment(segment, SegmentPart::Mtu), message));
}

/// Gives every interface its name, MAC and addresses. Called for drawings without complaints only.
fn allocate(names: Vec<(HostName, Vec<usize>)>, segments: Vec<SegmentPlan>) -> Plan {
    let mut taken = vec![0; segments.len()];
    let mut interfaces = 0;
    let mut interface = |number: usize, segment: usize| {
        let nth = taken[segment];
        taken[segment] += 1;
        interfaces += 1;
        InterfacePlan {
            name: format!("eth{number}").parse().expect("a few letters and digits"),
            mac: MacAddr::nth(interfaces - 1),
            segment,
            addresses: segments[segment].subnets.iter().map(|subnet| nth_host(subnet, nth)).collect(),
            mtu: segments[segment].mtu,
            offload: true,
            device: Device::Plain,
            lower: None,
            vrf: None,
        }
    };
    let mut hosts = Vec::with_capacity(names.len());
    for (name, joins) in names {
        let interfaces = joins.into_iter().enumerate().map(|(number, segment)| interface(number, segment)).collect();
        hosts.push(HostPlan {
            name,
            forwarding: false,
            interfaces,
            vrfs: Vec::new(),
            routes: Vec::new(),
            neighbours: Vec::new(),
            sysctls: Vec::new(),
            nat: NatPlan::default(),
        });
    }
    Plan { hosts, segments }
}
