// `crate` is absolute: which crate it is must not depend on the module of the test.

use netns_test::{Host, netns_test};

#[netns_test(crate = netns_test)]
fn test(alice: Host, bob: Host) {}

fn main() {}
