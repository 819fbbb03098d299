// `namespaces` is at least 1.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = 0)]
fn test(alice: Host, bob: Host) {}

fn main() {}
