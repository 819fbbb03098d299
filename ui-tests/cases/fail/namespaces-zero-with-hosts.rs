// There are no hosts, or there are parameters for them, not both.

use netns_test::prelude::*;

#[netns_test(namespaces = 0)]
fn test(a: Host, b: Host) {}

fn main() {}
