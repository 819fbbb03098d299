// A topology says itself what happens to frames.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    alice: Host,
    #[host(lan)]
    bob: Host,
}

#[netns_test(topology = Net, delay = "20ms")]
fn first(alice: Host, bob: Host) {}

fn main() {}
