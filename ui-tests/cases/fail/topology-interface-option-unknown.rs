// An option that nearly exists is corrected.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(adress = "10.0.0.5"))]
    b: Host,
}

fn main() {}
