// No quantity is below nothing.

use netns_test::prelude::*;

#[netns_test(veth = true, delay = -20, loss = "-1%", rate = "-5mbit")]
fn first(alice: Host, bob: Host) {}

fn main() {}
