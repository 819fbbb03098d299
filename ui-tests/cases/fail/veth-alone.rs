// A wire has two ends.

use netns_test::{Host, netns_test};

#[netns_test(veth = true)]
fn test(alice: Host) {}

fn main() {}
