// A parameter is of a type that a test can have.

use netns_test::netns_test;

#[netns_test(namespaces = 2)]
fn test(_name: String) {}

fn main() {}
