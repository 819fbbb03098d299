// Nothing but a comma follows the list of `requires`.

use netns_test::{Host, netns_test};

#[netns_test(requires(vlan) = true)]
fn test(alice: Host) {}

fn main() {}
