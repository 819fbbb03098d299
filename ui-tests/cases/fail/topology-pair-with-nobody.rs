// The hosts of a pair are there.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", pair(latpop, server, delay = "1ms"), path(laptop, printer, loss = "1%"))]
    lan: Segment,
    #[host(lan)]
    laptop: Host,
    #[host(lan)]
    server: Host,
}

fn main() {}
