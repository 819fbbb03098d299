//! Very many hosts. By itself, since the kernel does nothing else for the network meanwhile, nor for a while afterwards.

use netns_test::prelude::*;

/// As many as a switch has ports for, less some for the time it takes.
#[netns_test(namespaces = 0, timeout = "5m")]
async fn a_thousand_hosts_on_one_switch(_lab: Lab) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/16", "fd00::/64"]).hosts(1000, "lan").build()?;
    let (first, last) = (lab.host("host1"), lab.host("host1000"));
    assert_eq!(last.addr().to_string(), "10.0.3.232");
    first.assert_ping(last).await;
    last.assert_ping(first).ipv6().await;
    Ok(())
}
