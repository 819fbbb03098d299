// `#[should_panic]` stands on tests that return nothing.

use netns_test::{Host, netns_test};

#[netns_test]
#[should_panic(expected = "boom")]
fn test(alice: Host) -> Result<(), String> {
    panic!("boom")
}

fn main() {}
