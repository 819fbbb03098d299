//! Errors of flows that a test has, and shows, and goes on: what is shown is of when it failed, and showing it does nothing.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};

use netns_test::prelude::*;

use super::{Net, WHILE, rule};

/// What would hear it if the question were asked once more.
#[netns_test(requires(nftables))]
async fn nobody_hears_that_an_error_is_shown(net: Net) -> TestResult {
    rule(&net.server, "input", "udp dport 53 drop")?;
    let error = net.laptop.open_udp(&net.server).port(53).timeout(WHILE).await.unwrap_err();
    net.server.nft("delete table inet t")?;
    let program = net.server.run(|| UdpSocket::bind("0.0.0.0:53"))?;
    let capture = net.wan.capture().await?;
    let message = format!("{error:?}");
    assert!(message.contains("entered server:eth0\n"), "{message}");
    // Whatever was sent before this has arrived.
    net.laptop.assert_ping(&net.server).await;
    capture.frames()?.udp().assert_none();
    program.set_nonblocking(true)?;
    assert_eq!(program.recv(&mut [0; 100]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    Ok(())
}

/// Nothing is sent either where the rule is there still, which would tell.
#[netns_test(requires(nftables))]
async fn a_rule_is_suspected_without_being_asked(net: Net) -> TestResult {
    rule(&net.server, "input", "tcp dport 80 drop")?;
    let error = net.laptop.open_tcp(&net.server).port(80).timeout(WHILE).await.unwrap_err();
    let capture = net.wan.capture().await?;
    let message = format!("{error:?}");
    assert!(message.contains("it died in server, most likely by the nft rule `tcp dport 80 drop`"), "{message}");
    assert!(!message.contains("after it had failed"), "{message}");
    net.laptop.assert_ping(&net.server).await;
    capture.frames()?.tcp().assert_none();
    Ok(())
}

/// A connection from the same port, which came about, is not the one that did not.
#[netns_test(requires(nftables))]
async fn a_later_connection_from_the_same_port_is_another(net: Net) -> TestResult {
    rule(&net.router, "forward", "tcp dport 80 drop")?;
    let open = || net.laptop.open_tcp(&net.server).ipv4().port(80).source_port(4000).timeout(WHILE);
    let error = open().await.unwrap_err();
    net.router.nft("delete table inet t")?;
    let _flow = open().await?;
    let message = format!("{error:?}");
    assert!(message.contains("SYN 1 of 1: left laptop:eth0 → entered router:eth0\n"), "{message}");
    assert!(!message.contains("server:eth0"), "{message}");
    Ok(())
}

#[netns_test(requires(nftables))]
async fn an_error_is_shown_later(net: Net) -> TestResult {
    let _listener = net.server.run(|| TcpListener::bind("0.0.0.0:81"))?;
    rule(&net.router, "forward", "tcp dport 80 drop")?;
    let error = net.laptop.open_tcp(&net.server).port(80).timeout(WHILE).await.unwrap_err();
    net.router.nft("delete table inet t")?;
    net.laptop.assert_no_ping("10.0.1.99").window(Duration::from_millis(1100)).await;
    let message = format!("{error:?}");
    assert!(message.contains("s after it had failed, and said what they were then"), "{message}");
    Ok(())
}
