// `mtu` is an integer, bytes being its only unit.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, mtu = 1400b)]
fn test(alice: Host, bob: Host) {}

fn main() {}
