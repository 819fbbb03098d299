// `subnet` and `subnets` exclude each other.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnet = "10.0.0.0/24", subnets = ["fd00::/64"])]
fn test(alice: Host, bob: Host) {}

fn main() {}
