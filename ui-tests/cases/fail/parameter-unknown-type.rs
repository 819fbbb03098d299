// A type that does not exist is reported once.

use netns_test::netns_test;

#[netns_test(namespaces = 2)]
fn test(alice: Hots) {}

fn main() {}
