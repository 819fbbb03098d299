// The kernel does one thing to what arrives at a port.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", delay = "1ms", engine = "kernel")]
    lan: Segment,
    #[host(lan(ingress(rate = "1mbit")))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
