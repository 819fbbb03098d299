// An error in the body is shown where it is, once.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test(alice: Host) {
    let count: u8 = alice;
}

fn main() {}
