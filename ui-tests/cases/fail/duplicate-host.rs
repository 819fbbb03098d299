// Hosts have names of their own; underscores in front do not count.

use netns_test::{Host, netns_test};

#[netns_test(veth = true)]
fn test(alice: Host, _alice: Host) {}

fn main() {}
