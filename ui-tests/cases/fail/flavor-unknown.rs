// `flavor` is one of two.

use netns_test::{Host, netns_test};

#[netns_test(flavor = "multi_threaded")]
async fn test(alice: Host, bob: Host) {}

fn main() {}
