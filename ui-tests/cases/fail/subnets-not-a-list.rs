// `subnets` is a list of strings.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnets = "10.0.0.0/24")]
fn test(alice: Host, bob: Host) {}

fn main() {}
