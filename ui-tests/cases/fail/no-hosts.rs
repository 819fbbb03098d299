// There is at least one host.

use netns_test::netns_test;

#[netns_test(timeout = "10s")]
fn test() {}

fn main() {}
