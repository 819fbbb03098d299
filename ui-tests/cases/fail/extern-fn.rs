// A test is not `extern`.

use netns_test::{Host, netns_test};

#[netns_test()]
extern "C" fn test(alice: Host) {}

fn main() {}
