// An option starts with its name.

use netns_test::{Host, netns_test};

#[netns_test(2, veth = true)]
fn test(alice: Host, bob: Host) {}

fn main() {}
