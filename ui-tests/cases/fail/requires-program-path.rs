// The name of a program is no path.

use netns_test::{Host, netns_test};

#[netns_test(requires(program = "/usr/sbin/nft"))]
fn test(alice: Host) {}

fn main() {}
