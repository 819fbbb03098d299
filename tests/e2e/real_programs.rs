//! Programs that others have written, over links that are impaired: they measure what was asked for, and get on with it.

use std::sync::Arc;

use netns_test::prelude::*;
use netns_test_tests::three::{Three, percent};
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use serde_json::Value;

/// What iperf3 measures at the end that receives, in bits per second.
fn iperf3(client: &Host, server: &Host) -> TestResult<f64> {
    let listening = server.command("iperf3").args(["--server", "--one-off"]).ready_when_listening(5201);
    let mut listening = listening.spawn()?;
    let address = server.addr().to_string();
    let output = client.command("iperf3").args(["--client", &address, "--time", "3", "--json"]).output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    assert!(output.status.success(), "{said}");
    assert!(listening.wait()?.success());
    said["end"]["sum_received"]["bits_per_second"].as_f64().ok_or_else(|| format!("{said}").into())
}

#[netns_test(timeout = "60s", requires(program = "iperf3"))]
fn iperf3_measures_the_rate(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    // As many frames wait as in a router at home: what is under way at the end is not much of the whole.
    let _slow = lan.impair(Impairment::new().rate(Rate::mbit(5)).limit(50)).wait()?;
    // 1448 of a frame's 1514 bytes are data. It is never more; a machine that is busy may make it less, so there are several rounds.
    let mut less = Vec::new();
    for _ in 0..5 {
        let measured = iperf3(a, b)?;
        assert!(measured <= 5.5e6, "{measured} bit/s");
        if measured >= 4.5e6 {
            return Ok(());
        }
        less.push(measured);
    }
    panic!("{less:?} bit/s");
}

/// Two ends that speak QUIC (RFC 9000) on the sockets of their hosts, and trust each other.
fn quic(client: &Host, server: &Host) -> TestResult<(Endpoint, Endpoint)> {
    let signed = rcgen::generate_simple_self_signed([server.name().to_owned()])?;
    let certificate = signed.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate.clone())?;
    let accepts = ServerConfig::with_single_cert(vec![certificate], key.into())?;
    let endpoint = |host: &Host, accepts| -> TestResult<Endpoint> {
        let socket = host.udp_socket()?;
        Ok(Endpoint::new(EndpointConfig::default(), accepts, socket, Arc::new(TokioRuntime))?)
    };
    let mut connects = endpoint(client, None)?;
    connects.set_default_client_config(ClientConfig::with_root_certificates(Arc::new(trusted))?);
    Ok((connects, endpoint(server, Some(accepts))?))
}

#[netns_test(timeout = "60s")]
async fn a_quic_transfer_gets_over_losses(net: Three) -> TestResult {
    /// Of four bytes each: a million bytes.
    const WORDS: u32 = 250_000;
    let Three { lan, a, b, .. } = &net;
    let lossy = lan.impair(Impairment::new().loss(percent(5.0))).await?;
    let (client, server) = quic(a, b)?;
    // No two pieces of it are alike.
    let data: Vec<u8> = (0..WORDS).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect();
    let to = server.local_addr()?;
    // Each is kept to the end, or the other would be told that it has closed.
    let receive = async {
        let connection = server.accept().await.ok_or("the server's end is closed")?.await?;
        let received = connection.accept_uni().await?.read_to_end(data.len()).await?;
        TestResult::Ok((connection, received))
    };
    let send = async {
        let connection = client.connect(to, b.name())?.await?;
        let mut stream = connection.open_uni().await?;
        stream.write_all(&data).await?;
        stream.finish()?;
        stream.stopped().await?;
        TestResult::Ok(connection)
    };
    let (received, connection) = tokio::join!(receive, send);
    let ((_accepted, received), _connection) = (received?, connection?);
    assert!(received == data, "it arrives as it was sent");
    let report = lossy.report()?;
    // As many frames as datagrams of 1500 bytes, though QUIC hands over several at once. Of 700, 5 % are 35: fewer than 14 are as rare as
    // one in ten thousand.
    assert!(report.frames >= 700 && report.lost >= 14, "{report:?}");
    Ok(())
}
