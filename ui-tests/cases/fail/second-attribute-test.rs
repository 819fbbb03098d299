// `#[test]` is not needed.

use netns_test::{Host, netns_test};

#[netns_test]
#[test]
fn test(alice: Host) {}

fn main() {}
