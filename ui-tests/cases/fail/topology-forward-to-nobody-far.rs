// A port is forwarded to a host that is there, and these are they.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[router(lan, wan, forward(tcp = 80, to = website))]
    router: Host,
    #[host(lan(gateway = website))]
    a: Host,
    #[host(lan, route(wan, via = website))]
    b: Host,
    #[host(lan)]
    c: Host,
    #[host(lan)]
    d: Host,
    #[host(lan)]
    e: Host,
    #[host(lan)]
    f: Host,
    #[host(lan)]
    g: Host,
    #[host(lan)]
    h: Host,
    #[host(wan)]
    i: [Host; 2],
}

fn main() {}
