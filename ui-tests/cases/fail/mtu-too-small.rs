// `mtu` is what IPv4 can work with.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, ipv6 = false, mtu = 67)]
fn test(alice: Host, bob: Host) {}

fn main() {}
