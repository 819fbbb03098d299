// Every host can reach every other, in some address family.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("fd00::/64")]
    wan: Segment,
    #[host(lan)]
    a: Host,
    #[router(lan, wan)]
    r: Host,
    #[host(wan)]
    b: Host,
}

fn main() {}
