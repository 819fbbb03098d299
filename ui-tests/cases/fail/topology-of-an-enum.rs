// A topology is a struct.

use netns_test::prelude::*;

#[derive(Topology)]
enum Net {
    Lan(Segment),
}

fn main() {}
