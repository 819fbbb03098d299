// The kernel has no MTU black holes.

use netns_test::prelude::*;

#[netns_test(veth = true, mtu_black_hole = 1400, engine = "kernel")]
fn first(alice: Host, bob: Host) {}

fn main() {}
