// A word that does not exist is refused with one that does.

use netns_test::prelude::*;

#[netns_test(veth = true, dealy = "20ms")]
fn first(alice: Host, bob: Host) {}

fn main() {}
