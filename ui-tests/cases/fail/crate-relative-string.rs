// `crate` is absolute in a string too.

use netns_test::{Host, netns_test};

#[netns_test(crate = "super::netns_test")]
fn test(alice: Host, bob: Host) {}

fn main() {}
