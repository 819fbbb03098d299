// Without `veth = true` the attribute draws no segment.

use netns_test::prelude::*;

#[netns_test]
fn test(a: Host, b: Host, lan: Segment) {}

fn main() {}
