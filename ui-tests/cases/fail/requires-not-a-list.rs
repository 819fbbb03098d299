// The list of `requires` is in parentheses.

use netns_test::{Host, netns_test};

#[netns_test(requires = [vlan, program = "nft"])]
fn test(alice: Host) {}

fn main() {}
