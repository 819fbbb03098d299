// Between two commas is a need.

use netns_test::{Host, netns_test};

#[netns_test(requires(vlan,, sctp))]
fn test(alice: Host) {}

fn main() {}
