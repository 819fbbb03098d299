// The name of an interface has up to 15 bytes.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(name = "sixteen-bytes-xx"))]
    b: Host,
}

fn main() {}
