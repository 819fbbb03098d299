// Loss in bursts has two to four probabilities.

use netns_test::prelude::*;

#[netns_test(veth = true, loss = "gemodel 1%")]
fn first(alice: Host, bob: Host) {}

fn main() {}
