// A parameter has a type, not a family of types.

use netns_test::netns_test;

#[netns_test(namespaces = 2)]
fn test(alice: impl Clone) {}

fn main() {}
