// `mtu` is what a packet can have.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, mtu = 65536)]
fn test(alice: Host, bob: Host) {}

fn main() {}
