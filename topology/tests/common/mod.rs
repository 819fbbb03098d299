//! Short ways to draw.
#![allow(dead_code, reason = "each test file draws other things")]

use netns_test_topology::*;

pub(crate) fn segment(name: &str, subnets: &[&str]) -> DrawnSegment {
    DrawnSegment { name: name.into(), subnets: subnets.iter().map(|&text| text.into()).collect(), ..Default::default() }
}

pub(crate) fn made_of(medium: Medium, name: &str, subnets: &[&str]) -> DrawnSegment {
    DrawnSegment { medium, ..segment(name, subnets) }
}

pub(crate) fn over(lower: &str, medium: Medium, name: &str, subnets: &[&str]) -> DrawnSegment {
    DrawnSegment { over: Some(lower.into()), ..made_of(medium, name, subnets) }
}

pub(crate) fn vlan(id: u32) -> Medium {
    Medium::Vlan { id, protocol: None }
}

pub(crate) fn delay() -> DrawnImpairment {
    DrawnImpairment { delay: Some("20ms".into()), ..Default::default() }
}

pub(crate) fn on(segment: &str) -> DrawnInterface {
    DrawnInterface { segment: segment.into(), ..Default::default() }
}

pub(crate) fn with_address(segment: &str, address: &str) -> DrawnInterface {
    DrawnInterface { addresses: vec![address.into()], ..on(segment) }
}

pub(crate) fn host(name: &str, segments: &[&str]) -> DrawnHost {
    host_with(name, segments.iter().map(|segment| on(segment)).collect())
}

pub(crate) fn host_with(name: &str, interfaces: Vec<DrawnInterface>) -> DrawnHost {
    DrawnHost { name: name.into(), interfaces, ..Default::default() }
}

pub(crate) fn router(name: &str, segments: &[&str]) -> DrawnHost {
    DrawnHost { role: Role::Router, ..host(name, segments) }
}

/// A router that masquerades on the last of its segments.
pub(crate) fn masquerading(name: &str, segments: &[&str]) -> DrawnHost {
    let last = segments.last().expect("a segment");
    DrawnHost { masquerade: vec![(*last).into()], ..router(name, segments) }
}

pub(crate) fn draw(segments: Vec<DrawnSegment>, hosts: Vec<DrawnHost>) -> Drawing {
    Drawing { segments, hosts, ..Default::default() }
}
