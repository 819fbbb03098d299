// A test is not `const`.

use netns_test::{Host, netns_test};

#[netns_test()]
const fn test(alice: Host) {
    println!("{}", 1);
}

fn main() {}
