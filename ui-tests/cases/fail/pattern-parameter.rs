// A parameter has a plain name, for it is the name of a host.

use netns_test::{Host, netns_test};

#[netns_test()]
fn test((alice, bob): (Host, Host), carol @ _: Host) {}

fn main() {}
