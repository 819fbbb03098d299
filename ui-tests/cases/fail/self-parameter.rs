// A test is a function, not a method.

use netns_test::{Host, netns_test};

struct Tests;

impl Tests {
    #[netns_test]
    fn test(&self, alice: Host) {}
}

fn main() {}
