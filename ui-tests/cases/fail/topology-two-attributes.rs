// A field has one of our attributes.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    #[router(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
