// A parameter of type `Segment` is bound by name.

use netns_test::prelude::*;

#[netns_test(veth = true)]
fn test(a: Host, b: Host, _: Segment) {}

fn main() {}
