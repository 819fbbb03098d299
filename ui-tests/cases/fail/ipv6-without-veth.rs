// `ipv6` needs `veth`.

use netns_test::{Host, netns_test};

#[netns_test(ipv6 = true)]
fn test(alice: Host, bob: Host) {}

fn main() {}
