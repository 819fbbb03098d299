// Every field has an attribute that says what it is.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    lan: Segment,
    a: Host,
    many: [Host; 2],
    inner: Inner,
}

fn main() {}
