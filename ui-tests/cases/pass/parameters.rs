// Parameters may be `mut`, unused, nameless, carry attributes and be written with a path.

use netns_test::{Host, Lab, netns_test};

#[netns_test(namespaces = 5, veth = true)]
fn all_kinds(mut alice: Host, _bob: Host, _: Host, #[allow(unused_variables)] dave: Host, erin: netns_test::Host) {
    let _ = &alice;
    alice = erin;
    let _ = alice;
}

#[netns_test(namespaces = 2)]
async fn a_lab_instead(lab: Lab) {
    let _ = lab;
}

#[netns_test(namespaces = 2,)]
fn no_parameters() {}

fn main() {}
