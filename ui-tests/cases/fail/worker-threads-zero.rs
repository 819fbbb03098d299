// `worker_threads` is at least 1.

use netns_test::{Host, netns_test};

#[netns_test(flavor = "multi_thread", worker_threads = 0)]
async fn test(alice: Host, bob: Host) {}

fn main() {}
