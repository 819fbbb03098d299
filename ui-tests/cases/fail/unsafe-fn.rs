// A test is not `unsafe`.

use netns_test::{Host, netns_test};

#[netns_test()]
unsafe fn test(alice: Host) {}

fn main() {}
