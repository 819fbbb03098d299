// The name of a host is one that the resolver takes.

use netns_test::{Host, netns_test};

#[netns_test(veth = true)]
fn test(alice: Host, zoë: Host) {}

fn main() {}
