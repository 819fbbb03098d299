// Without a wire there is nothing that frames could cross.

use netns_test::prelude::*;

#[netns_test(namespaces = 2, delay = "20ms", loss = "1%")]
fn first(alice: Host, bob: Host) {}

#[netns_test(namespaces = 2, engine = "relay")]
fn second(alice: Host, bob: Host) {}

fn main() {}
