// `ipv6 = false` and an IPv6 subnet exclude each other.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, ipv6 = false, subnets = ["10.0.0.0/24", "fd00::/64"])]
fn test(alice: Host, bob: Host) {}

fn main() {}
