// The attribute stands on a function once, under whichever name.

use netns_test::{Host, netns_test};

#[netns_test]
#[netns_test(veth = true)]
fn test(alice: Host) {}

#[netns_test]
#[netns_test::test]
fn other(alice: Host) {}

fn main() {}
