// Nothing crosses a dummy.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", dummy, loss = "1%")]
    lan: Segment,
    #[host(lan)]
    a: Host,
}

fn main() {}
