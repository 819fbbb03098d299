//! What could not be read.
//!
//! It is drawn as something out of sight, as a nested topology is: there rules have their own way of being silent about what may be no more than a
//! consequence. So independent mistakes are reported in one build with those of the reader, and nothing is accused that another mistake
//! has caused.

use netns_test_topology::{Drawing, DrawnInterface, DrawnNested, Medium, Place, SegmentName, SegmentPart};
use proc_macro2::TokenStream;

use crate::derive::parse::{Count, Topology, name};

/// The name of something out of sight: no field is called so.
const NESTED: &str = "0";

/// The name of a segment in it.
const SEGMENT: &str = "0-0";

/// Draws what could not be read.
pub(super) fn draw(topology: &Topology, drawing: &mut Drawing) {
    let hosts = drawing.hosts.iter_mut().zip(&topology.hosts);
    for (host, _) in hosts.filter(|(_, field)| !field.is_read) {
        // Two, since one is not enough for a router.
        let interface = DrawnInterface { segment: SEGMENT.to_owned(), ..DrawnInterface::default() };
        host.interfaces.extend([interface.clone(), interface]);
    }
    let segments = drawing.segments.iter_mut().zip(&topology.segments);
    for (segment, _) in segments.filter(|(_, field)| !field.is_read) {
        // It may be of another medium, over another segment, and have other subnets: one that cannot be used stands for them.
        segment.over = match segment.medium {
            Medium::Switch | Medium::Veth | Medium::Dummy => None,
            _ => segment.over.take().or_else(|| Some(SEGMENT.to_owned())),
        };
        segment.subnets.push(String::new());
        // It may name an engine that goes with the knobs.
        (segment.bridge.stp, segment.bridge.vlan_filtering) = (None, None);
    }
    // Whatever it is, it may join any of the segments, and route between them.
    let shares = drawing.segments.iter().map(|segment| (segment.name.clone(), segment.name.clone())).collect();
    drawing.nested.push(DrawnNested { name: NESTED.to_owned(), shares, drawing: None });
}

/// Draws what may be called like one of an array whose length only the compiler knows.
pub(super) fn draw_numbers(topology: &Topology, drawing: &mut Drawing) {
    for field in topology.hosts.iter().filter(|field| field.count == Count::Unknown) {
        let name = &field.drawn.name;
        let is_free = drawing.nested.iter().all(|nested| nested.name != *name);
        if is_free && name.parse::<SegmentName>().is_ok() {
            drawing.nested.push(DrawnNested { name: name.clone(), ..DrawnNested::default() });
        }
    }
}

/// Whether a complaint is about what could not be read: about the subnet that stands for others, or about the name of a field that is
/// something which nobody can say.
pub(super) fn is_about_it(topology: &Topology, place: Place, at: &TokenStream) -> bool {
    if let Place::Segment(segment, SegmentPart::Subnet(subnet)) = place
        && topology.segments.get(segment).is_some_and(|segment| subnet >= segment.drawn.subnets.len())
    {
        return true;
    }
    syn::parse2(at.clone()).is_ok_and(|ident| topology.lost.contains(&name(&ident)))
}
