// What the expansion names does not meet what the user names, nor what another test's expansion does.

use netns_test::{Host, netns_test};

#[allow(non_upper_case_globals)]
const lab: u8 = 0;
#[allow(dead_code)]
const SPEC: u8 = 0;
#[allow(dead_code)]
struct TestSpec;
#[allow(dead_code)]
fn run() {}
mod core {}

#[netns_test(veth = true)]
fn one(alice: Host, run: Host) {
    const SPEC: u8 = 1;
    let _ = (alice, run, SPEC, lab);
}

#[netns_test(veth = true)]
fn two(alice: Host, run: Host) {
    const SPEC: u8 = 1;
    let _ = (alice, run, SPEC, lab);
}

fn main() {}
