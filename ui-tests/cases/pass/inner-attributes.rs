// Attributes within the body stay there.

#![deny(unused_variables)]

use netns_test::{Host, netns_test};

#[netns_test]
fn allowed_inside(alice: Host) {
    #![allow(unused_variables)]
    let unused = alice;
}

fn main() {}
