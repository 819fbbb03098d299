// `topology` is the type of a topology.

use netns_test::prelude::*;

#[netns_test(topology = "Pair")]
fn test(a: Host, b: Host) {}

fn main() {}
