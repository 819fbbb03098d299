// `timeout` is in its range.

use netns_test::{Host, netns_test};

#[netns_test(timeout = "0s")]
fn test(alice: Host, bob: Host) {}

fn main() {}
