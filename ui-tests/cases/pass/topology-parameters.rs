// A topology has `const` parameters, for the lengths of arrays; lengths may be constants too.

use netns_test::prelude::*;

const FEW: usize = 2;

#[derive(Topology)]
struct Crowd<const CLIENTS: usize, const SERVERS: usize = 1>
where
    [(); CLIENTS]: Sized,
{
    #[segment("10.0.0.0/16")]
    lan: Segment,
    #[segment("10.1.0.0/24", veth)]
    pair: Segment,
    #[host(lan)]
    clients: [Host; CLIENTS],
    #[host(lan)]
    servers: [Host; SERVERS],
    #[host(lan, pair)]
    few: [netns_test::Host; FEW],
    #[host(lan)]
    none: [Host; 0],
}

#[derive(Topology)]
struct Crowds<const N: usize> {
    #[topology]
    left: Crowd<N>,
    #[topology]
    right: Crowd<{ 2 * 2 }, 3>,
}

#[netns_test]
fn crowd(net: Crowd<100>) {
    assert_eq!(net.clients.len(), 100);
}

#[netns_test(topology = Crowd<2, 3>, timeout = "10s")]
fn by_name(lan: Segment) {
    let _ = lan;
}

fn main() {
    let _ = std::mem::size_of::<Crowds<2>>();
}
