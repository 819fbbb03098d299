// Every host can reach every other.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24")]
    wan: Segment,
    #[host(lan)]
    a: Host,
    #[host(wan)]
    b: Host,
}

fn main() {}
