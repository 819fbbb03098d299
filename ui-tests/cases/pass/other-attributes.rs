// `#[should_panic]` in its three forms, `#[ignore]`, documentation and lints work as on any test.

use netns_test::{Host, netns_test};

/// Documented.
#[should_panic]
#[netns_test]
fn panics(_alice: Host) {
    panic!("boom")
}

#[netns_test]
#[should_panic = "boom"]
fn panics_with(_alice: Host) {
    panic!("boom")
}

#[netns_test]
#[should_panic(expected = "boom")]
async fn panics_as_expected(_alice: Host) -> () {
    panic!("boom")
}

#[netns_test]
#[ignore = "slow"]
fn ignored(_alice: Host) {}

#[netns_test]
#[expect(unused_variables)]
fn expecting(alice: Host) {}

fn main() {}
