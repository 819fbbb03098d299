// All mistakes in `requires` are reported in one build, and with those elsewhere.

use netns_test::{Host, netns_test};

#[netns_test(mtv = 1400, requires(vxlam, program = "", sctp, sctp, bridge = true), timeout = "10")]
fn test(alice: Host) {}

fn main() {}
