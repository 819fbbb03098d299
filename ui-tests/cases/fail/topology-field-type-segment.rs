// A field with `#[segment]` is of type `Segment`.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24")]
    wrong: String,
    #[host(lan, wrong)]
    a: Host,
    #[host(lan, wrong)]
    b: Host,
}

fn main() {}
