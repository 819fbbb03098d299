// `subnet` needs `veth`.

use netns_test::{Host, netns_test};

#[netns_test(subnet = "10.0.0.0/24")]
fn test(alice: Host, bob: Host) {}

fn main() {}
