//! Programs that others have written, over links that are impaired: they measure what was asked for, and get on with it.

use netns_test::prelude::*;
use netns_test_tests::three::Three;
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
