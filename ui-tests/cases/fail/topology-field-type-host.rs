// A field with `#[host]` is of type `Host`, or an array of it.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
    #[host(lan)]
    wrong: Vec<Host>,
}

fn main() {}
