// What only narrows frames down claims nothing.

#![deny(unused_must_use)]

use netns_test::prelude::*;

#[netns_test(veth = true)]
fn test(client: Host, _server: Host, lan: Segment) -> TestResult {
    let capture = lan.capture().wait()?;
    capture.frames()?.udp().port(53);
    capture.arrivals()?.at(&client);
    capture.frames()?.streams();
    capture.frames()?.udp().port(53).assert_none();
    Ok(())
}

fn main() {}
