// A MAC address is that of one machine.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(mac = "03:00:00:00:00:01"))]
    b: Host,
}

fn main() {}
