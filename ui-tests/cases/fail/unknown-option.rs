// An option that nearly exists is corrected.

use netns_test::{Host, netns_test};

#[netns_test(namespace = 2)]
fn test(alice: Host, bob: Host) {}

fn main() {}
