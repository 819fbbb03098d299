//! The rules that make a plan of a drawing.
//!
//! A drawing is flattened to a [`Network`](network::Network). Then each file resolves the words of one kind and has the rules
//! about them; a rule that refuses a thing leaves a gap in the network, over which later ones step without a word. What nobody
//! complains about is built.

mod addresses;
mod automatic;
mod build;
mod clashes;
mod flatten;
mod forwards;
mod gateways;
mod hosts;
mod impairments;
mod interfaces;
mod members;
mod names;
mod nat;
mod neighbours;
mod network;
mod paths;
mod reachability;
mod report;
mod routes;
mod segments;
mod subnets;
mod sysctls;
mod vrfs;

use std::ops::RangeInclusive;

use crate::{Complaint, Complaints, Drawing, Plan};
pub use addresses::check_address;
use automatic::Automatic;
use network::Network;
use report::Report;
pub use segments::MTU_IPV6;

/// MTUs that a segment can have, in bytes: from the least that IPv4 allows (RFC 791) to the most that a packet can have.
pub const MTU: RangeInclusive<u32> = 68..=65_535;

/// The most interfaces on one switch: ports of a Linux bridge (`BR_MAX_PORTS` less one in `net/bridge/br_private.h`).
pub const SWITCH_PORTS: usize = 1023;

/// The most hosts of a lab. No machine has room for more.
pub const HOSTS: usize = 65_536;

impl Drawing {
    /// Checks everything, names interfaces, allocates addresses and finds routes.
    ///
    /// The same drawing has the same plan.
    ///
    /// # Errors
    /// All complaints at once, in the order of the drawing, each with its place. What merely follows from another mistake is not
    /// among them. A nested topology that nobody has seen cannot be built, and is one of them; [`Drawing::check`] is for those.
    ///
    /// ```
    /// use netns_test_topology::{Drawing, DrawnHost, DrawnInterface, DrawnSegment};
    ///
    /// let lan = DrawnSegment { name: "lan".into(), subnets: vec!["10.0.1.0/24".into()], ..Default::default() };
    /// let on = |segment: &str| vec![DrawnInterface { segment: segment.into(), ..Default::default() }];
    /// let host = |name: &str, segment| DrawnHost { name: name.into(), interfaces: on(segment), ..Default::default() };
    /// let mut drawing = Drawing { segments: vec![lan], hosts: vec![host("a", "lan"), host("b", "lan")], ..Default::default() };
    /// let plan = drawing.plan().unwrap();
    /// assert_eq!(plan.hosts[1].interfaces[0].addresses[0].to_string(), "10.0.1.2/24");
    ///
    /// drawing.hosts[1].interfaces = on("lam");
    /// let complaints = drawing.plan().unwrap_err();
    /// assert_eq!(complaints.to_string(), "host `b`: it is on `lam`, which is no segment\nhelp: did you mean `lan`?");
    /// ```
    pub fn plan(&self) -> Result<Plan, Complaints> {
        let mut report = Report::default();
        let network = resolve(self, &mut report);
        flatten::all_is_seen(&network, &mut report);
        let mut automatic = Automatic::new(&network);
        clashes::check(&network, &automatic, &mut report);
        Complaints::unless_empty(report.in_order(), || build::build(&network, &mut automatic))
    }

    /// The complaints that [`Drawing::plan`] would have, as far as they can be known: about what is within nested topologies that
    /// nobody has seen, and about what that could be the answer to, nothing is said.
    pub fn check(&self) -> Vec<Complaint> {
        let mut report = Report::default();
        let network = resolve(self, &mut report);
        clashes::check(&network, &Automatic::new(&network), &mut report);
        report.in_order()
    }
}

/// Resolves all words, and checks what does not need the routes that follow.
fn resolve<'d>(drawing: &'d Drawing, report: &mut Report) -> Network<'d> {
    let mut network = flatten::flatten(drawing, report);
    segments::resolve(&mut network, report);
    interfaces::resolve(&mut network, report);
    impairments::resolve(&mut network, report);
    names::resolve(&mut network, report);
    addresses::resolve(&mut network, report);
    nat::resolve(&mut network, report);
    routes::resolve(&mut network, report);
    nat::answers(&network, report);
    neighbours::resolve(&mut network, report);
    forwards::resolve(&mut network, report);
    members::check(&network, report);
    subnets::capacities(&network, report);
    hosts::check(&network, report);
    sysctls::check(&network, report);
    reachability::check(&network, report);
    network
}
