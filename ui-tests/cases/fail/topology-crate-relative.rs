// `crate` is absolute.

use netns_test::prelude::*;

#[derive(Topology)]
#[topology(crate = netns_test)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
