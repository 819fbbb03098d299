// Options of tokio's runtime need an `async` test.

use netns_test::{Host, netns_test};

#[netns_test(flavor = "multi_thread", worker_threads = 4, start_paused = true)]
fn test(alice: Host, bob: Host) {}

fn main() {}
