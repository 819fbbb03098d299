// A body that a `macro_rules!` has matched as a block.

use netns_test::prelude::*;

macro_rules! test_with {
    ($name:ident $body:block) => {
        #[netns_test(namespaces = 1)]
        fn $name(_alice: Host) $body
    };
}

test_with!(matched {
    let _ = 1;
});

fn main() {}
