// Hosts of a topology are bound by name.

use netns_test::prelude::*;

#[derive(Topology)]
struct Pair {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

#[netns_test(topology = Pair)]
fn test(a: Host, _: Host) {}

fn main() {}
