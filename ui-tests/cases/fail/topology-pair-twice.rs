// What happens from one host to another is in one place.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", pair(a, b, delay = "1ms"), path(b, a, loss = "1%"))]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
