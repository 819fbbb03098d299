// An address stands behind `=`.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[host(lan("10.0.0.7"))]
    a: Host,
    #[host(lan("10.0.0.8", "fd00::8"))]
    b: Host,
    #[host(lan("10.0.0.9", mtu = 1400))]
    c: Host,
}

fn main() {}
