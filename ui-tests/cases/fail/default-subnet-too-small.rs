// The default subnet has an address for each host too.

use netns_test::netns_test;

#[netns_test(namespaces = 300, veth = true)]
fn test() {}

fn main() {}
