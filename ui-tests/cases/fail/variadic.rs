// A test is not variadic.

use netns_test::{Host, netns_test};

#[netns_test]
fn test(alice: Host, _: ...) {}

fn main() {}
