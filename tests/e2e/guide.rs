//! The examples of the README and the guide that the quickstart does not have, run.

use std::net::{TcpListener, TcpStream};

use netns_test::prelude::*;
use rstest::rstest;

#[netns_test(namespaces = 3, veth = true)]
async fn things_run_inside(a: Host, b: Host, c: Host) -> TestResult {
    let interfaces = a.run(|| std::fs::read_to_string("/proc/net/dev"))?;
    assert!(interfaces.contains("eth0"));
    let address = b.addr();
    let server = b.spawn(async move { tokio::net::TcpListener::bind((address, 0)).await }).await??;
    let _connection = c.tokio_tcp_connect(server.local_addr()?).await?;
    assert!(c.command("getent").args(["hosts", "a"]).status()?.success());
    Ok(())
}

#[netns_test(veth = true)]
fn port_80(client: Host, server: Host) -> TestResult {
    let listener = server.run(|| TcpListener::bind("[::]:80"))?;
    let _stream = client.run(|| TcpStream::connect(("server", 80)))?;
    let (_accepted, _peer) = listener.accept()?;
    Ok(())
}

#[netns_test(veth = true)]
async fn a_program_talks_to_my_server(client: Host, server: Host) -> TestResult {
    let address = server.addr();
    let listener = server.spawn(async move { tokio::net::TcpListener::bind((address, 0)).await }).await??;
    let at = listener.local_addr()?;
    server.spawn(async move { while listener.accept().await.is_ok() {} });
    assert!(client.command("true").status()?.success());
    client.tcp_connect(at)?;
    Ok(())
}

#[rstest]
#[case(56)]
#[case(1400)]
#[netns_test::test(namespaces = 2, veth = true)]
async fn sizes(#[case] size: u16) {
    let lab = Lab::current().unwrap();
    lab.host("host1").assert_ping(lab.host("host2")).size(size).await;
}
