// The derive's expansion is clean under lints that forbid much, and fields that no test reads are not dead code. This one is also a
// test target, for clippy and for dead code.

#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, elided_lifetimes_in_paths)]
#![deny(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::unwrap_in_result)]
#![forbid(unsafe_code)]
#![no_implicit_prelude]
//! Documented.

use ::core::prelude::v1::{Clone, Debug, derive};
use ::netns_test::{Host, Segment, Topology, netns_test};

/// Public, with public fields and others.
#[derive(Clone, Debug, Topology)]
#[topology(routes = "none")]
pub struct Public<const N: usize> {
    /// A segment.
    #[segment("10.0.1.0/24", "fd00:1::/64", mtu = 1400, bridge(stp = false))]
    pub lan: Segment,
    /// Hosts.
    #[host(lan(mtu = 1300), route("10.9.0.0/16"), sysctl("net.ipv4.ip_default_ttl" = 65))]
    pub clients: [Host; N],
    #[host(lan)]
    unread: Host,
}

#[derive(Topology)]
struct Private {
    #[segment("10.0.2.0/24")]
    unread: Segment,
    #[host(unread = "10.0.2.7")]
    not_read: Host,
    #[topology(lan = unread)]
    inner: Public<2>,
}

#[netns_test]
fn of_a_parameter(net: Public<3>) {
    let _ = &net.lan;
}

#[netns_test]
async fn of_an_unused_parameter(_net: Private) {}

#[netns_test(topology = Private)]
fn of_an_option(not_read: Host, unread: Segment) {
    let _ = (&not_read, &unread);
}

fn main() {}
