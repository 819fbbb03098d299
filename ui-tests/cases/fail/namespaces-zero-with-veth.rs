// Where there are no hosts there is nothing that joins them.

use netns_test::prelude::*;

#[netns_test(namespaces = 0, veth = true, mtu = 1400)]
fn test() {}

fn main() {}
