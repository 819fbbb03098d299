// `start_paused` needs the current-thread runtime.

use netns_test::{Host, netns_test};

#[netns_test(flavor = "multi_thread", start_paused = true)]
async fn test(alice: Host, bob: Host) {}

fn main() {}
