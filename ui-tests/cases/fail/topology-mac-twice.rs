// A MAC address is that of one machine on the segment.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan(mac = "02:00:00:00:00:aa"))]
    a: Host,
    #[host(lan(mac = "02:00:00:00:00:aa"))]
    b: Host,
}

fn main() {}
