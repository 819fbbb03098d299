// A share is at most all of them, and no frame waits for longer than an hour.

use netns_test::prelude::*;

#[netns_test(veth = true, delay = "2h", loss = "101%", rate = "2000gbit")]
fn first(alice: Host, bob: Host) {}

fn main() {}
