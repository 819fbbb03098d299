// `namespaces` is an integer.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = "2")]
fn test(alice: Host, bob: Host) {}

fn main() {}
