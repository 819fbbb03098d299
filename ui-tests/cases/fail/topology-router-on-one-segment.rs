// A router has somewhere to forward to.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[router(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
