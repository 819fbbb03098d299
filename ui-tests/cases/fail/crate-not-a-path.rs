// `crate` is a path.

use netns_test::{Host, netns_test};

#[netns_test(crate = 1)]
fn test(alice: Host, bob: Host) {}

fn main() {}
