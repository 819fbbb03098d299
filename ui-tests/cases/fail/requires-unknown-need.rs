// A need that nearly exists is corrected.

use netns_test::{Host, netns_test};

#[netns_test(requires(vlna))]
fn test(alice: Host) {}

fn main() {}
