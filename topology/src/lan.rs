//! The shape that the attribute draws: some hosts, and at most one segment that joins all of them.

use crate::{
    Complaint, Complaints, Drawing, DrawnHost, DrawnImpairment, DrawnInterface, DrawnSegment, HostPart, IpNet, Medium,
    Place, Plan, SegmentPart,
};

/// The IPv4 subnet of a [`Lan`] that names none: TEST-NET-2 (RFC 5737).
pub const DEFAULT_SUBNET_V4: &str = "198.51.100.0/24";

/// The IPv6 subnet of a [`Lan`] that names none: from the documentation prefix (RFC 3849).
pub const DEFAULT_SUBNET_V6: &str = "2001:db8::/64";

/// The name of its segment.
const LAN: &str = "lan";

/// Some hosts, and at most one segment that joins all of them.
///
/// Without subnets the segment is dual-stack, from [`DEFAULT_SUBNET_V4`] and [`DEFAULT_SUBNET_V6`]. With subnets it has just
/// those; `ipv6: Some(true)` adds the default one where none of them is IPv6, `ipv6: Some(false)` leaves IPv6 out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lan<'a> {
    /// Names of the hosts.
    pub hosts: &'a [&'a str],
    /// Whether a segment joins them: a wire for two, a switch for more, or where there is something to be done to frames.
    pub veth: bool,
    /// Subnets in CIDR notation; none for the default ones.
    pub subnets: &'a [&'a str],
    /// Whether the segment has IPv6, where it was said.
    pub ipv6: Option<bool>,
    /// The segment's MTU in bytes.
    pub mtu: Option<u32>,
    /// What happens to each frame that crosses the segment.
    pub impairment: DrawnImpairment<&'a str>,
    /// What carries that out.
    pub engine: Option<&'a str>,
}

impl Lan<'_> {
    /// The plan of this network.
    ///
    /// # Errors
    /// All complaints at once. Help is in the words of the attribute.
    pub fn plan(&self) -> Result<Plan, Complaints> {
        let mut complaints = self.cross_complaints();
        match self.drawing().plan() {
            Ok(plan) => Complaints::unless_empty(complaints, || plan),
            Err(more) => {
                // The attribute has hosts first, and its segment has no name.
                let (hosts, segment): (Vec<_>, Vec<_>) =
                    more.into_vec().into_iter().partition(|complaint| matches!(complaint.place, Place::Host(..)));
                complaints.extend(hosts.into_iter().map(|complaint| self.about_parameter(complaint)));
                complaints.extend(segment.into_iter().filter_map(|complaint| self.about_wire(complaint)));
                Err(Complaints::from(complaints))
            }
        }
    }

    fn about_parameter(&self, complaint: Complaint) -> Complaint {
        match complaint.place {
            Place::Host(host, HostPart::Whole)
                if complaint.help.is_some() && self.hosts[..host].contains(&self.hosts[host]) =>
            {
                complaint.help("a host has the name of its parameter, without underscores in front")
            }
            _ => complaint,
        }
    }

    fn about_wire(&self, complaint: Complaint) -> Option<Complaint> {
        // That nobody is on it has been said in other words.
        if self.hosts.is_empty() && complaint.place == Place::Segment(0, SegmentPart::Whole) {
            return None;
        }
        let message = match complaint.message.strip_prefix(&format!("segment `{LAN}`: ")) {
            Some(message) => message.to_owned(),
            None => complaint.message,
        };
        Some(Complaint { message, ..complaint })
    }

    fn drawing(&self) -> Drawing {
        let mut subnets: Vec<String> = self.subnets.iter().map(|&subnet| subnet.to_owned()).collect();
        if self.subnets.is_empty() {
            subnets.push(DEFAULT_SUBNET_V4.to_owned());
        }
        let wants_ipv6 = self.ipv6.unwrap_or(self.subnets.is_empty());
        if wants_ipv6 && !self.writes_ipv6() {
            subnets.push(DEFAULT_SUBNET_V6.to_owned());
        }
        let lan = DrawnSegment {
            name: LAN.to_owned(),
            subnets,
            mtu: self.mtu,
            medium: if self.hosts.len() == 2 && self.frame_word().is_none() { Medium::Veth } else { Medium::Switch },
            impairment: self.impairment.map(|&text| text.to_owned()),
            engine: self.engine.map(str::to_owned),
            ..DrawnSegment::default()
        };
        let hosts = self.hosts.iter().map(|&name| DrawnHost {
            name: name.to_owned(),
            isolated: !self.veth,
            interfaces: if self.veth {
                vec![DrawnInterface { segment: LAN.to_owned(), ..Default::default() }]
            } else {
                Vec::new()
            },
            ..DrawnHost::default()
        });
        Drawing {
            segments: if self.veth { vec![lan] } else { Vec::new() },
            hosts: hosts.collect(),
            ..Drawing::default()
        }
    }

    /// The first word about what happens to frames, if there is any. Nothing is between the ends of a wire that could do it.
    fn frame_word(&self) -> Option<(&'static str, SegmentPart)> {
        let word = self.impairment.written().next().map(|part| (part.word(), SegmentPart::Impairment(part)));
        word.or(self.engine.map(|_| ("engine", SegmentPart::Engine)))
    }

    fn writes_ipv6(&self) -> bool {
        self.subnets.iter().any(|subnet| matches!(subnet.parse(), Ok(IpNet::V6(_))))
    }

    /// The rules between options; those within one are the drawing's.
    fn cross_complaints(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let hosts = self.hosts.len();
        if hosts == 0 {
            complaints.push(Complaint::new(Place::HostCount, "a test network needs at least one host").help(
                "write `namespaces = 2, veth = true`, or give the function parameters whose type is spelled `Host`, \
                 or `namespaces = 0` where the body draws its own with `Lab::builder()`",
            ));
        }
        if self.veth && hosts == 1 {
            complaints.push(
                Complaint::new(Place::Veth, "`veth = true` joins hosts, and there is only one")
                    .help("write `namespaces = 2, veth = true`"),
            );
        }
        if !self.veth {
            let without = |place, option: &str| {
                Complaint::new(place, format!("`{option}` is about the wire, and there is none"))
                    .help(format!("write `namespaces = {}, veth = true, {option} = …`", hosts.max(2)))
            };
            complaints
                .extend((!self.subnets.is_empty()).then(|| without(Place::Segment(0, SegmentPart::Whole), "subnet")));
            complaints.extend(self.ipv6.map(|_| without(Place::Ipv6, "ipv6")));
            complaints.extend(self.mtu.map(|_| without(Place::Segment(0, SegmentPart::Mtu), "mtu")));
            complaints.extend(self.frame_word().map(|(word, part)| without(Place::Segment(0, part), word)));
        }
        if self.ipv6 == Some(false) && self.writes_ipv6() {
            complaints.push(
                Complaint::new(Place::Ipv6, "`ipv6 = false` contradicts the IPv6 subnet")
                    .help("leave out one of the two"),
            );
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BridgePlan, Crossing, Engine, Impairment, ImpairmentPart, ImpairmentPlan, Percent, SegmentKind};

    fn addresses(lan: Lan<'_>) -> Vec<Vec<String>> {
        let plan = lan.plan().unwrap();
        plan.hosts.iter().map(|host| host.addresses().map(|address| address.to_string()).collect()).collect()
    }

    fn complaints(lan: Lan<'_>) -> Vec<(Place, String)> {
        lan.plan().unwrap_err().iter().map(|complaint| (complaint.place, complaint.message.clone())).collect()
    }

    const PAIR: Lan<'static> = Lan {
        hosts: &["a", "b"],
        veth: true,
        subnets: &[],
        ipv6: None,
        mtu: None,
        impairment: DrawnImpairment::new(),
        engine: None,
    };

    #[test]
    fn two_hosts_share_a_wire_and_both_families() {
        assert_eq!(addresses(PAIR), [["198.51.100.1", "2001:db8::1"], ["198.51.100.2", "2001:db8::2"]]);
        assert_eq!(PAIR.plan().unwrap().segments[0].kind, SegmentKind::Wire);
    }

    #[test]
    fn three_hosts_share_a_switch() {
        let plan = Lan { hosts: &["a", "b", "c"], ..PAIR }.plan().unwrap();
        assert_eq!(plan.segments[0].kind, SegmentKind::Switch(BridgePlan::default()));
        assert_eq!(plan.segments[0].members, [(0, 0), (1, 0), (2, 0)]);
    }

    const LOSSY: Lan<'static> =
        Lan { impairment: DrawnImpairment { loss: Some("1%"), ..DrawnImpairment::new() }, ..PAIR };

    #[test]
    fn what_happens_to_frames_happens_on_a_switch() {
        let [ref segment] = LOSSY.plan().unwrap().segments[..] else { panic!("one segment") };
        assert_eq!(segment.kind, SegmentKind::Switch(BridgePlan::default()));
        let loss = Impairment::new().loss(Percent::new(1.0));
        assert_eq!(segment.impairments, [ImpairmentPlan::new(Crossing::All, loss)]);
        assert_eq!(segment.engine, Engine::Automatic);
        let [ref segment] = Lan { engine: Some("relay"), ..PAIR }.plan().unwrap().segments[..] else {
            panic!("one segment")
        };
        assert_eq!((segment.kind.clone(), segment.engine), (SegmentKind::Switch(BridgePlan::default()), Engine::Relay));
    }

    #[test]
    fn without_a_wire_there_is_no_interface() {
        let plan = Lan { veth: false, ..PAIR }.plan().unwrap();
        assert!(plan.hosts.iter().all(|host| host.interfaces.is_empty()));
    }

    #[test]
    fn what_is_written_is_all_there_is() {
        assert_eq!(addresses(Lan { subnets: &["10.0.0.0/24"], ..PAIR }), [["10.0.0.1"], ["10.0.0.2"]]);
        assert_eq!(addresses(Lan { subnets: &["fd00::/64"], ..PAIR }), [["fd00::1"], ["fd00::2"]]);
        assert_eq!(addresses(Lan { ipv6: Some(false), ..PAIR }), [["198.51.100.1"], ["198.51.100.2"]]);
        let both = Lan { subnets: &["10.0.0.0/24"], ipv6: Some(true), ..PAIR };
        assert_eq!(addresses(both), [["10.0.0.1", "2001:db8::1"], ["10.0.0.2", "2001:db8::2"]]);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let wrong = Lan {
            hosts: &["a", "a b"],
            subnets: &["10.0.0.1/24", "nonsense", "fd00::/64"],
            mtu: Some(1000),
            ipv6: Some(false),
            veth: true,
            impairment: DrawnImpairment { delay: Some("20"), ..DrawnImpairment::new() },
            engine: Some("kernle"),
        };
        let places: Vec<_> = complaints(wrong).into_iter().map(|(place, _)| place).collect();
        let segment = |part| Place::Segment(0, part);
        let subnet = |subnet| segment(SegmentPart::Subnet(subnet));
        let host = Place::Host(1, HostPart::Whole);
        let delay = segment(SegmentPart::Impairment(ImpairmentPart::Delay));
        let mtu = segment(SegmentPart::Mtu);
        assert_eq!(places, [Place::Ipv6, host, subnet(0), subnet(1), mtu, delay, segment(SegmentPart::Engine)]);
    }

    #[test]
    fn rules_between_options() {
        for (lan, place, message) in [
            (Lan { hosts: &[], veth: false, ..PAIR }, Place::HostCount, "at least one host"),
            (Lan { hosts: &["a"], ..PAIR }, Place::Veth, "only one"),
            (
                Lan { veth: false, subnets: &["10.0.0.0/24"], ..PAIR },
                Place::Segment(0, SegmentPart::Whole),
                "`subnet` is about the wire",
            ),
            (
                Lan { veth: false, mtu: Some(1400), ..PAIR },
                Place::Segment(0, SegmentPart::Mtu),
                "`mtu` is about the wire",
            ),
            (Lan { veth: false, ipv6: Some(true), ..PAIR }, Place::Ipv6, "`ipv6` is about the wire"),
            (
                Lan { veth: false, engine: Some("relay"), ..LOSSY },
                Place::Segment(0, SegmentPart::Impairment(ImpairmentPart::Loss)),
                "`loss` is about the wire",
            ),
            (
                Lan { veth: false, engine: Some("relay"), ..PAIR },
                Place::Segment(0, SegmentPart::Engine),
                "`engine` is about the wire",
            ),
            (Lan { hosts: &["a", "a"], ..PAIR }, Place::Host(1, HostPart::Whole), "two hosts named `a`"),
        ] {
            let found = complaints(lan);
            assert!(matches!(&found[..], [(p, m)] if *p == place && m.contains(message)), "{lan:?}: {found:?}");
        }
    }

    #[test]
    fn rules_within_a_subnet() {
        for (subnet, message) in [
            ("10.0.0.0", "not a subnet"),
            ("10.0.0.0/33", "not a subnet"),
            ("10.0.0.1/24", "address of a host"),
            ("127.0.0.0/8", "not a range"),
            ("0.0.0.0/0", "not a range"),
            ("224.0.0.0/24", "not a range"),
            ("169.254.0.0/16", "not a range"),
            ("fe80::/64", "not a range"),
            ("ff02::/64", "not a range"),
            ("::/64", "not a range"),
            ("10.0.0.0/32", "for 1 hosts, 2 are on it"),
        ] {
            let found = complaints(Lan { subnets: &[subnet], ..PAIR });
            assert!(
                matches!(&found[..], [(Place::Segment(_, SegmentPart::Subnet(_)), m)] if m.contains(message)),
                "{subnet}: {found:?}"
            );
        }
        let overlap = Lan { subnets: &["10.0.0.0/16", "10.0.1.0/24"], ..PAIR };
        assert!(complaints(overlap)[0].1.contains("overlaps `10.0.0.0/16`"));
    }

    #[test]
    fn too_many_hosts_are_told_how_much_they_need() {
        let names: Vec<String> = (0..300).map(|n| format!("h{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = Lan { hosts: &names, ..PAIR }.plan().unwrap_err();
        let first = error.iter().next().unwrap();
        assert_eq!(first.message, "`198.51.100.0/24` has addresses for 254 hosts, 300 are on it");
        assert_eq!(first.help.as_deref(), Some("`198.51.100.0/23` is large enough"));
    }
}
