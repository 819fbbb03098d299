// A gateway forwards. Through one that does not, nobody is reached whatever else there is.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24", "2001:db8::/64")]
    wan: Segment,
    #[host(lan(gateway = printer))]
    laptop: Host,
    #[host(lan, route("203.0.113.0/24", via = printer), route("2001:db8::/64", via = forwarder))]
    desktop: Host,
    #[host(lan, route(wan, via = "10.0.0.9"))]
    phone: Host,
    #[host(lan = "10.0.0.9")]
    printer: Host,
    #[host(lan, sysctl("net.ipv4.ip_forward" = 1))]
    forwarder: Host,
    #[router(lan, wan)]
    router: Host,
}

fn main() {}
