// An option that nearly exists is corrected.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, rout(default, via = a))]
    b: Host,
}

fn main() {}
