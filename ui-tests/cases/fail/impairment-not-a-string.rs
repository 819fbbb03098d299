// A quantity is a string.

use netns_test::prelude::*;

#[netns_test(
    veth = true,
    preset = dsl,
    delay = true,
    jitter = Duration::ZERO,
    distribution = normal,
    loss = [1],
    duplicate = 'a',
    reorder = (),
    corrupt = some,
    rate = Rate::mbit(5),
    limit = "5",
    mtu_black_hole = "1400"
)]
fn first(alice: Host, bob: Host) {}

fn main() {}
