// What a bridge is like stands behind `bridge`.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", vlan_filtering = true, stp)]
    lan: Segment,
    #[segment("10.0.1.0/24", bridge, ageing = "1s")]
    wan: Segment,
    #[host(lan)]
    a: Host,
    #[router(lan, wan)]
    b: Host,
}

fn main() {}
