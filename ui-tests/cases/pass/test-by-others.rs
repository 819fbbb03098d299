// The spelling of `#[test]` that only macros write comes from one that ran before: the function is a test once, not twice.

use netns_test::{Host, netns_test};

#[netns_test]
#[::core::prelude::v1::test]
fn core(_alice: Host) {}

#[netns_test]
#[::std::prelude::v1::test]
fn std(_alice: Host) {}

fn main() {}
