// A need is written once.

use netns_test::{Host, netns_test};

#[netns_test(requires(vlan, sctp, vlan, program = "nft", program = "tc", program = "nft"))]
fn test(alice: Host) {}

fn main() {}
