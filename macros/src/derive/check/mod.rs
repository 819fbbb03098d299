//! The rules. They are those of `netns_test_topology`; here a complaint gets its place in the source.

mod doubt;
mod place;

use netns_test_topology::{Complaint, Drawing};

use super::parse::{Count, Topology};
use crate::errors::Errors;

/// Has the topology checked. `errors` are those of what could not be read.
pub(super) fn check(topology: &Topology, errors: &mut Errors) {
    let is_read = errors.is_empty();
    for complaint in complaints(topology, is_read) {
        let at = place::tokens(topology, complaint.place);
        if is_read || !doubt::is_about_it(topology, complaint.place, &at) {
            errors.add(at, complaint);
        }
    }
}

/// All complaints. Of arrays whose length only the compiler knows those that are there for one element as well as for two.
fn complaints(topology: &Topology, is_read: bool) -> Vec<Complaint> {
    let of_one = drawing(topology, is_read, 1).check();
    if topology.hosts.iter().all(|host| host.count != Count::Unknown) {
        return of_one;
    }
    let of_two = drawing(topology, is_read, 2).check();
    of_one.into_iter().filter(|complaint| of_two.iter().any(|other| other.place == complaint.place)).collect()
}

/// The drawing, as far as the source tells it: an array of unknown length has so many elements, and what is in nested topologies is not
/// known.
fn drawing(topology: &Topology, is_read: bool, unknown: usize) -> Drawing {
    let mut hosts: Vec<_> = topology.hosts.iter().map(|host| host.drawn.clone()).collect();
    for (drawn, field) in hosts.iter_mut().zip(&topology.hosts) {
        drawn.count = match field.count {
            Count::One => None,
            Count::Known(count) => Some(count),
            Count::Unknown => Some(unknown),
        };
    }
    let mut drawing = Drawing {
        segments: topology.segments.iter().map(|segment| segment.drawn.clone()).collect(),
        hosts,
        nested: topology.nested.iter().map(|nested| nested.drawn.clone()).collect(),
        routes: topology.options.routes.as_ref().map(|routes| routes.value).unwrap_or_default(),
        needs: Vec::new(),
    };
    doubt::draw_numbers(topology, &mut drawing);
    if !is_read {
        doubt::draw(topology, &mut drawing);
    }
    drawing
}
