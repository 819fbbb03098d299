//! The first examples of the README: what a new user runs first.

use std::io::{Read, Write};

use netns_test::prelude::*;

/// Two machines, one wire.
#[netns_test(namespaces = 2, veth = true)]
async fn machines_reach_each_other(alice: Host, bob: Host) {
    let report = alice.ping(&bob).await.unwrap();
    println!("{} -> {}: {report}", alice.name(), bob.addr());
    alice.assert_ping(&bob).await;
    alice.assert_no_ping("192.0.2.1").await;
}

/// Plain functions work too, and so does `Result`.
#[netns_test(namespaces = 2, veth = true)]
fn a_server_on_a_port_of_its_own(client: Host, server: Host) -> TestResult {
    let listener = server.tcp_listener()?;
    let mut stream = client.tcp_connect(listener.local_addr()?)?;
    let (mut accepted, peer) = listener.accept()?;
    assert_eq!(peer.ip(), client.addr());
    stream.write_all(b"hello")?;
    let mut hello = [0; 5];
    accepted.read_exact(&mut hello)?;
    assert_eq!(&hello, b"hello");
    Ok(())
}

/// Outcomes have types.
#[netns_test(namespaces = 2)]
async fn nothing_to_reach(a: Host, b: Host) {
    match a.ping("10.0.0.2").count(3).timeout(Duration::from_millis(200)).await {
        Err(PingError::NoRoute { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(b.try_addr_v4(), None);
}
