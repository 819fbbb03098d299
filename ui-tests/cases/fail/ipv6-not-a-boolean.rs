// `ipv6` is `true` or `false`.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, ipv6 = "no")]
fn test(alice: Host, bob: Host) {}

fn main() {}
