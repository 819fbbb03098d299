//! Where the kernel carries out which impairment of a segment, and what it cannot.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use netns_test_topology::{Crossing, Impairment, MOST_JITTER, Percent, Plan, SegmentKind};

use crate::impair::force::Wanted;
use crate::lab::Member;

/// What frames leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::impair) enum Egress {
    /// A host, on their way to the switch or to the host at the other end of the wire.
    Interface(Member),
    /// The switch, on their way to a host.
    Port(Member),
}

/// Which impairment is where. A number is that of an impairment.
pub(in crate::impair) type Egresses = BTreeMap<Egress, (u64, Wanted)>;

/// What the kernel would have to do for the impairments of a segment, by their numbers; or why it cannot. `members` are those of the segment as it
/// is now; what is about others has to be possible, too, since they may come back, and does nothing meanwhile.
pub(in crate::impair) fn can(
    plan: &Plan,
    segment: usize,
    members: &[Member],
    wanted: &BTreeMap<u64, Wanted>,
) -> Result<Egresses, &'static str> {
    let mut egresses = Egresses::new();
    for (&number, wanted) in wanted {
        can_alone(&wanted.impairment)?;
        for egress in of_crossing(plan, segment, members, wanted.crossing)? {
            match egresses.entry(egress) {
                Entry::Vacant(vacant) => _ = vacant.insert((number, *wanted)),
                Entry::Occupied(_) => return Err("netem does one thing to a frame, not two in turn"),
            }
        }
    }
    egresses.retain(|(Egress::Interface(member) | Egress::Port(member)), _| members.contains(member));
    Ok(egresses)
}

fn can_alone(impairment: &Impairment) -> Result<(), &'static str> {
    if impairment.mtu_black_hole.is_some() {
        return Err("netem has no path MTU black holes");
    }
    if impairment.jitter > MOST_JITTER {
        return Err("netem has no jitter of more than 2.147 s");
    }
    Ok(())
}

fn of_crossing(
    plan: &Plan,
    segment: usize,
    members: &[Member],
    crossing: Crossing,
) -> Result<Vec<Egress>, &'static str> {
    let is_wire = match plan.segments[segment].kind {
        SegmentKind::Switch(_) => false,
        SegmentKind::Wire => true,
        _ => return Err("only a switch or a wire can be impaired: impair the one that it is over"),
    };
    let other_end = |member: Member| members.iter().copied().filter(move |other| *other != member);
    let egresses: Vec<Egress> = match crossing {
        Crossing::All if is_wire => members.iter().copied().map(Egress::Interface).collect(),
        Crossing::All => members.iter().copied().map(Egress::Port).collect(),
        Crossing::From(from) => vec![Egress::Interface(from)],
        Crossing::To(to) if is_wire => other_end(to).map(Egress::Interface).collect(),
        Crossing::To(to) => vec![Egress::Port(to)],
        _ => return Err("netem does not look at where a frame comes from and where it goes to"),
    };
    for egress in &egresses {
        let (Egress::Interface((host, nth)) | Egress::Port((host, nth))) = *egress;
        let sends = matches!(egress, Egress::Interface(_));
        if let Some(why) = plan.hosts[host].interfaces[nth].device.without_a_queue(sends) {
            return Err(why);
        }
    }
    Ok(egresses)
}

/// Whether the kernel does exactly what a relay would, and counts it. Where there is chance it does not: all frames share what the seed leads to,
/// also those that kernels send when they like, older kernels know of no seed, and none counts copies or flipped bits. Nor has netem a queue
/// for the rate alone.
pub(in crate::impair) fn is_exact(impairment: &Impairment) -> bool {
    let mut certain = Impairment::new().delay(impairment.delay);
    certain.distribution = impairment.distribution;
    certain.rate = impairment.rate;
    certain.limit = impairment.limit.filter(|_| impairment.delay.is_zero());
    *impairment == certain || (*impairment == certain.loss(Percent::ALL))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use netns_test_topology::{Drawing, DrawnDevice, DrawnHost, DrawnInterface, DrawnSegment, Medium, Rate};

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const A: Member = (0, 0);
    const B: Member = (1, 0);
    const TAP: Member = (2, 0);
    const MACVLAN: Member = (3, 0);

    /// Two hosts, a tap and a macvlan on a switch, which is segment 0; the hosts have a wire, segment 1, and a VLAN, segment 2.
    fn plan() -> Plan {
        let segment = |name: &str, medium, over: Option<&str>| DrawnSegment {
            name: name.to_owned(),
            medium,
            over: over.map(str::to_owned),
            ..DrawnSegment::default()
        };
        let on =
            |segment: &str, device| DrawnInterface { segment: segment.to_owned(), device, ..DrawnInterface::default() };
        let host = |name: &str, interfaces| DrawnHost { name: name.to_owned(), interfaces, ..DrawnHost::default() };
        let plain = || ["lan", "wire", "vlan"].map(|segment| on(segment, DrawnDevice::Plain)).to_vec();
        let vlan = Medium::Vlan { id: 10, protocol: None };
        let drawing = Drawing {
            segments: vec![
                segment("lan", Medium::Switch, None),
                segment("wire", Medium::Veth, None),
                segment("vlan", vlan, Some("lan")),
            ],
            hosts: vec![
                host("a", plain()),
                host("b", plain()),
                host("tap", vec![on("lan", DrawnDevice::Tap)]),
                host("macvlan", vec![on("lan", DrawnDevice::Macvlan)]),
            ],
            ..Drawing::default()
        };
        drawing.plan().unwrap()
    }

    /// Where the impairments of these crossings are, by the places of those in the list.
    fn of(segment: usize, members: &[Member], crossings: &[Crossing]) -> Result<Vec<(Egress, u64)>, &'static str> {
        let wanted = |&crossing: &Crossing| Wanted { crossing, impairment: Impairment::new().delay(MS), seed: 0 };
        let wanted = (0..).zip(crossings.iter().map(wanted)).collect();
        let egresses = can(&plan(), segment, members, &wanted)?;
        Ok(egresses.into_iter().map(|(egress, (number, _))| (egress, number)).collect())
    }

    #[test]
    fn on_a_switch_the_receivers_port_or_the_sender_impairs() {
        let members = [A, B, TAP];
        let ports = members.map(|member| (Egress::Port(member), 0)).to_vec();
        assert_eq!(of(0, &members, &[Crossing::All]), Ok(ports.clone()));
        assert_eq!(of(0, &members, &[Crossing::To(TAP)]), Ok(vec![(Egress::Port(TAP), 0)]));
        assert_eq!(of(0, &members, &[Crossing::From(A)]), Ok(vec![(Egress::Interface(A), 0)]));
        let both = [vec![(Egress::Interface(A), 1)], ports].concat();
        assert_eq!(of(0, &members, &[Crossing::All, Crossing::From(A)]), Ok(both));
    }

    #[test]
    fn on_a_wire_the_sender_impairs() {
        let (a, b) = ((0, 1), (1, 1));
        let all = vec![(Egress::Interface(a), 0), (Egress::Interface(b), 0)];
        assert_eq!(of(1, &[a, b], &[Crossing::All]), Ok(all));
        assert_eq!(of(1, &[a, b], &[Crossing::From(a)]), Ok(vec![(Egress::Interface(a), 0)]));
        assert_eq!(of(1, &[a, b], &[Crossing::To(a)]), Ok(vec![(Egress::Interface(b), 0)]));
        let twice = of(1, &[a, b], &[Crossing::From(a), Crossing::To(b)]);
        assert_eq!(twice, Err("netem does one thing to a frame, not two in turn"));
    }

    #[test]
    fn who_has_left_is_not_impaired_and_may_come_back() {
        assert_eq!(of(0, &[A], &[Crossing::From(B)]), Ok(vec![]));
        assert_eq!(of(0, &[A], &[Crossing::To(B), Crossing::From(A)]), Ok(vec![(Egress::Interface(A), 1)]));
    }

    #[test]
    fn what_netem_cannot_is_refused() {
        let members = [A, B, TAP];
        let why = |members: &[Member], crossings: &[Crossing]| of(0, members, crossings).unwrap_err();
        assert!(why(&members, &[Crossing::Between(A, B)]).contains("where it goes to"));
        assert!(why(&members, &[Crossing::From(TAP)]).contains("written to a tap"));
        assert!(why(&[A, MACVLAN], &[Crossing::All]).contains("macvtaps or ipvlans of a segment share one"));
        assert!(why(&members, &[Crossing::To(MACVLAN)]).contains("macvtaps or ipvlans of a segment share one"));
        assert!(why(&members, &[Crossing::All, Crossing::To(A)]).contains("not two"));
        assert!(of(2, &[(0, 2), (1, 2)], &[Crossing::All]).unwrap_err().contains("over"));
        let plan = plan();
        let alone = |impairment| {
            let wanted = BTreeMap::from([(0, Wanted { crossing: Crossing::From(A), impairment, seed: 0 })]);
            can(&plan, 0, &members, &wanted).map(|egresses| egresses.len())
        };
        assert!(alone(Impairment::new().mtu_black_hole(1400)).unwrap_err().contains("black hole"));
        assert!(alone(Impairment::new().jitter(Duration::from_millis(2148))).unwrap_err().contains("2.147 s"));
        assert_eq!(alone(Impairment::new().jitter(Duration::from_millis(2147))), Ok(1));
    }

    #[test]
    fn chance_and_a_queue_beside_a_delay_are_not_exactly_a_relays() {
        let (nothing, one) = (Impairment::new(), Percent::new(1.0));
        let rate = nothing.rate(Rate::mbit(5));
        for exact in [nothing, Impairment::black_hole(), nothing.delay(MS), rate, rate.limit(5), rate.delay(MS)] {
            assert!(is_exact(&exact), "{exact}");
        }
        for chance in [
            nothing.loss(one),
            nothing.burst_loss(one, one),
            nothing.delay(MS).jitter(MS),
            nothing.duplicate(one),
            nothing.delay(MS).reorder(one),
            nothing.corrupt(one),
            rate.delay(MS).limit(5),
        ] {
            assert!(!is_exact(&chance), "{chance}");
        }
    }
}
