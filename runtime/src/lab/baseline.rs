//! The sysctls that every namespace of a lab has, whatever the machine has.
//!
//! New namespaces inherit the IPv4 ones from the machine and the IPv6 ones from the kernel
//! (`net.core.devconf_inherit_init_net`), so that without this a test could pass on a laptop and fail in CI, or pass for no reason.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use netns_test_topology::HostPlan;

use super::LabError;

/// One sysctl of the baseline, by its path under `/proc/sys/net`.
struct Sysctl {
    path: &'static str,
    value: &'static str,
    /// Whether it is as good as set where the kernel does not have it.
    optional: bool,
}

const fn set(path: &'static str, value: &'static str) -> Sysctl {
    Sysctl { path, value, optional: false }
}

const fn set_if_there(path: &'static str, value: &'static str) -> Sysctl {
    Sysctl { path, value, optional: true }
}

/// For IPv4. `all` and `default` both count: some take the larger of the two, and interfaces copy `default` when they are made.
const IPV4: &[Sysctl] = &[
    // Hosts do not forward; routers say so themselves.
    set("ipv4/conf/all/forwarding", "0"),
    set("ipv4/conf/default/forwarding", "0"),
    // A packet is not dropped for the interface it came in by.
    set("ipv4/conf/all/rp_filter", "0"),
    set("ipv4/conf/default/rp_filter", "0"),
    // ARP is answered for each local address, from whatever interface the question came in by.
    set("ipv4/conf/all/arp_filter", "0"),
    set("ipv4/conf/default/arp_filter", "0"),
    set("ipv4/conf/all/arp_ignore", "0"),
    set("ipv4/conf/default/arp_ignore", "0"),
    set("ipv4/conf/all/arp_announce", "0"),
    set("ipv4/conf/default/arp_announce", "0"),
    set("ipv4/conf/all/arp_accept", "0"),
    set("ipv4/conf/default/arp_accept", "0"),
    set("ipv4/conf/all/proxy_arp", "0"),
    set("ipv4/conf/default/proxy_arp", "0"),
    // Routes are what the drawing says, not what a router suggests.
    set("ipv4/conf/all/accept_redirects", "0"),
    set("ipv4/conf/default/accept_redirects", "0"),
    set("ipv4/conf/all/send_redirects", "0"),
    set("ipv4/conf/default/send_redirects", "0"),
    set("ipv4/conf/all/route_localnet", "0"),
    set("ipv4/conf/default/route_localnet", "0"),
    set("ipv4/conf/all/accept_local", "0"),
    set("ipv4/conf/default/accept_local", "0"),
    // Every question gets its answer: no limit on ICMP errors and replies.
    set("ipv4/icmp_ratelimit", "0"),
    // Of no type: the limit of all together lets fifty pass in 20 ms, however many a second are allowed (`icmp_global_allow`).
    set("ipv4/icmp_ratemask", "0"),
    set("ipv4/icmp_echo_ignore_all", "0"),
];

/// For IPv6.
const IPV6: &[Sysctl] = &[
    set("ipv6/conf/all/forwarding", "0"),
    set("ipv6/conf/default/forwarding", "0"),
    // An address is usable at once: nobody else can have it.
    set("ipv6/conf/all/accept_dad", "0"),
    set("ipv6/conf/default/accept_dad", "0"),
    // No router solicitations, and no address, route or MTU that a router suggests.
    set("ipv6/conf/all/accept_ra", "0"),
    set("ipv6/conf/default/accept_ra", "0"),
    set("ipv6/conf/all/accept_redirects", "0"),
    set("ipv6/conf/default/accept_redirects", "0"),
    set("ipv6/icmp/ratelimit", "0"),
    // Of type 0, which there is not (RFC 4443 section 2.1).
    set_if_there("ipv6/icmp/ratemask", "0"),
    set_if_there("ipv6/icmp/echo_ignore_all", "0"),
];

/// No IPv6 where none was asked for: no link-local addresses, no chatter. The loopback is there before and keeps its own.
const WITHOUT_IPV6: &[Sysctl] = &[set_if_there("ipv6/conf/default/disable_ipv6", "1")];
/// Also where the machine has it switched off.
const WITH_IPV6: &[Sysctl] = &[set("ipv6/conf/all/disable_ipv6", "0"), set("ipv6/conf/default/disable_ipv6", "0")];

/// A router's: they set those of all interfaces, and of those to come.
const FORWARDING: [&[Sysctl]; 2] = [&[set("ipv4/conf/all/forwarding", "1")], &[set("ipv6/conf/all/forwarding", "1")]];

/// Bridged frames do not go through the machine's kind of firewall. These are there when `br_netfilter` is loaded.
const BRIDGES: &[Sysctl] = &[
    set_if_there("bridge/bridge-nf-call-iptables", "0"),
    set_if_there("bridge/bridge-nf-call-ip6tables", "0"),
    set_if_there("bridge/bridge-nf-call-arptables", "0"),
];

/// The sysctls that have to be written in each new namespace of one kind.
///
/// New namespaces are alike, so one is read and the same differences are written in all.
pub(crate) struct Baseline {
    differences: Vec<&'static Sysctl>,
}

impl Baseline {
    /// For hosts: reads the fresh namespace that this thread is in.
    pub(crate) fn of_hosts(ipv6: bool) -> Result<Self, LabError> {
        if !ipv6 {
            return Ok(Self::read([IPV4, WITHOUT_IPV6, &[]]));
        }
        if !std::path::Path::new("/proc/sys/net/ipv6").exists() {
            return Err(LabError::NoIpv6);
        }
        Ok(Self::read([IPV4, IPV6, WITH_IPV6]))
    }

    /// For the namespace that holds the switches: reads it, and it is this thread's.
    pub(super) fn of_switches() -> Self {
        Self::read([WITHOUT_IPV6, BRIDGES, &[]])
    }

    fn read(tables: [&'static [Sysctl]; 3]) -> Self {
        let mut differences = Vec::new();
        for sysctl in tables.into_iter().flatten() {
            match sysctl.is_set() {
                Ok(true) => {}
                Err(error) if sysctl.optional && error.kind() == io::ErrorKind::NotFound => {}
                _ => differences.push(sysctl),
            }
        }
        Self { differences }
    }

    /// The differences: path and value.
    pub(crate) fn writes(&self) -> Vec<(String, &'static str)> {
        self.differences.iter().map(|sysctl| (sysctl.file(), sysctl.value)).collect()
    }

    /// Writes the differences in the namespace that this thread is in.
    pub(super) fn apply(&self) -> Result<(), LabError> {
        self.differences.iter().copied().try_for_each(Sysctl::apply)
    }
}

/// Makes a router of the namespace that this thread is in.
pub(super) fn forward(ipv6: bool) -> Result<(), LabError> {
    let families = if ipv6 { &FORWARDING[..] } else { &FORWARDING[..1] };
    families.iter().copied().flatten().try_for_each(Sysctl::apply)
}

/// Writing one of these also writes what new interfaces get (`inet_forward_change` and `addrconf_fixup_forwarding` in the kernel).
const FORWARDING_OF_ALL: [(&str, &str); 3] = [
    ("net/ipv4/ip_forward", "net/ipv4/conf"),
    ("net/ipv4/conf/all/forwarding", "net/ipv4/conf"),
    ("net/ipv6/conf/all/forwarding", "net/ipv6/conf"),
];

/// What the sysctls of a host were set to, by the baseline or as it was drawn: paths under `/proc/sys`, and values.
pub(crate) fn pinned(host: &HostPlan) -> BTreeMap<String, String> {
    let ipv6 = host.has_ipv6();
    let baseline: [&[Sysctl]; 3] = if ipv6 { [IPV4, IPV6, WITH_IPV6] } else { [IPV4, WITHOUT_IPV6, &[]] };
    let families = if ipv6 { &FORWARDING[..] } else { &FORWARDING[..1] };
    let forwarding = if host.forwarding { families } else { &[] };
    let ours = baseline.iter().chain(forwarding).copied().flatten();
    let ours = ours.map(|sysctl| (format!("net/{}", sysctl.path), sysctl.value.to_owned()));
    let drawn = host.sysctls.iter().map(|sysctl| (sysctl.path.clone(), sysctl.value.clone()));
    let mut pinned = BTreeMap::new();
    for (path, value) in ours.chain(drawn) {
        if let Some((_, family)) = FORWARDING_OF_ALL.iter().find(|(all, _)| path == *all) {
            for which in ["all", "default"] {
                pinned.insert(format!("{family}/{which}/forwarding"), value.clone());
            }
        }
        pinned.insert(path, value);
    }
    pinned
}

impl Sysctl {
    fn file(&self) -> String {
        format!("/proc/sys/net/{}", self.path)
    }

    /// Whether it has its value already. No value of the baseline is longer than the buffer; one read is the whole file.
    fn is_set(&self) -> io::Result<bool> {
        let mut buffer = [0; 16];
        let length = File::open(self.file())?.read(&mut buffer)?;
        Ok(buffer[..length].trim_ascii() == self.value.as_bytes())
    }

    fn apply(&self) -> Result<(), LabError> {
        let written =
            File::options().write(true).open(self.file()).and_then(|mut file| file.write_all(self.value.as_bytes()));
        written.map_err(|source| LabError::Sysctl { path: self.file(), value: self.value, source })
    }
}
