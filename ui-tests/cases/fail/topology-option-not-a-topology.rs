// `topology` is the type of a topology.

use netns_test::prelude::*;

#[netns_test(topology = String)]
fn test(_a: Host, _b: Host) {}

fn main() {}
