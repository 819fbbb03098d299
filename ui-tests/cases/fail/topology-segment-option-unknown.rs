// An option that nearly exists is corrected.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", mtuu = 1400)]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
