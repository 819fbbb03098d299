// A test is not generic.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test<T: Default>(alice: Host) {}

fn main() {}
