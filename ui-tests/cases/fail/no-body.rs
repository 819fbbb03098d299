// The function has a body.

use netns_test::netns_test;

trait Tests {
    #[netns_test(namespaces = 2)]
    fn test();
}

fn main() {}
