// `#[tokio::test]` is not needed.

use netns_test::{Host, netns_test};

#[netns_test]
#[tokio::test(flavor = "multi_thread")]
async fn test(alice: Host) {}

fn main() {}
