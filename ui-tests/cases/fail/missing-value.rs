// Something stands behind the `=`.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, mtu =)]
fn test(alice: Host, bob: Host) {}

fn main() {}
