// A quantity in a string has a unit, too.

use netns_test::prelude::*;

#[netns_test(veth = true, delay = "20", jitter = "5 ms", loss = "1", rate = "5mbps")]
fn first(alice: Host, bob: Host) {}

fn main() {}
