// The names of hosts are different, without underscores in front.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    _a: Host,
}

fn main() {}
