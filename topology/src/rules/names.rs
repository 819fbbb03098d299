//! The names of interfaces.

use std::borrow::Cow;
use std::collections::HashMap;

use super::network::{Network, Segment};
use super::report::Report;
use crate::{IfName, InterfacePart, Medium, NameError};

/// Devices that the kernel may put into every new namespace, by the module that does.
const OF_THE_KERNEL: [&str; 9] =
    ["tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"];

/// Names all interfaces of all hosts.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        let mut names = Names { host, taken: HashMap::new() };
        names.written(network, report);
        names.of_vrfs(network, report);
        names.counted(network);
        names.composed(network, report);
    }
}

/// The names within one host.
struct Names<'d> {
    host: usize,
    /// What has which name.
    taken: HashMap<Cow<'d, str>, String>,
}

impl<'d> Names<'d> {
    fn written(&mut self, network: &mut Network<'d>, report: &mut Report) {
        for interface in 0..network.hosts[self.host].interfaces.len() {
            let joined = &network.hosts[self.host].interfaces[interface];
            let (drawn, drawn_as) = (joined.drawn, joined.drawn_as);
            let Some(written) = drawn.name.as_deref() else { continue };
            match self.free(written) {
                Ok(name) => {
                    let on = format!("its interface on `{}`", drawn.segment);
                    self.taken.insert(Cow::Borrowed(written), on);
                    network.hosts[self.host].interfaces[interface].name = Some(name);
                }
                Err(message) => {
                    report.add(network.about_interface(self.host, drawn_as, InterfacePart::Name, &message));
                }
            }
        }
    }

    fn free(&self, written: &str) -> Result<IfName, String> {
        let name = written.parse::<IfName>().map_err(|error| error.to_string())?;
        if OF_THE_KERNEL.contains(&written) {
            return Err(format!("the kernel may have an interface named `{written}` of its own"));
        }
        match self.taken.get(written) {
            Some(other) => Err(format!("the name `{written}` is that of {other} already")),
            None => Ok(name),
        }
    }

    fn of_vrfs(&mut self, network: &Network<'d>, report: &mut Report) {
        for (index, vrf) in network.hosts[self.host].vrfs.iter().enumerate() {
            let written = vrf.written;
            if let Some(other) = self.taken.get(written) {
                let message = format!("the VRF `{written}` has the name of {other}");
                let mut interfaces = network.hosts[self.host].interfaces.iter();
                let first = interfaces.find(|interface| interface.vrf == Some(index));
                let drawn_as = first.map_or(0, |interface| interface.drawn_as);
                report.add(network.about_interface(self.host, drawn_as, InterfacePart::Vrf, &message));
            }
            self.taken.entry(Cow::Borrowed(written)).or_insert_with(|| format!("the VRF `{written}`"));
        }
    }

    /// `eth0`, `eth1` and so on, in the order in which segments are joined.
    fn counted(&mut self, network: &mut Network<'d>) {
        let mut in_order: Vec<_> = (0..network.hosts[self.host].interfaces.len()).collect();
        in_order.sort_by_key(|&interface| network.hosts[self.host].interfaces[interface].drawn_as);
        let mut counters = HashMap::new();
        for interface in in_order {
            let joined = &network.hosts[self.host].interfaces[interface];
            let (stem, first) = match network.segments[joined.segment].drawn.medium {
                Medium::Switch | Medium::Veth => ("eth", 0),
                Medium::Dummy => ("dummy", 0),
                Medium::WireGuard => ("wg", 0),
                // The kernel may have a `gre0` of its own.
                Medium::Gre => ("gre", 1),
                Medium::Ipip => ("ipip", 1),
                Medium::Vlan { .. } | Medium::Vxlan { .. } => continue,
            };
            if joined.drawn.name.is_some() {
                continue;
            }
            let counter = counters.entry(stem).or_insert(first);
            let name = loop {
                let name = format!("{stem}{counter}");
                *counter += 1;
                if !self.taken.contains_key(name.as_str()) {
                    break name;
                }
            };
            let on = format!("its interface on `{}`", joined.drawn.segment);
            network.hosts[self.host].interfaces[interface].name = name.parse().ok();
            self.taken.insert(Cow::Owned(name), on);
        }
    }

    /// `eth0.10`, `vxlan42`: names that tell the id.
    fn composed(&mut self, network: &mut Network<'d>, report: &mut Report) {
        for interface in 0..network.hosts[self.host].interfaces.len() {
            let joined = &network.hosts[self.host].interfaces[interface];
            let segment = &network.segments[joined.segment];
            let lower = joined.lower.and_then(|lower| network.hosts[self.host].interfaces[lower].name.as_ref());
            if joined.drawn.name.is_some() {
                continue;
            }
            let Some(name) = composed(segment, lower) else { continue };
            match self.claim(&name, &joined.drawn.segment) {
                Ok(name) => network.hosts[self.host].interfaces[interface].name = Some(name),
                Err(message) => {
                    let part = InterfacePart::Segment;
                    let complaint = network.about_interface(self.host, joined.drawn_as, part, &message);
                    report.add(complaint.help(format!("give it another: `{}(name = \"…\")`", joined.drawn.segment)));
                }
            }
        }
    }

    fn claim(&mut self, name: &str, segment: &str) -> Result<IfName, String> {
        let parsed = name.parse::<IfName>().map_err(|error| match error {
            NameError::TooLong { name, max, .. } => {
                let bytes = name.len();
                format!(
                    "its interface on `{segment}` would be named `{name}`, which has {bytes} of at most {max} bytes"
                )
            }
            other => other.to_string(),
        })?;
        if let Some(other) = self.taken.get(name) {
            return Err(format!("its interface on `{segment}` would be named `{name}`, as is {other}"));
        }
        self.taken.insert(Cow::Owned(name.to_owned()), format!("its interface on `{segment}`"));
        Ok(parsed)
    }
}

/// Nothing for what was refused, or is on something that was.
fn composed(segment: &Segment<'_>, lower: Option<&IfName>) -> Option<String> {
    segment.kind.as_ref()?;
    match segment.drawn.medium {
        Medium::Vlan { id, .. } => Some(format!("{}.{id}", lower?)),
        Medium::Vxlan { vni } => Some(format!("vxlan{vni}")),
        _ => None,
    }
}
