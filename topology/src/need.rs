//! What a test may need of its machine, and what to do where it is missing.

use std::fmt;

/// Something that a test needs of its machine, and that not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need<S = &'static str> {
    /// Something that the kernel has to offer.
    Feature(Feature),
    /// A program of this name in one of the directories of `PATH`.
    Program(S),
}

/// As it is written in `requires(…)`.
impl<S: AsRef<str>> fmt::Display for Need<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feature(feature) => f.write_str(feature.name()),
            Self::Program(program) => write!(f, "program = {:?}", program.as_ref()),
        }
    }
}

/// What there is to know about a [`Feature`].
struct Row {
    name: &'static str,
    what: &'static str,
    remedy: &'static str,
}

/// One row for each feature: its name in `requires(…)`; what a kernel without it has none of; what to try first; the options that
/// the kernel has to be built with. Modules and options are those of the kernel's Kconfig files.
macro_rules! features {
    ($($feature:ident $name:literal, no $what:literal, try $first:literal, or $config:literal;)*) => {
        /// Something that a kernel may offer: a kind of device, or what else a network can be made of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Feature {
            $(#[doc = concat!("`", $name, "`")] $feature,)*
        }

        impl Feature {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$feature,)*];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$feature => &Row {
                        name: $name,
                        what: $what,
                        remedy: concat!($first, ", or choose a kernel with ", $config),
                    },)*
                }
            }
        }
    };
}

features! {
    Veth "veth", no "devices of that kind", try "`sudo modprobe veth`", or "CONFIG_VETH";
    Bridge "bridge", no "devices of that kind", try "`sudo modprobe bridge`", or "CONFIG_BRIDGE";
    VlanFiltering "vlan_filtering", no "bridges that filter VLANs", try "`sudo modprobe bridge`",
        or "CONFIG_BRIDGE_VLAN_FILTERING";
    Vlan "vlan", no "devices of that kind", try "`sudo modprobe 8021q`", or "CONFIG_VLAN_8021Q";
    Vxlan "vxlan", no "devices of that kind", try "`sudo modprobe vxlan`", or "CONFIG_VXLAN";
    Macvlan "macvlan", no "devices of that kind", try "`sudo modprobe macvlan`", or "CONFIG_MACVLAN";
    Ipvlan "ipvlan", no "devices of that kind", try "`sudo modprobe ipvlan`", or "CONFIG_IPVLAN";
    Macvtap "macvtap", no "devices of that kind", try "`sudo modprobe macvtap`", or "CONFIG_MACVTAP";
    Tap "tap", no "devices of that kind", try "`sudo modprobe tun` (in a container: start it with `--device /dev/net/tun`)",
        or "CONFIG_TUN";
    Dummy "dummy", no "devices of that kind", try "`sudo modprobe dummy`", or "CONFIG_DUMMY";
    Bond "bond", no "devices of that kind", try "`sudo modprobe bonding`", or "CONFIG_BONDING";
    Vrf "vrf", no "devices of that kind", try "`sudo modprobe vrf`", or "CONFIG_NET_VRF";
    Wireguard "wireguard", no "devices of that kind", try "`sudo modprobe wireguard`", or "CONFIG_WIREGUARD";
    Gre "gre", no "devices of that kind", try "`sudo modprobe ip_gre`", or "CONFIG_NET_IPGRE";
    Ipip "ipip", no "devices of that kind", try "`sudo modprobe ipip`", or "CONFIG_NET_IPIP";
    Ifb "ifb", no "devices of that kind", try "`sudo modprobe ifb`", or "CONFIG_IFB";
    Netem "netem", no "qdisc of that kind", try "`sudo modprobe sch_netem`", or "CONFIG_NET_SCHED and CONFIG_NET_SCH_NETEM";
    Sctp "sctp", no "such protocol", try "`sudo modprobe sctp`", or "CONFIG_IP_SCTP";
    Nftables "nftables", no "such firewall", try "`sudo modprobe nf_tables`", or "CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET";
    Ipv6 "ipv6", no "such protocol", try "boot without `ipv6.disable=1`", or "CONFIG_IPV6";
    TimeNamespace "time_namespace", no "such namespaces", try "boot Linux 5.6 or later (`uname -r` says which this is)", or "CONFIG_TIME_NS";
}

impl Feature {
    /// The feature that is written like this in `requires(…)`.
    ///
    /// ```
    /// use netns_test_topology::Feature;
    /// assert_eq!(Feature::named("vlan"), Some(Feature::Vlan));
    /// assert_eq!(Feature::named("VLAN"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|feature| feature.name() == name)
    }

    /// How it is written in `requires(…)`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What a kernel without it has none of, where its name has just been said: `devices of that kind`.
    pub const fn what(self) -> &'static str {
        self.row().what
    }

    /// What to do on a machine that lacks it.
    ///
    /// ```
    /// use netns_test_topology::Feature;
    /// assert_eq!(Feature::Vlan.remedy(), "`sudo modprobe 8021q`, or choose a kernel with CONFIG_VLAN_8021Q");
    /// ```
    pub const fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

/// As it is written in `requires(…)`.
impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Programs that tests of networks run, and the packages that have them in Debian 12 (<https://packages.debian.org/bookworm/>).
const PROGRAMS: &[(&str, &str)] = &[
    ("arping", "iputils-arping"),
    ("bird", "bird2"),
    ("bpftool", "bpftool"),
    ("bridge", "iproute2"),
    ("conntrack", "conntrack"),
    ("curl", "curl"),
    ("dig", "bind9-dnsutils"),
    ("dnsmasq", "dnsmasq-base"),
    ("ethtool", "ethtool"),
    ("ip", "iproute2"),
    ("ip6tables", "iptables"),
    ("iperf", "iperf"),
    ("iperf3", "iperf3"),
    ("ipset", "ipset"),
    ("iptables", "iptables"),
    ("nc", "netcat-openbsd"),
    ("ncat", "ncat"),
    ("nft", "nftables"),
    ("nmap", "nmap"),
    ("ovs-vsctl", "openvswitch-switch"),
    ("ping", "iputils-ping"),
    ("radvd", "radvd"),
    ("socat", "socat"),
    ("ss", "iproute2"),
    ("strace", "strace"),
    ("tc", "iproute2"),
    ("tcpdump", "tcpdump"),
    ("traceroute", "traceroute"),
    ("tshark", "tshark"),
    ("vtysh", "frr"),
    ("wg", "wireguard-tools"),
    ("wg-quick", "wireguard-tools"),
];

/// The Debian package that has a program, if it is a well-known one.
///
/// ```
/// use netns_test_topology::debian_package;
/// assert_eq!(debian_package("nft"), Some("nftables"));
/// assert_eq!(debian_package("my-router"), None);
/// ```
pub fn debian_package(program: &str) -> Option<&'static str> {
    PROGRAMS.iter().find(|(name, _)| *name == program).map(|(_, package)| *package)
}

/// Checks that something can be looked for in the directories of `PATH`.
///
/// ```
/// use netns_test_topology::check_program;
/// assert_eq!(check_program("nft"), Ok(()));
/// assert_eq!(check_program("/usr/sbin/nft").unwrap_err(), "`/usr/sbin/nft` is a path: programs are looked for in PATH, by name");
/// ```
pub fn check_program(name: &str) -> Result<(), String> {
    if name.is_empty() {
        Err("the name of a program cannot be empty".to_owned())
    } else if name.contains('/') {
        Err(format!("`{name}` is a path: programs are looked for in PATH, by name"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_feature_has_a_name_of_its_own_that_can_be_written() {
        let names: HashSet<_> = Feature::ALL.iter().map(|feature| feature.name()).collect();
        assert_eq!(names.len(), Feature::ALL.len());
        for feature in Feature::ALL {
            assert_eq!(Feature::named(feature.name()), Some(*feature));
            assert!(feature.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            assert_ne!(feature.name(), "program", "that is another need");
        }
    }

    #[test]
    fn every_remedy_ends_with_a_kernel_to_choose() {
        for feature in Feature::ALL {
            let (first, config) = feature.remedy().split_once(", or choose a kernel with CONFIG_").expect("both ways");
            assert!(first.contains('`') && !config.is_empty(), "{}", feature.remedy());
        }
    }

    #[test]
    fn the_well_known_programs_are_sorted_and_can_be_required() {
        assert!(PROGRAMS.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(PROGRAMS.iter().all(|(name, _)| check_program(name).is_ok()));
    }

    #[test]
    fn a_need_is_shown_as_it_is_written() {
        assert_eq!(Need::<&str>::Feature(Feature::VlanFiltering).to_string(), "vlan_filtering");
        assert_eq!(Need::Program("nft").to_string(), r#"program = "nft""#);
    }
}
