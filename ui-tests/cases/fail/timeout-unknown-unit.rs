// `timeout` has a unit that exists.

use netns_test::{Host, netns_test};

#[netns_test(timeout = "10sec")]
fn test(alice: Host, bob: Host) {}

fn main() {}
