// A host is taken by value.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test(alice: &Host, bob: &mut Host) {}

fn main() {}
