// A word stands once.

use netns_test::prelude::*;

#[netns_test(veth = true, delay = "1ms", delay = "2ms")]
fn first(alice: Host, bob: Host) {}

fn main() {}
