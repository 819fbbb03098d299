// Raw identifiers name tests and hosts like others.

use netns_test::{Host, netns_test};

#[netns_test(veth = true)]
fn r#match(r#type: Host, r#loop: Host) {
    let _ = (r#type, r#loop);
}

fn main() {}
