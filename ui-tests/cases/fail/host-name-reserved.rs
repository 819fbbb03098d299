// `localhost` is every host.

use netns_test::{Host, netns_test};

#[netns_test(veth = true)]
fn test(alice: Host, localhost: Host) {}

fn main() {}
