//! Networks that are drawn as structs.

use netns_test::prelude::*;

/// A home without its router.
#[derive(Topology)]
#[topology(routes = "none")]
struct Home {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[host(lan)]
    printer: Host,
    #[host(wan)]
    server: Host,
    #[host(wan)]
    other: Host,
}

#[netns_test]
async fn the_fields_are_bound(net: Home) {
    assert_eq!(net.laptop.name(), "laptop");
    net.laptop.assert_ping(&net.printer).await;
    net.laptop.assert_no_ping(net.server.addr()).await;
}
