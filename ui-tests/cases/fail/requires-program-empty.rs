// The name of a program is not empty.

use netns_test::{Host, netns_test};

#[netns_test(requires(program = ""))]
fn test(alice: Host) {}

fn main() {}
