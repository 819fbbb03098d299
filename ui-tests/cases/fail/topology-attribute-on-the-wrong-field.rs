// The attribute of a field says what its type says.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Host,
    #[host(lan)]
    a: Segment,
    #[router(lan)]
    b: Segment,
    #[topology]
    c: Host,
    #[topology(lan = lan)]
    d: [Segment; 2],
}

fn main() {}
