// A quantity has a unit, and stands in a string.

use netns_test::prelude::*;

#[netns_test(veth = true, delay = 20, loss = 0.5, rate = 5mbit, corrupt = 1%, preset = 4g)]
fn first(alice: Host, bob: Host) {}

fn main() {}
