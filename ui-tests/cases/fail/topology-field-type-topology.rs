// A field with `#[topology]` is of a type that derives it.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
    #[topology]
    wrong: String,
}

fn main() {}
