// `namespaces` is at most as many as a switch has ports.

use netns_test::netns_test;

#[netns_test(namespaces = 1024)]
fn test() {}

fn main() {}
