// Two letters in each other's place are seen through.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    desk: Host,
    #[host(lna)]
    laptop: Host,
}

fn main() {}
