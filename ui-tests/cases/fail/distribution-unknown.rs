// Jitter is distributed in one of two ways.

use netns_test::prelude::*;

#[netns_test(veth = true, jitter = "1ms", distribution = "pareto")]
fn first(alice: Host, bob: Host) {}

fn main() {}
