// Options are separated by commas.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = 2 veth = true)]
fn test(alice: Host, bob: Host) {}

fn main() {}
