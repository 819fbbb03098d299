// The name of a program is a string.

use netns_test::{Host, netns_test};

#[netns_test(requires(program = 5))]
fn test(alice: Host) {}

fn main() {}
