// What happens in one direction is said by the words of an impairment.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan(egress(dealy = "1ms")))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
