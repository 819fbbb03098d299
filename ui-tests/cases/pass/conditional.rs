// A test can be conditional, and so can its other attributes.

use netns_test::{Host, netns_test};

#[cfg(any())]
#[netns_test]
fn never(alice: Nonsense) {}

#[netns_test]
#[cfg(any())]
fn never_either(alice: Nonsense) {}

#[netns_test]
#[cfg(all())]
#[cfg_attr(all(), ignore, allow(unused_variables))]
fn always(alice: Host) {
    let unused = alice;
}

fn main() {}
