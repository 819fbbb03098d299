// What stands above the fields does not stand above the struct.

use netns_test::prelude::*;

#[derive(Topology)]
#[host(lan)]
#[segment("10.0.0.0/24")]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
