// A subnet has an address for each host.

use netns_test::netns_test;

#[netns_test(namespaces = 3, veth = true, subnet = "10.0.0.0/30")]
fn test() {}

fn main() {}
