// A MAC address has six bytes.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(mac = "02:00:00:00:01"))]
    b: Host,
}

fn main() {}
