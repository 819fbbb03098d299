// All mistakes in the network are reported in one build, with those in the signature.

use netns_test::{Host, netns_test};

#[netns_test(veth = true, subnets = ["10.0.0.1/24", "10.1.0.0/40"], mtu = 20, worker_threads = 2)]
unsafe fn test(alice: Host, alice_: Host, _alice: Host) {}

fn main() {}
