// A subnet has no host bits.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnets = ["fd00::/64", "10.0.0.1/24"])]
fn test(alice: Host, bob: Host) {}

fn main() {}
