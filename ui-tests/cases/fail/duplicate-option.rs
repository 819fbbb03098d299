// An option is written once.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, mtu = 1400, veth = false)]
fn test(alice: Host, bob: Host) {}

fn main() {}
