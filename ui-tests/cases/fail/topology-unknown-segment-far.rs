// A host joins segments that are there; if nothing is like the word, they are all told.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(office)]
    b: Host,
}

fn main() {}
