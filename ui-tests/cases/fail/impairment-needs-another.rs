// Some words are about another, which has to be there.

use netns_test::prelude::*;

#[netns_test(veth = true, reorder = "1%")]
fn first(alice: Host, bob: Host) {}

#[netns_test(veth = true, delay = "5ms", distribution = "normal")]
fn second(alice: Host, bob: Host) {}

#[netns_test(veth = true, limit = 5)]
fn third(alice: Host, bob: Host) {}

fn main() {}
