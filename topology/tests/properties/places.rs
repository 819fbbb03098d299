//! What there is in a drawing to point at.

use netns_test_topology::*;

fn has(impairment: &DrawnImpairment, part: ImpairmentPart) -> bool {
    impairment.written().any(|written| written == part)
}

/// Whether there is anything at this place.
pub(crate) fn exists(place: Place, drawing: &Drawing) -> bool {
    match place {
        Place::Segment(index, part) => drawing.segments.get(index).is_some_and(|segment| match part {
            SegmentPart::Subnet(n) => n < segment.subnets.len(),
            SegmentPart::Mtu => segment.mtu.is_some(),
            SegmentPart::Over => segment.over.is_some(),
            SegmentPart::Bridge => segment.bridge != DrawnBridge::default(),
            SegmentPart::Medium => segment.medium != Medium::Switch,
            SegmentPart::Impairment(part) => has(&segment.impairment, part),
            SegmentPart::Engine => segment.engine.is_some(),
            SegmentPart::Pair(n, part) => segment.pairs.get(n).is_some_and(|pair| match part {
                PairPart::Impairment(part) => has(&pair.impairment, part),
                _ => true,
            }),
            _ => true,
        }),
        Place::Host(index, part) => drawing.hosts.get(index).is_some_and(|host| match part {
            HostPart::Count => host.count.is_some(),
            HostPart::Isolated => host.isolated,
            HostPart::Interface(n, part) => host.interfaces.get(n).is_some_and(|interface| match part {
                InterfacePart::Address(n) => n < interface.addresses.len(),
                InterfacePart::Name => interface.name.is_some(),
                InterfacePart::Mac => interface.mac.is_some(),
                InterfacePart::Mtu => interface.mtu.is_some(),
                InterfacePart::Gateway => interface.gateway.is_some(),
                InterfacePart::Device => interface.device != DrawnDevice::Plain,
                InterfacePart::Vrf => interface.vrf.is_some(),
                InterfacePart::Impairment(part) => has(&interface.impairment, part),
                InterfacePart::Egress(part) => has(&interface.egress, part),
                InterfacePart::Ingress(part) => has(&interface.ingress, part),
                _ => true,
            }),
            HostPart::Route(n, part) => {
                host.routes.get(n).is_some_and(|route| part != RoutePart::Via || route.via.is_some())
            }
            HostPart::Neighbour(n, _) => n < host.neighbours.len(),
            HostPart::Sysctl(n) => n < host.sysctls.len(),
            HostPart::Masquerade(n) => n < host.masquerade.len(),
            HostPart::SourceNat(n, _) => n < host.source_nat.len(),
            HostPart::PortForward(n, part) => {
                host.forwards.get(n).is_some_and(|forward| part != PortForwardPart::ToPort || forward.to_port.is_some())
            }
            HostPart::Hairpin => host.hairpin,
            _ => true,
        }),
        Place::Nested(index, part) => drawing.nested.get(index).is_some_and(|nested| match part {
            NestedPart::Inner(n) | NestedPart::Outer(n) => n < nested.shares.len(),
            _ => true,
        }),
        _ => false,
    }
}
