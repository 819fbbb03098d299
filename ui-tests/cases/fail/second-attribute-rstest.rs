// `#[rstest]` stands above.

use netns_test::{Host, netns_test};

#[netns_test]
#[rstest]
fn test(alice: Host, #[case] number: u32) {}

fn main() {}
