// A need is not a string.

use netns_test::{Host, netns_test};

#[netns_test(requires("vlan"))]
fn test(alice: Host) {}

fn main() {}
