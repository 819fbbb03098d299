// `worker_threads` needs `flavor = "multi_thread"`.

use netns_test::{Host, netns_test};

#[netns_test(worker_threads = 4)]
async fn test(alice: Host, bob: Host) {}

fn main() {}
