// A host has the sysctls of its network namespace.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, sysctl("kernel.hostname" = "b"))]
    b: Host,
}

fn main() {}
