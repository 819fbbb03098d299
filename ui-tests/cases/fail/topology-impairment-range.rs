// A quantity is in its range, wherever it is.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", loss = "101%", pair(a, b, delay = "-1ms"))]
    lan: Segment,
    #[host(lan(delay = "2h"))]
    a: Host,
    #[host(lan(ingress(rate = "1bit")))]
    b: Host,
}

fn main() {}
