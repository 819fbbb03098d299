// `mtu` needs `veth`.

use netns_test::{Host, netns_test};

#[netns_test(mtu = 1400)]
fn test(alice: Host, bob: Host) {}

fn main() {}
