// Subnets do not overlap.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnets = ["10.0.0.0/16", "10.0.1.0/24"])]
fn test(alice: Host, bob: Host) {}

fn main() {}
