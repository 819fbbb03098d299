// The attribute of a field takes a list in parentheses.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment = "10.0.0.0/24"]
    lan: Segment,
    #[host[lan]]
    a: Host,
    #[router { lan }]
    b: Host,
    #[topology = "lan"]
    c: Site,
}

fn main() {}
