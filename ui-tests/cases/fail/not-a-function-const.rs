// The attribute stands on functions, not on constants.

use netns_test::netns_test;

#[netns_test]
const TEST: u32 = 1;

fn main() {}
