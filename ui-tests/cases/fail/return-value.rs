// The body is of the type that the function says.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test(alice: Host) -> Result<(), String> {
    alice
}

fn main() {}
