//! Which complaints may be about nothing but what could not be read.
//!
//! The mistakes that are independent of each other are reported in one build; a complaint that another mistake may have caused can
//! wait for the next.

use netns_test_topology::{HostName, HostPart, InterfacePart, NestedPart, Place, SegmentName, SegmentPart};
use proc_macro2::TokenStream;

use crate::derive::parse::{Field, Topology};

/// Whether what could not be read may have caused a complaint about these tokens.
pub(super) fn may_be_one(topology: &Topology, place: Place, at: &TokenStream) -> bool {
    // Something is there under that name, and what it is was said wrongly.
    if topology.lost.iter().any(|name| at.to_string().trim_start_matches("r#").trim_start_matches('_') == name) {
        return true;
    }
    match place {
        Place::Segment(index, part) => topology.segments.get(index).is_some_and(|segment| match part {
            SegmentPart::Whole if segment.drawn.name.parse::<SegmentName>().is_err() => false,
            SegmentPart::Whole => !is_read(topology),
            SegmentPart::Medium => !segment.is_read,
            SegmentPart::Subnet(_) | SegmentPart::Mtu => !hosts_are_read(topology),
            _ => false,
        }),
        Place::Host(index, part) => topology.hosts.get(index).is_some_and(|host| match part {
            HostPart::Whole if host.drawn.name.parse::<HostName>().is_err() => false,
            HostPart::Whole if host.drawn.interfaces.is_empty() => !host.is_read,
            HostPart::Interface(_, InterfacePart::Mac | InterfacePart::Name | InterfacePart::Vrf)
            | HostPart::Sysctl(_) => false,
            HostPart::Interface(interface, _) => {
                let joined = host.drawn.interfaces.get(interface).map(|interface| &interface.segment);
                !topology.segments.iter().all(|segment| segment.is_read || Some(&segment.drawn.name) != joined)
            }
            _ => !is_read(topology),
        }),
        Place::Nested(_, NestedPart::Whole) | Place::Routes => !is_read(topology),
        _ => false,
    }
}

/// Whether it is known of every field what it is and all that was said about it.
fn is_read(topology: &Topology) -> bool {
    let segments = topology.segments.iter().all(|segment| segment.is_read);
    hosts_are_read(topology) && segments && topology.lost.is_empty()
}

fn hosts_are_read(topology: &Topology) -> bool {
    let all = |fields: &[bool]| fields.iter().all(|is_read| *is_read);
    all(&read(&topology.hosts)) && all(&read(&topology.nested))
}

fn read<D, P>(fields: &[Field<D, P>]) -> Vec<bool> {
    fields.iter().map(|field| field.is_read).collect()
}
