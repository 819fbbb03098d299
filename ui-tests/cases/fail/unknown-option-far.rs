// An option that resembles none is answered with all there are.

use netns_test::{Host, netns_test};

#[netns_test(colour = "red")]
fn test(alice: Host, bob: Host) {}

fn main() {}
