//! What holds for every drawing: of plans that they work, of complaints that they point somewhere.

mod anything;
#[path = "../common/mod.rs"]
mod common;
mod pictures;
mod places;
mod prefixes;
mod simulation;
mod sketch;

use std::collections::{HashMap, HashSet};

use netns_test_topology::*;
use proptest::prelude::*;

use anything::any_drawing;
use places::exists;
use simulation::{End, Simulation, same_family, seen, speaks};
use sketch::sketches;

fn check_plan(plan: &Plan) {
    for (index, host) in plan.hosts.iter().enumerate() {
        let names: HashSet<_> = host.interfaces.iter().map(|interface| interface.name.as_str()).collect();
        assert_eq!(names.len(), host.interfaces.len(), "{host:?}");
        for (number, interface) in host.interfaces.iter().enumerate() {
            assert!(interface.lower.is_none_or(|lower| lower < number));
            let segment = &plan.segments[interface.segment];
            assert!(segment.members.contains(&(index, number)));
            assert_eq!(interface.addresses.len(), segment.subnets.len());
            for (net, subnet) in interface.addresses.iter().zip(&segment.subnets) {
                assert_eq!(net.trunc(), *subnet);
                let of_two = net.prefix_len() >= net.max_prefix_len() - 1;
                assert!(of_two || net.addr() != net.network(), "{net}");
                assert!(of_two || net.addr().is_ipv6() || net.addr() != net.broadcast(), "{net}");
            }
        }
    }
    for segment in &plan.segments {
        let addresses = segment.members.iter().flat_map(|&(host, i)| &plan.hosts[host].interfaces[i].addresses);
        let addresses: Vec<_> = addresses.map(IpNet::addr).collect();
        assert_eq!(addresses.iter().collect::<HashSet<_>>().len(), addresses.len(), "{segment:?}");
    }
}

/// Impairments are those of switches, of interfaces on them, and each does something.
fn check_impairments(plan: &Plan) {
    for segment in &plan.segments {
        assert!(segment.impairments.is_empty() || matches!(segment.kind, SegmentKind::Switch(_)), "{segment:?}");
        for plan in &segment.impairments {
            let ends = match plan.crossing {
                Crossing::All => vec![],
                Crossing::From(end) | Crossing::To(end) => vec![end],
                Crossing::Between(from, to) => vec![from, to],
                other => panic!("{other:?}"),
            };
            assert!(ends.iter().all(|end| segment.members.contains(end)), "{segment:?}");
            assert!(!plan.impairment.is_none() && plan.impairment.complaints().is_empty(), "{segment:?}");
        }
        let crossings: HashSet<_> = segment.impairments.iter().map(|plan| plan.crossing).collect();
        assert_eq!(crossings.len(), segment.impairments.len(), "{segment:?}");
    }
}

/// All of them are of interfaces with nothing written.
fn check_macs(plan: &Plan) {
    let mut macs = HashMap::new();
    for interface in plan.hosts.iter().flat_map(|host| &host.interfaces) {
        let device_of = (interface.device == Device::Ipvlan).then_some(interface.segment);
        let other = macs.insert(interface.mac, device_of);
        assert!(other.is_none_or(|other| other.is_some() && other == device_of), "{interface:?}");
    }
}

/// All of them follow from the drawing.
fn check_routes(plan: &Plan) {
    for host in &plan.hosts {
        let mut destinations = HashSet::new();
        for route in &host.routes {
            let Way::Via { gateway, interface } = route.way else { panic!("{route:?}") };
            let interface = &host.interfaces[interface];
            assert!(destinations.insert((interface.vrf, route.to)), "{host:?}");
            let routers =
                plan.segments[interface.segment].members.iter().filter(|(host, _)| plan.hosts[*host].forwarding);
            let mut addresses =
                routers.flat_map(|&(host, interface)| &plan.hosts[host].interfaces[interface].addresses);
            assert!(addresses.any(|net| net.addr() == gateway), "{gateway} in {host:?}");
        }
    }
}

/// Sends from everywhere to everywhere.
fn check_forwarding(plan: &Plan) {
    let simulation = Simulation::new(plan);
    let hides = plan.hosts.iter().any(|host| !host.nat.is_empty());
    for (source, from) in plan.hosts.iter().enumerate() {
        let tables: HashSet<_> = from.interfaces.iter().filter(|i| speaks(i)).map(|i| i.vrf).collect();
        for (target, to) in plan.hosts.iter().enumerate() {
            let speaking = || to.interfaces.iter().filter(|interface| speaks(interface));
            let mut arrived = source == target || tables.is_empty() || speaking().next().is_none();
            for interface in speaking() {
                for address in interface.addresses.iter().map(IpNet::addr) {
                    for &vrf in &tables {
                        let has = |i: &&InterfacePlan| i.addresses.iter().any(|net| same_family(net.addr(), address));
                        let own = from.interfaces.iter().filter(|i| i.vrf == vrf && speaks(i)).filter(has);
                        let own: HashSet<_> = own.map(|i| i.segment).collect();
                        let end = simulation.send(source, vrf, address);
                        assert_ne!(end, End::Loop, "{} to {address}: {plan:#?}", from.name);
                        if source != target {
                            let is_seen = seen(plan, own, address).contains(&interface.segment);
                            let delivered = end == End::Delivered(target);
                            assert_eq!(delivered, is_seen, "{} to {address}: {end:?} {plan:#?}", from.name);
                        }
                        arrived |= end == End::Delivered(target);
                    }
                }
            }
            assert!(arrived || hides, "{} does not reach {}: {plan:#?}", from.name, to.name);
        }
    }
}

fn check_complaints(complaints: &Complaints, drawing: &Drawing) {
    assert!(complaints.iter().next().is_some());
    for complaint in complaints {
        assert!(exists(complaint.place, drawing), "{complaint:?}");
        assert!(!complaint.message.is_empty() && !complaint.message.ends_with('.'), "{complaint:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_works(sketch in sketches()) {
        let drawing = sketch.draw();
        match drawing.plan() {
            Ok(plan) => {
                check_plan(&plan);
                check_macs(&plan);
                check_impairments(&plan);
                check_routes(&plan);
                check_forwarding(&plan);
            }
            Err(complaints) => check_complaints(&complaints, &drawing),
        }
    }

    #[test]
    fn nothing_panics(drawing in any_drawing()) {
        let checked = drawing.check();
        match drawing.plan() {
            Ok(plan) => {
                check_plan(&plan);
                check_impairments(&plan);
                prop_assert_eq!(checked, []);
            }
            Err(complaints) => {
                check_complaints(&complaints, &drawing);
                prop_assert!(checked.iter().all(|known| complaints.iter().any(|complaint| complaint == known)));
            }
        }
    }
}

/// A property of plans says nothing where there are none.
#[test]
fn many_sketches_have_a_plan() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut plans = [0; 4];
    for _ in 0..1000 {
        let drawing = sketches().new_tree(&mut runner).unwrap().current().draw();
        let Ok(plan) = drawing.plan() else { continue };
        plans[0] += 1;
        plans[1] += usize::from(plan.hosts.iter().any(|host| !host.routes.is_empty()));
        plans[2] += usize::from(plan.hosts.iter().any(|host| !host.nat.is_empty()));
        plans[3] += usize::from(plan.segments.iter().any(|segment| segment.impairments.len() > 1));
    }
    let enough = plans[0] > 200 && plans[1] > 100 && plans[2] > 50 && plans[3] > 50;
    assert!(enough, "{plans:?} of 1000 drawings");
}
