//! What a test requires of its machine is there when its body runs, and of the tries nothing is left.

use netns_test::prelude::*;

/// Names of the interfaces where the body runs, but for those that some kernels put into every new namespace.
fn interfaces() -> Vec<String> {
    let fallback = ["tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"];
    let devices = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let names = devices.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()));
    let mut names: Vec<_> = names.filter(|name| !fallback.contains(&name.as_str())).collect();
    names.sort();
    names
}

#[netns_test(namespaces = 3, veth = true, requires(veth, bridge))]
async fn a_lab_is_the_same_with_needs(a: Host, b: Host, _c: Host) {
    a.assert_ping(&b).await;
    assert_eq!(interfaces(), ["br0", "lo", "p0", "p1", "p2"]);
}

#[netns_test(namespaces = 1, requires(veth, bridge))]
fn of_the_tries_nothing_is_left(lab: Lab) {
    assert_eq!(interfaces(), ["lo"]);
    assert_eq!(lab.hosts()[0].run(interfaces), ["lo"]);
}

#[netns_test(requires(program = "sh"))]
fn a_required_program_can_be_run(alice: Host) -> TestResult {
    assert!(alice.command("sh").args(["-c", "true"]).status()?.success());
    Ok(())
}

#[netns_test(namespaces = 1, requires(ipv6))]
fn a_required_protocol_can_be_spoken(lab: Lab) -> TestResult {
    lab.hosts()[0].run(|| std::net::UdpSocket::bind("[::1]:0"))?;
    Ok(())
}
