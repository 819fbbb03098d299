// The segment of the attribute has a name.

use netns_test::prelude::*;

#[netns_test(veth = true)]
fn test(a: Host, b: Host, wire: Segment) {}

fn main() {}
