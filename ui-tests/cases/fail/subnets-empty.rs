// `subnets` has a string in it.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnets = [])]
fn test(alice: Host, bob: Host) {}

fn main() {}
