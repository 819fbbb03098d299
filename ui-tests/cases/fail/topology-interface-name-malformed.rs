// The name of an interface is one that the kernel takes.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(name = "up/link"))]
    b: Host,
}

fn main() {}
