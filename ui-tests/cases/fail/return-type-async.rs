// An `async` test returns nothing or a `Result`.

use netns_test::{Host, netns_test};

#[netns_test()]
async fn test(_alice: Host) -> Option<()> {
    None
}

fn main() {}
