// `start_paused` is `true` or `false`.

use netns_test::{Host, netns_test};

#[netns_test(start_paused = yes)]
async fn test(alice: Host, bob: Host) {}

fn main() {}
