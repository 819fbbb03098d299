// In which VRF a gateway or a neighbour is, is known.

use netns_test::prelude::*;

#[derive(Topology)]
#[topology(routes = "none")]
struct Net {
    #[segment("10.0.0.0/24")]
    red: Segment,
    #[segment("10.0.0.0/24")]
    blue: Segment,
    #[host(
        red(vrf = "red"),
        blue(vrf = "blue"),
        route("10.9.0.0/16", via = router),
        route(default, via = "10.0.0.9"),
        neighbour("10.0.0.9" = "02:00:00:00:00:09")
    )]
    both: Host,
    #[router(red, blue(vrf = "blue"))]
    router: Host,
}

fn main() {}
