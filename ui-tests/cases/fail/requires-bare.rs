// `requires` takes a list.

use netns_test::{Host, netns_test};

#[netns_test(requires)]
fn test(alice: Host) {}

fn main() {}
