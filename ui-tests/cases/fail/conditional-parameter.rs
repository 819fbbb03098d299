// A parameter is always there.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test(alice: Host, #[cfg(unix)] bob: Host) {}

fn main() {}
