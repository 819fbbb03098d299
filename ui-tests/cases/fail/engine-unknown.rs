// An engine that does not exist is refused with one that does.

use netns_test::prelude::*;

#[netns_test(veth = true, engine = "kernle")]
fn first(alice: Host, bob: Host) {}

#[netns_test(veth = true, engine = "netem")]
fn second(alice: Host, bob: Host) {}

fn main() {}
