// What a topology requires is something that a machine may have.

use netns_test::prelude::*;

#[derive(Topology)]
#[topology(requires(vlam, program = ""))]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
