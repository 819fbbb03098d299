// There are as many `Host` parameters as namespaces, not more.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = 2, veth = true)]
fn test(alice: Host, bob: Host, carol: Host, dave: Host) {}

fn main() {}
