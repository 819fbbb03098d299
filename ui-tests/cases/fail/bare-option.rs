// An option has a value, `true` included.

use netns_test::{Host, netns_test};

#[netns_test(veth)]
fn test(alice: Host, bob: Host) {}

fn main() {}
