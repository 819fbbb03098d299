// `timeout` has a unit.

use netns_test::{Host, netns_test};

#[netns_test(timeout = "10")]
fn test(alice: Host, bob: Host) {}

fn main() {}
