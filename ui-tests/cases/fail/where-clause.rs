// A test has no `where` clause.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test(alice: Host)
where
    u8: Copy,
{
}

fn main() {}
