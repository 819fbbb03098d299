// A preset that does not exist is refused with one that does.

use netns_test::prelude::*;

#[netns_test(veth = true, preset = "dls")]
fn first(alice: Host, bob: Host) {}

#[netns_test(veth = true, preset = "modem")]
fn second(alice: Host, bob: Host) {}

fn main() {}
