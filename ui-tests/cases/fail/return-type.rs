// A test returns nothing or a `Result`.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test(_alice: Host) -> u32 {
    1
}

fn main() {}
