// A subnet stands by itself.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment(subnet = "10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
