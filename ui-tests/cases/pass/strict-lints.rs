// The expansion is clean under lints that forbid much, and needs no prelude. This one is also a test target, for clippy.

#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, elided_lifetimes_in_paths)]
#![deny(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::unwrap_in_result)]
#![forbid(unsafe_code)]
#![no_implicit_prelude]
//! Documented.

use ::netns_test::{Host, Lab, netns_test};
use ::std::result::Result::{self, Ok};

fn helper(host: &Host) -> &Host {
    host
}

#[netns_test(veth = true, subnets = ["10.0.0.0/24", "fd00::/64"], ipv6 = true, mtu = 1400, timeout = "10s")]
fn plain(alice: Host, bob: Host) {
    let _ = (helper(&alice), &bob);
}

#[netns_test(flavor = "multi_thread", worker_threads = 2, requires(veth, program = "sh"))]
async fn asynchronous(alice: Host) -> Result<(), ()> {
    ::std::future::ready(()).await;
    let _ = &alice;
    Ok(())
}

#[netns_test(namespaces = 3, start_paused = true)]
async fn only_a_lab(lab: Lab) {
    let _ = &lab;
}

fn main() {}
