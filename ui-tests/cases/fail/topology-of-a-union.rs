// A topology is a struct.

use netns_test::prelude::*;

#[derive(Topology)]
union Net {
    number: u8,
}

fn main() {}
