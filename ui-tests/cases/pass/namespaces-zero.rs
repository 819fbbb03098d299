// A test may have no hosts of its own.

use netns_test::{Lab, netns_test};

#[netns_test(namespaces = 0)]
fn nothing_yet() {}

#[netns_test(namespaces = 0)]
async fn with_a_lab(lab: Lab) {
    let _ = lab;
}

fn main() {}
