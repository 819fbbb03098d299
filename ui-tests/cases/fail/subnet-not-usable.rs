// A subnet is one that hosts can have addresses from.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnet = "127.0.0.0/8")]
fn test(alice: Host, bob: Host) {}

fn main() {}
