// All mistakes that do not follow from each other are reported in one build.

use netns_test::{Host, netns_test};

#[netns_test(namespaces = "two", vet = true, mtu = 1400, mtu = 1500, timeout = "10")]
const fn test<T>(alice: Host, (bob, carol): (T, T)) {}

fn main() {}
