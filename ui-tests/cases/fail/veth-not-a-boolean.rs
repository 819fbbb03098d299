// `veth` is `true` or `false`.

use netns_test::{Host, netns_test};

#[netns_test(veth = 1)]
fn test(alice: Host, bob: Host) {}

fn main() {}
