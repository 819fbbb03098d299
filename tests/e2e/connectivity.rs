//! What gets through between two hosts: each protocol, each direction, each port, and nothing else counts.

use std::net::TcpListener;
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{ConnectivityError, Traffic, UnreachableCode};
use netns_test_tests::counters::counter;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routed::Routed;
use netns_test_tests::routes::take_down;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// For silence, and for what fails anyway.
const QUICK: Duration = Duration::from_millis(300);
/// For what comes at once, but on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// A chain of a hook, with these rules and none that were there before.
fn chain(hook: &str, rules: &str) -> String {
    let empty = |rules| {
        let kind = format!("type filter hook {hook} priority filter; policy accept;");
        format!("table inet filter {{\nchain {hook} {{\n{kind}\n{rules}\n}}\n}}\n")
    };
    format!("{}flush chain inet filter {hook}\n{}", empty(""), empty(rules))
}

fn everything() -> [Traffic; 4] {
    [Icmp.into(), Arp.into(), Tcp.into(), Udp.into()]
}

/// Everything but ARP, about which a firewall of IP packets has no say.
fn routed() -> [Traffic; 3] {
    [Icmp.into(), Tcp.into(), Udp.into()]
}

/// How many answers a message shows: what is behind each of them stands further to the right.
fn outcomes_in(message: &str) -> usize {
    message.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).count()
}

#[netns_test(veth = true)]
async fn everything_gets_through_a_wire(a: Host, b: Host) {
    for between in [a.connectivity(&b).ipv4(), a.connectivity(&b).ipv6(), b.connectivity(&a)] {
        for traffic in everything() {
            between.assert_connection(traffic).await;
            between.wait_for_connection(traffic).await.unwrap();
            let said = panic_of(between.assert_no_connection(traffic).window(LONG)).await.unwrap_err();
            assert!(said.starts_with("assertion failed: "), "{said}");
            assert!(said.contains(&format!(" do not reach each other over {traffic}\n")), "{said}");
            assert!(said.contains("\n  a → b ("), "{said}");
            assert!(said.contains("\n  b → a ("), "{said}");
            let said = panic_of(between.assert_unreachable(traffic).timeout(LONG)).await.unwrap_err();
            assert!(said.contains(" are told that they cannot reach each other over "), "{said}");
        }
    }
}

#[netns_test(veth = true)]
fn plain_functions_wait(a: Host, b: Host) -> TestResult {
    let between = a.connectivity(&b);
    between.assert_connection(Icmp).wait();
    let mut flows = between.establish(Tcp.ports(2000..=2001)).wait()?;
    assert_eq!(flows.len(), 8, "in two directions, over two families");
    flows.assert_alive().wait();
    b.nft(chain("input", "drop"))?;
    between.assert_no_connection(Udp).window(QUICK).wait();
    between.wait_for_no_connection(Icmp).wait()?;
    flows.assert_cut().window(QUICK).wait();
    Ok(())
}

/// A firewall of one family is none of the other.
#[netns_test(veth = true)]
async fn a_family_is_one(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta nfproto ipv4 drop"))?;
    let between = a.connectivity(&b);
    for traffic in routed() {
        between.ipv4().assert_no_connection(traffic).window(QUICK).await;
        between.ipv6().assert_connection(traffic).await;
        let said = panic_of(between.assert_no_connection(traffic).window(Duration::from_secs(2))).await.unwrap_err();
        assert!(said.lines().count() == 3 && said.contains("\n  a → b (2001:db8::2): it got through: "), "{said}");
        let said = panic_of(between.assert_connection(traffic).timeout(QUICK)).await.unwrap_err();
        assert!(outcomes_in(&said) == 2 && said.contains("\n  b → a (198.51.100.1): "), "{said}");
    }
    Ok(())
}

#[netns_test(veth = true, ipv6 = false)]
async fn of_families_only_what_both_have_is_asked(a: Host, b: Host) {
    a.connectivity(&b).assert_connection(Tcp).await;
    assert_eq!(panic_of(a.connectivity(&b).ipv6().assert_connection(Tcp)).await, Err("broken".to_owned()));
}

/// What one direction says is not hidden by the other.
#[netns_test(veth = true)]
async fn a_direction_is_one(a: Host, b: Host) -> TestResult {
    // What b begins itself does not leave it.
    b.nft(chain("output", "ct state new meta l4proto { icmp, tcp, udp } drop"))?;
    let between = a.connectivity(&b).ipv4();
    for traffic in routed() {
        between.egress().assert_connection(traffic).await;
        between.ingress().assert_no_connection(traffic).window(QUICK).await;
        let said = panic_of(between.assert_connection(traffic).timeout(QUICK)).await.unwrap_err();
        assert!(
            said.starts_with(&format!(
                "assertion failed: a and b reach each other over {traffic}\n  b → a (198.51.100.1)"
            )),
            "{said}"
        );
        let said = panic_of(between.assert_no_connection(traffic).window(QUICK)).await.unwrap_err();
        assert!(
            said.starts_with(&format!(
                "assertion failed: a and b do not reach each other over {traffic}\n  a → b (198.51.100.2)"
            )),
            "{said}"
        );
        let said = panic_of(between.ingress().assert_connection(traffic).timeout(QUICK)).await.unwrap_err();
        assert!(said.starts_with(&format!("assertion failed: b reaches a over {traffic}\n")), "{said}");
        let said = panic_of(between.egress().assert_no_connection(traffic).window(LONG)).await.unwrap_err();
        assert!(said.starts_with(&format!("assertion failed: a does not reach b over {traffic}\n")), "{said}");
    }
    Ok(())
}

#[netns_test(veth = true, timeout = "120s")]
async fn a_port_is_one(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } th dport 5003 drop"))?;
    for ports in [Tcp.ports(5000..=5009), Udp.ports(5000..=5009), Tcp.ports(5000..=5009).source_port(400)] {
        let egress = a.connectivity(&b).egress().ipv4();
        let said = panic_of(egress.assert_connection(ports).timeout(QUICK)).await.unwrap_err();
        assert_eq!(outcomes_in(&said), 1, "{said}");
        assert!(
            said.starts_with(&format!("assertion failed: a reaches b over {ports}\n  a → b (198.51.100.2), ")),
            "{said}"
        );
        assert!(said.contains(" port 5003: nothing gets through the "), "{said}");
        // It is nothing that the negative assertion could hide behind.
        let said = panic_of(egress.assert_no_connection(ports).window(QUICK)).await.unwrap_err();
        assert!(said.ends_with("\n  and 1 more") && said.lines().count() == 10, "{said}");
        assert!(!said.contains("5003: "), "{said}");
    }
    a.connectivity(&b).egress().assert_no_connection(Tcp.port(5003)).window(QUICK).await;
    a.connectivity(&b).egress().assert_no_connection(Udp.port(5003)).window(QUICK).await;
    a.connectivity(&b).ingress().assert_connection(Udp.port(5003)).await;
    Ok(())
}

/// The server knows where it comes from.
#[netns_test(veth = true)]
async fn a_source_port_is_that_of_all(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } th sport != 4000 drop"))?;
    for ports in [Tcp.ports(80..=82), Udp.ports(80..=82)] {
        a.connectivity(&b).egress().assert_connection(ports.source_port(4000)).await;
        a.connectivity(&b).egress().assert_no_connection(ports.source_port(4001)).window(QUICK).await;
        for _ in 0..3 {
            let flows = a.connectivity(&b).egress().establish(ports.source_port(4000)).await?;
            assert!(flows.iter().all(|flow| flow.peer_as_seen_by_server().port() == 4000));
        }
    }
    Ok(())
}

/// With a source port there is one connection at a time, and three segments of it have to get lost.
#[netns_test(veth = true)]
async fn silence_is_believed_after_three_segments(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    let egress = a.connectivity(&b).egress().ipv4();
    let sent = || ["ActiveOpens", "RetransSegs"].map(|name| counter(&a, "Tcp", name));
    let before = sent();
    egress.assert_no_connection(Tcp.port(80)).window(QUICK).await;
    let [opened, again] = sent();
    assert_eq!(opened - before[0], 3);
    egress.assert_no_connection(Tcp.port(80).source_port(4000)).window(QUICK).await;
    let [opened_then, again_then] = sent();
    assert_eq!(opened_then - opened, 1);
    assert!(again_then - again >= 2, "{}", again_then - again);
    // What connects, and does not let data through.
    b.nft(chain("input", "tcp flags & psh == psh drop\nmeta l4proto udp drop"))?;
    let [_, before] = sent();
    egress.assert_no_connection(Tcp.port(80)).window(QUICK).await;
    let [_, again] = sent();
    assert!(again - before >= 3 * 2, "three segments in each of three connections: {}", again - before);
    let before = counter(&a, "Udp", "OutDatagrams");
    egress.assert_no_connection(Udp.port(80)).window(QUICK).await;
    assert_eq!(counter(&a, "Udp", "OutDatagrams") - before, 3);
    Ok(())
}

/// Whether what is asked about such ports is broken, whichever way.
async fn assert_no_ports(a: &Host, b: &Host, ports: netns_test::Ports, why: &str) {
    let between = a.connectivity(b);
    assert_eq!(panic_of(between.assert_connection(ports)).await, Err("broken".to_owned()));
    assert_eq!(panic_of(between.assert_no_connection(ports)).await, Err("broken".to_owned()));
    assert_eq!(panic_of(between.assert_unreachable(ports)).await, Err("broken".to_owned()));
    let error = between.wait_for_no_connection(ports).await.unwrap_err();
    assert!(matches!(error, WaitError::Failed { .. }), "{error:?}");
    let error = between.establish(ports).await.unwrap_err();
    assert!(matches!(error, ConnectivityError::Ports(_)) && error.to_string() == why, "{error:?}");
}

#[netns_test(veth = true)]
async fn an_assertion_about_no_ports_says_nothing(a: Host, b: Host) {
    #[expect(clippy::reversed_empty_ranges, reason = "it is the mistake")]
    for (ports, why) in [
        (Tcp.ports(81..=80), "81..=80 are no ports: the lower one comes first"),
        (Udp.ports(0..=9), "there is no port 0; without a port, as in `Tcp`, the kernel chooses one"),
        (Tcp.port(0), "there is no port 0; without a port, as in `Tcp`, the kernel chooses one"),
        (Tcp.ports(1..=257), "1..=257 are more than 256 ports, which is what can be asked for at once"),
        (
            Udp.ports(120..=130).source_port(123),
            "port 123 is both a port and the source port: ask for `.egress()` and `.ingress()` one after the other",
        ),
    ] {
        assert_no_ports(&a, &b, ports, why).await;
    }
    a.connectivity(&b).egress().assert_connection(Udp.port(123).source_port(123)).await;
}

#[netns_test(veth = true, timeout = "60s")]
async fn many_ports_are_asked_at_once(a: Host, b: Host) -> TestResult {
    let between = a.connectivity(&b);
    between.assert_connection(Tcp.ports(1024..=1279)).await;
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    let begun = Instant::now();
    between.assert_no_connection(Tcp.ports(1024..=1279)).await;
    between.assert_no_connection(Udp.ports(1024..=1279)).await;
    // One after the other, it would be 256 windows each.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    Ok(())
}

/// Also where there is room for few files, and where all of it fails.
#[netns_test(veth = true, timeout = "60s")]
async fn many_ports_that_are_not_reached_are_a_failure(a: Host, b: Host) -> TestResult {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 256, hard)?;
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    let between = a.connectivity(&b).ipv4();
    for ports in [Tcp.ports(1024..=1279), Udp.ports(1024..=1279)] {
        let said = panic_of(between.assert_connection(ports).timeout(Duration::from_secs(3))).await.unwrap_err();
        assert!(said.starts_with("assertion failed: ") && said.ends_with("\n  and 504 more"), "{said}");
    }
    b.nft(chain("input", "meta l4proto { tcp, udp } reject with icmpx type host-unreachable"))?;
    for ports in [Tcp.ports(1024..=1279), Udp.ports(1024..=1279)] {
        between.egress().assert_unreachable(ports).await;
    }
    Ok(())
}

/// Several attempts reach the server at once: all wait for the neighbour, who is found when the cable is plugged in. One of them is the flow; what
/// becomes of the others is nothing to it.
#[netns_test(namespaces = 0, timeout = "120s")]
async fn of_several_attempts_one_is_the_flow() -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]).host("a", ["lan"]).host("b", ["lan"]).build()?;
    let (lan, a, b) = (lab.segment("lan"), lab.host("a"), lab.host("b"));
    lan.unplug(b).await?;
    let establish = a.connectivity(b).egress().establish(Tcp.ports(80..=95)).timeout(LONG);
    let opening = tokio::spawn(establish.into_future());
    eventually("each is tried twice", || counter(a, "Tcp", "ActiveOpens") >= 2 * 16).await;
    lan.plug(b).await?;
    let mut flows = opening.await??;
    assert!(counter(b, "Tcp", "PassiveOpens") > 16, "several got through");
    for flow in &flows {
        assert_eq!(flow.peer_as_seen_by_server(), flow.local_addr());
    }
    flows.assert_alive().await;
    let said = panic_of(flows.assert_cut().window(LONG)).await.unwrap_err();
    assert!(said.ends_with("\n  and 8 more"), "{said}");
    b.nft(chain("input", "meta l4proto tcp drop"))?;
    // None is over at once, since the server had lost another connection: three segments of each have to get lost.
    let before = counter(a, "Tcp", "RetransSegs");
    flows.assert_cut().window(QUICK).await;
    assert!(counter(a, "Tcp", "RetransSegs") - before >= 2 * 16);
    Ok(())
}

/// One that gets through is enough to fail, whatever could not be asked of others.
#[netns_test(veth = true)]
async fn what_is_known_counts(a: Host, b: Host) -> TestResult {
    let _listener = b.run(|| TcpListener::bind(("0.0.0.0", 80)))?;
    let egress = a.connectivity(&b).egress().ipv4();
    let said = panic_of(egress.assert_no_connection(Tcp.ports(80..=81)).window(LONG)).await.unwrap_err();
    assert!(
        said.starts_with(
            "assertion failed: a does not reach b over TCP ports 80–81\n  a → b (198.51.100.2), TCP port 81: "
        ),
        "{said}"
    );
    assert!(said.contains("\n  a → b (198.51.100.2), TCP port 80: could not serve TCP at "), "{said}");
    b.nft(chain("input", "tcp dport 81 drop"))?;
    let said = panic_of(egress.assert_connection(Tcp.ports(80..=81)).timeout(QUICK)).await.unwrap_err();
    assert!(
        said.starts_with("assertion failed: a reaches b over TCP ports 80–81\n  a → b (198.51.100.2), TCP port 81: "),
        "{said}"
    );
    assert_eq!(panic_of(egress.assert_no_connection(Tcp.ports(80..=81)).window(QUICK)).await, Err("broken".to_owned()));
    Ok(())
}

/// A port that somebody has: nothing could be asked there.
#[netns_test(veth = true)]
async fn a_port_that_is_taken_breaks_the_question(a: Host, b: Host) -> TestResult {
    let _listener = b.run(|| TcpListener::bind(("0.0.0.0", 80)))?;
    let egress = a.connectivity(&b).egress().ipv4();
    assert_eq!(panic_of(egress.assert_connection(Tcp.port(80))).await, Err("broken".to_owned()));
    assert_eq!(panic_of(egress.assert_no_connection(Tcp.port(80))).await, Err("broken".to_owned()));
    // That will not change, so it is not waited for.
    let endless = Duration::from_secs(600);
    for wait in [egress.wait_for_connection(Tcp.port(80)), egress.wait_for_no_connection(Tcp.port(80))] {
        let error = wait.timeout(endless).await.unwrap_err();
        assert!(matches!(error, WaitError::Failed { .. }), "{error:?}");
    }
    Ok(())
}

/// Silence is the network's only if the server's end was there until its end.
#[netns_test(veth = true, timeout = "60s")]
async fn a_server_that_is_blocked_breaks_the_question(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    for (traffic, group, name) in [(Traffic::from(Tcp), "Tcp", "ActiveOpens"), (Udp.into(), "Udp", "OutDatagrams")] {
        let before = counter(&a, group, name);
        let asked = tokio::spawn(panic_of(a.connectivity(&b).egress().assert_no_connection(traffic)));
        eventually("the server is there, and is asked", || counter(&a, group, name) > before).await;
        let (release, released) = std::sync::mpsc::channel::<()>();
        let blocked = b.spawn(async move { released.recv() });
        assert_eq!(asked.await?, Err("broken".to_owned()), "{traffic}");
        drop(release);
        blocked.await?.unwrap_err();
    }
    Ok(())
}

/// A host does not ask itself who it is: nobody would answer.
#[netns_test(veth = true)]
async fn a_host_and_itself(a: Host, b: Host) {
    let _other = b;
    for traffic in routed() {
        a.connectivity(&a).egress().assert_connection(traffic).await;
    }
    assert_eq!(panic_of(a.connectivity(&a).assert_no_connection(Arp)).await, Err("broken".to_owned()));
}

#[netns_test(namespaces = 2)]
async fn hosts_without_addresses_are_not_asked(a: Host, b: Host) {
    for traffic in everything() {
        let between = a.connectivity(&b);
        assert_eq!(panic_of(between.assert_connection(traffic)).await, Err("broken".to_owned()));
        assert_eq!(panic_of(between.assert_no_connection(traffic)).await, Err("broken".to_owned()));
    }
}

#[netns_test(timeout = "60s")]
async fn unreachable_is_neither_silence_nor_a_refusal(net: Routed) -> TestResult {
    let between = net.client.connectivity(&net.server);
    for traffic in routed() {
        let expect = |rule: &str| {
            net.router.nft(chain("forward", &format!("meta l4proto {{ icmp, ipv6-icmp, tcp, udp }} {rule}")))
        };
        expect("reject with icmpx type no-route")?;
        between.assert_unreachable(traffic).await;
        between.ipv4().assert_unreachable(traffic).code(UnreachableCode::V4(0)).await;
        between.ipv6().assert_unreachable(traffic).code(UnreachableCode::V6(0)).await;
        let said = panic_of(between.ipv4().assert_unreachable(traffic).code(UnreachableCode::V4(1))).await;
        let said = said.unwrap_err();
        assert!(said.contains("are told that they cannot reach each other: host unreachable over"), "{said}");
        assert!(said.contains("net unreachable"), "{said}");
        between.assert_no_connection(traffic).await;
        // A rule, or a host that does not take it, unless that is what is wanted.
        for (rule, code) in
            [("admin-prohibited", UnreachableCode::V4(13)), ("port-unreachable", UnreachableCode::V4(3))]
        {
            expect(&format!("reject with icmpx type {rule}"))?;
            let said = panic_of(between.ipv4().assert_unreachable(traffic).timeout(QUICK)).await.unwrap_err();
            assert!(said.starts_with("assertion failed: "), "{said}");
            between.ipv4().assert_unreachable(traffic).code(code).await;
        }
        expect("drop")?;
        between.assert_no_connection(traffic).window(QUICK).await;
        let said = panic_of(between.assert_unreachable(traffic).timeout(QUICK)).await.unwrap_err();
        assert!(said.starts_with("assertion failed: client and server are told that they cannot"), "{said}");
    }
    net.router.nft(chain("forward", "meta l4proto tcp reject with tcp reset"))?;
    between.assert_no_connection(Tcp).window(QUICK).await;
    panic_of(between.assert_unreachable(Tcp).timeout(QUICK)).await.unwrap_err();
    // The own host has no route any more.
    take_down(&net.client).await;
    for traffic in routed() {
        between.egress().assert_unreachable(traffic).await;
        let of_a_code = between.egress().assert_unreachable(traffic).code(UnreachableCode::V4(0));
        panic_of(of_a_code.timeout(QUICK)).await.unwrap_err();
    }
    Ok(())
}

/// Beyond a router nobody is asked by ARP.
#[netns_test]
async fn arp_is_for_neighbours(net: Routed) {
    let between = net.client.connectivity(&net.server);
    assert_eq!(panic_of(between.assert_no_connection(Arp)).await, Err("broken".to_owned()));
    net.client.connectivity(&net.router).assert_connection(Arp).await;
}

#[netns_test(timeout = "60s")]
async fn what_was_established_outlives_a_rule_or_is_cut(net: Routed) -> TestResult {
    let between = net.client.connectivity(&net.server).ipv4();
    for (ports, others) in [(Tcp.ports(80..=82), Tcp.port(90)), (Udp.ports(80..=82), Udp.port(90))] {
        // From here on the router keeps track.
        net.router.nft(chain("forward", "ct state established accept"))?;
        let mut flows = between.establish(ports).await?;
        assert_eq!(flows.len(), 6);
        assert_eq!(flows.iter().filter(|flow| flow.local_addr().ip() == net.client.addr()).count(), 3);
        flows.assert_alive().await;
        net.router.nft(chain("forward", "ct state established accept\nmeta l4proto { tcp, udp } drop"))?;
        flows.assert_alive().await;
        between.assert_no_connection(others).window(QUICK).await;
        let said = panic_of(flows.assert_cut().window(LONG)).await.unwrap_err();
        assert!(
            said.starts_with(
                "assertion failed: all 6 flows are cut\n  client → server: it got through: an answer came in the "
            ),
            "{said}"
        );
        // Only those of the client.
        net.router.nft(chain("forward", "meta l4proto { tcp, udp } th dport 80-82 ip saddr client drop"))?;
        let said = panic_of(flows.assert_alive().timeout(QUICK)).await.unwrap_err();
        assert!(
            said.starts_with("assertion failed: all 6 flows are alive\n  client → server: nothing gets through the "),
            "{said}"
        );
        assert_eq!(outcomes_in(&said), 3, "{said}");
        net.router.nft(chain("forward", "meta l4proto { tcp, udp } drop"))?;
        flows.assert_cut().await;
        net.router.nft(chain("forward", "accept"))?;
        flows.assert_alive().await;
        flows.reopen().await?;
        flows.assert_alive().await;
    }
    Ok(())
}

#[netns_test(veth = true, timeout = "60s")]
async fn a_wait_ends_when_it_is_so(a: Host, b: Host) -> TestResult {
    let between = a.connectivity(&b).ipv4();
    for traffic in routed() {
        b.nft(chain("input", "meta l4proto { icmp, tcp, udp } drop"))?;
        between.wait_for_no_connection(traffic).await?;
        let error = between.wait_for_connection(traffic).timeout(QUICK).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, WaitError::Expired { .. }), "{error:?}");
        assert!(
            text.contains(&format!(
                "for this: a and b reach each other over {traffic}; there is instead: a → b (198.51.100.2): "
            )),
            "{text}"
        );
        let waiting = tokio::spawn(between.wait_for_connection(traffic).timeout(LONG).into_future());
        // It has been asked in vain by then.
        between.assert_no_connection(traffic).await;
        b.nft(chain("input", "accept"))?;
        waiting.await??;
        let error = between.wait_for_no_connection(traffic).timeout(QUICK).await.unwrap_err();
        assert!(error.to_string().contains("a → b (198.51.100.2): it got through: "), "{error}");
        let waiting = tokio::spawn(between.wait_for_no_connection(traffic).timeout(LONG).into_future());
        between.assert_connection(traffic).await;
        b.nft(chain("input", "meta l4proto { icmp, tcp, udp } drop"))?;
        waiting.await??;
    }
    Ok(())
}

/// The server's end is asked beside the network: a host that is busy has no say about that.
#[netns_test(veth = true)]
async fn a_paused_clock_breaks_the_question(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { icmp, tcp, udp } drop"))?;
    a.spawn(async { tokio::time::pause() }).await?;
    for traffic in routed() {
        let egress = a.connectivity(&b).egress().ipv4();
        assert_eq!(panic_of(egress.assert_no_connection(traffic)).await, Err("broken".to_owned()), "{traffic}");
    }
    Ok(())
}
