// There are as many `Host` parameters as namespaces, not fewer, unless there are none.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = 3, veth = true)]
fn test(alice: Host, bob: Host) {}

fn main() {}
