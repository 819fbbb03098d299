// The attribute stands on functions, not on types.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = 2)]
struct Test {
    alice: Host,
}

fn main() {}
