// A program is required by its name, and as one.

use netns_test::{Host, netns_test};

#[netns_test(requires(nft))]
fn test(alice: Host) {}

fn main() {}
