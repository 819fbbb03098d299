// `flavor` is a string.

use netns_test::{Host, netns_test};

#[netns_test(flavor = multi_thread)]
async fn test(alice: Host, bob: Host) {}

fn main() {}
