// The kernel has no jitter of more than 2.147 s.

use netns_test::prelude::*;

#[netns_test(veth = true, delay = "3s", jitter = "2.5s", engine = "kernel")]
fn first(alice: Host, bob: Host) {}

fn main() {}
