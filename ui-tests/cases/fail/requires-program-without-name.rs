// A program has a name.

use netns_test::{Host, netns_test};

#[netns_test(requires(program))]
fn test(alice: Host) {}

fn main() {}
