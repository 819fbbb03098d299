// `mtu` is what IPv6 can work with where there is IPv6.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, mtu = 1000)]
fn test(alice: Host, bob: Host) {}

fn main() {}
