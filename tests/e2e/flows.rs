//! Conversations: open when both ends have heard each other, and cut only by the network.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::time::Instant;

use netns_test::drawing::Medium;
use netns_test::prelude::*;
use netns_test::{CutReason, UnreachableCode};
use netns_test_tests::counters::counter;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routed::Routed;
use netns_test_tests::routes::take_down;
use tokio::task::JoinHandle;

/// A home behind a masquerading router.
#[derive(Topology)]
struct Home {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24", "2001:db8:1::/64")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan, masquerade = wan)]
    router: Host,
    #[host(wan = "203.0.113.9")]
    server: Host,
}

/// A client and a server, with a wire, a switch or a router between them.
fn places() -> Vec<(&'static str, Lab)> {
    let subnets = ["10.0.1.0/24", "fd00:1::/64"];
    let far = ["10.0.2.0/24", "fd00:2::/64"];
    let wire = Lab::builder().segment("wire", subnets).draw(|drawing| drawing.segments[0].medium = Medium::Veth);
    let switch = Lab::builder().segment("switch", subnets);
    let router = Lab::builder().segment("near", subnets).segment("far", far).router("between", ["near", "far"]);
    [("wire", wire, ["wire"; 2]), ("switch", switch, ["switch"; 2]), ("router", router, ["near", "far"])]
        .map(|(name, lab, [near, far])| {
            let lab = lab.host(format!("client-{name}"), [near]).host(format!("server-{name}"), [far]);
            (name, lab.build().unwrap())
        })
        .into()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

use Protocol::{Sctp, Tcp, Udp};

/// Opens a flow of a protocol and a family.
async fn open(protocol: Protocol, ipv6: bool, client: &Host, server: &Host) -> Result<Flow, FlowError> {
    match (protocol, ipv6) {
        (Tcp, false) => client.open_tcp(server).await,
        (Tcp, true) => client.open_tcp(server).ipv6().await,
        (Udp, false) => client.open_udp(server).await,
        (Udp, true) => client.open_udp(server).ipv6().await,
        (Sctp, false) => client.open_sctp(server).await,
        (Sctp, true) => client.open_sctp(server).ipv6().await,
    }
}

fn all() -> impl Iterator<Item = (Protocol, bool)> {
    [Tcp, Udp].into_iter().flat_map(|protocol| [false, true].map(|ipv6| (protocol, ipv6)))
}

/// A chain of a hook, with these rules and none that were there before.
fn chain(hook: &str, rules: &str) -> String {
    let empty = |rules| {
        let kind = format!("type filter hook {hook} priority filter; policy accept;");
        format!("table inet filter {{\nchain {hook} {{\n{kind}\n{rules}\n}}\n}}\n")
    };
    format!("{}flush chain inet filter {hook}\n{}", empty(""), empty(rules))
}

/// Rules about everything but ICMP and neighbours.
const DROP: &str = "meta l4proto { tcp, udp, sctp } drop";

/// The design's own example.
#[netns_test]
async fn the_server_sees_the_router(net: Home) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    assert_eq!(flow.peer_as_seen_by_server().ip(), net.router.addr_on(&net.wan));
    net.wan.unplug(&net.router).await?;
    flow.assert_cut().await;
    Ok(())
}

#[netns_test(veth = true)]
async fn a_flow_is_where_it_says(a: Host, b: Host) -> TestResult {
    for (protocol, ipv6) in all() {
        let mut flow = open(protocol, ipv6, &a, &b).await?;
        let (from, to): (IpAddr, IpAddr) =
            if ipv6 { (a.addr_v6().into(), b.addr_v6().into()) } else { (a.addr_v4().into(), b.addr_v4().into()) };
        assert_eq!((flow.local_addr().ip(), flow.server_addr().ip()), (from, to));
        assert_eq!(flow.peer_as_seen_by_server(), flow.local_addr());
        assert_eq!(flow.mss().is_some(), protocol == Tcp);
        for _ in 0..50 {
            flow.assert_alive().await;
        }
        assert!(flow.exchange().await? < Duration::from_secs(5));
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_flow_is_opened_as_asked_for(a: Host, b: Host) -> TestResult {
    let mut flow = a.open_tcp(&b).port(8080).source(a.addr_v6()).source_port(4000).mss(600).await?;
    assert_eq!(flow.server_addr(), SocketAddr::from((b.addr_v6(), 8080)));
    assert_eq!(flow.peer_as_seen_by_server(), SocketAddr::from((a.addr_v6(), 4000)));
    assert!((560..=600).contains(&flow.mss().unwrap()), "{:?}", flow.mss());
    flow.reopen().await?;
    assert_eq!((flow.server_addr().port(), flow.peer_as_seen_by_server().port()), (8080, 4000));
    let mut udp = a.open_udp(&b).port(8080).source_port(4000).await?;
    assert_eq!((udp.server_addr().port(), udp.local_addr().port()), (8080, 4000));
    udp.reopen().await?;
    let error = a.open_tcp(&b).source(b.addr()).await.unwrap_err();
    assert!(!error.is_negative(), "{error:?}");
    assert_eq!(error.to_string(), "could not send from 198.51.100.2:0");
    let error = a.open_udp(&b).port(8080).await.unwrap_err();
    assert_eq!(error.to_string(), "could not serve UDP at 198.51.100.2:8080");
    Ok(())
}

#[netns_test(veth = true)]
fn plain_functions_wait(a: Host, b: Host) -> TestResult {
    let mut flow = a.open_tcp(&b).wait()?;
    flow.assert_alive().wait();
    assert!(flow.exchange().wait()? < Duration::from_secs(5));
    assert_eq!(flow.probe_cut().wait()?, None);
    flow.reopen().wait()?;
    b.nft(chain("input", DROP))?;
    flow.assert_cut().wait();
    Ok(())
}

/// The firewall of each end, while the flow is open; then it is taken down.
async fn is_cut_and_heals(kinds: &[(Protocol, bool)], (client, server): (&Host, &Host), place: &str) -> TestResult {
    for (at, hook) in [(server, "input"), (client, "output"), (server, "output"), (client, "input")] {
        let mut flows = Vec::new();
        for &(protocol, ipv6) in kinds {
            flows.push((protocol, ipv6, open(protocol, ipv6, client, server).await?));
        }
        at.nft(chain(hook, DROP))?;
        let probes = flows.into_iter().map(|(protocol, ipv6, mut flow)| {
            tokio::spawn(async move {
                let reason = flow.probe_cut().await;
                (protocol, ipv6, flow, reason)
            })
        });
        let mut flows = Vec::new();
        for probe in probes.collect::<Vec<_>>() {
            let (protocol, ipv6, flow, reason) = probe.await?;
            flows.push(flow);
            let reason = reason?;
            let what = format!("{protocol:?}, IPv6 {ipv6}, {hook} of {}, {place}", at.name());
            let arrives = at == server && hook == "output" || at == client && hook == "input";
            let expected = match reason {
                Some(CutReason::Silence { arrived, waited }) => {
                    arrived == arrives && waited >= Duration::from_millis(1500)
                }
                // The kernel tells UDP at once, and TCP never.
                Some(CutReason::ProhibitedHere) => protocol == Udp && at == client && hook == "output",
                _ => false,
            };
            assert!(expected, "{what}: {reason:?}");
            assert!(matches!(reason, Some(CutReason::Silence { .. })) || protocol == Udp, "{what}: {reason:?}");
        }
        at.nft(chain(hook, "accept"))?;
        for flow in &mut flows {
            let before = flow.local_addr();
            flow.assert_alive().await;
            assert_eq!(flow.local_addr(), before);
            flow.reopen().await?;
            flow.assert_alive().await;
        }
    }
    Ok(())
}

async fn are_cut_and_heal(kinds: &[(Protocol, bool)]) -> TestResult {
    let mut under_way = Vec::new();
    for (name, lab) in places() {
        let kinds = kinds.to_vec();
        under_way.push(tokio::spawn(async move {
            let hosts = (lab.host(&format!("client-{name}")), lab.host(&format!("server-{name}")));
            is_cut_and_heals(&kinds, hosts, name).await
        }));
    }
    for place in under_way {
        place.await??;
    }
    Ok(())
}

#[netns_test(namespaces = 0, timeout = "120s")]
async fn a_firewall_cuts_what_is_open() -> TestResult {
    are_cut_and_heal(&all().collect::<Vec<_>>()).await
}

/// A full kernel has SCTP: there it runs beside tests that require it.
#[netns_test(veth = true, timeout = "240s")]
async fn a_firewall_cuts_sctp(a: Host, b: Host) -> TestResult {
    match a.open_sctp(&b).await {
        Err(FlowError::Unsupported { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => are_cut_and_heal(&[(Sctp, false), (Sctp, true)]).await,
    }
}

/// Whether both assertions fail since neither could be asked.
async fn assert_broken(flow: &mut Flow) {
    assert_eq!(panic_of(flow.assert_cut()).await, Err("broken".to_owned()));
    assert_eq!(panic_of(flow.assert_alive()).await, Err("broken".to_owned()));
}

#[netns_test(veth = true)]
async fn each_assertion_fails_where_the_other_holds(a: Host, b: Host) -> TestResult {
    for (protocol, ipv6) in all() {
        let mut flow = open(protocol, ipv6, &a, &b).await?;
        let begun = Instant::now();
        let said = panic_of(flow.assert_cut().window(Duration::from_secs(20))).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(10));
        let name = if protocol == Tcp { "TCP" } else { "UDP" };
        assert!(said.starts_with(&format!("assertion failed: the {name} flow from a (")), "{said}");
        assert!(said.contains(" is cut\n  an answer came after "), "{said}");
        b.nft(chain("input", DROP))?;
        let said = panic_of(flow.assert_alive().timeout(Duration::from_millis(300))).await.unwrap_err();
        assert!(said.contains(" is alive\n  silence for "), "{said}");
        assert!(
            said.contains("; the question did not arrive\n") && said.contains("  it died in b by the nft rule "),
            "{said}"
        );
        b.nft(chain("input", "accept"))?;
    }
    Ok(())
}

/// A network that is whole again is not taken for one that is cut, however long TCP would like to wait before it tries again.
#[netns_test(namespaces = 0, timeout = "120s")]
async fn what_has_healed_is_not_cut() -> TestResult {
    let lab =
        Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).host("a", ["lan"]).host("b", ["lan"]).build()?;
    let (lan, a, b) = (lab.segment("lan"), lab.host("a"), lab.host("b"));
    for far in [a, b] {
        let mut flows = Vec::new();
        for (protocol, ipv6) in all() {
            flows.push(open(protocol, ipv6, a, b).await?);
        }
        lan.unplug(far).await?;
        let assertions = flows.into_iter().map(|mut flow| {
            tokio::spawn(async move {
                flow.assert_cut().await;
                flow.assert_cut().window(Duration::from_secs(4)).await;
                flow
            })
        });
        let mut flows = Vec::new();
        for assertion in assertions.collect::<Vec<_>>() {
            flows.push(assertion.await?);
        }
        lan.plug(far).await?;
        for flow in &mut flows {
            let said = panic_of(flow.assert_cut()).await.unwrap_err();
            assert!(said.contains("an answer came after"), "{said}");
        }
    }
    Ok(())
}

/// Blocks the runtime of a host until the sender is dropped.
async fn keep_busy(host: &Host) -> (mpsc::Sender<()>, JoinHandle<Result<(), mpsc::RecvError>>) {
    let (tell, told) = mpsc::channel();
    let (start, begun) = tokio::sync::oneshot::channel();
    let busy = host.spawn(async move {
        start.send(()).expect("somebody waits for it");
        told.recv()
    });
    begun.await.expect("it begins");
    (tell, busy)
}

/// A server that is kept from answering answers in the middle of the next exchange: to what was asked before.
#[netns_test(veth = true, timeout = "120s")]
async fn a_late_answer_is_none(a: Host, b: Host) -> TestResult {
    let mut flows = Vec::new();
    for (protocol, ipv6) in all() {
        flows.push(open(protocol, ipv6, &a, &b).await?);
    }
    let (tell, busy) = keep_busy(&b).await;
    let asked = flows.into_iter().map(|mut flow| {
        tokio::spawn(async move {
            flow.exchange().timeout(Duration::from_millis(200)).await.unwrap_err();
            flow
        })
    });
    let mut flows = Vec::new();
    for asked in asked.collect::<Vec<_>>() {
        flows.push(asked.await?);
    }
    b.nft(chain("input", DROP))?;
    let cut = flows.into_iter().map(|mut flow| {
        tokio::spawn(async move {
            flow.assert_cut().await;
            flow
        })
    });
    let cut: Vec<_> = cut.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(tell);
    assert!(busy.await?.is_err());
    let mut flows = Vec::new();
    for cut in cut {
        flows.push(cut.await?);
    }
    b.nft(chain("input", "accept"))?;
    for flow in &mut flows {
        flow.assert_alive().await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn what_is_rejected_has_its_reason(a: Host, b: Host) -> TestResult {
    let (v4, v6) = (IpAddr::from(b.addr_v4()), IpAddr::from(b.addr_v6()));
    for (with, ipv6, from, code, prohibited) in [
        ("icmp type port-unreachable", false, v4, UnreachableCode::V4(3), false),
        ("icmp type host-unreachable", false, v4, UnreachableCode::V4(1), false),
        ("icmp type admin-prohibited", false, v4, UnreachableCode::V4(13), true),
        ("icmpv6 type port-unreachable", true, v6, UnreachableCode::V6(4), false),
        ("icmpv6 type admin-prohibited", true, v6, UnreachableCode::V6(1), true),
    ] {
        for protocol in [Tcp, Udp] {
            b.nft(chain("input", "accept"))?;
            let mut flow = open(protocol, ipv6, &a, &b).await?;
            b.nft(chain("input", &format!("meta l4proto {{ tcp, udp }} reject with {with}")))?;
            let reason = flow.probe_cut().window(Duration::from_millis(300)).await?;
            let expected =
                if prohibited { CutReason::Prohibited { from, code } } else { CutReason::Unreachable { from, code } };
            assert_eq!(reason, Some(expected), "{protocol:?}");
            flow.assert_cut().window(Duration::from_millis(300)).await;
            b.nft(chain("input", "accept"))?;
            // It was a word, not an end.
            flow.assert_alive().await;
        }
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_reset_is_for_good(a: Host, b: Host) -> TestResult {
    for ipv6 in [false, true] {
        let mut flow = open(Tcp, ipv6, &a, &b).await?;
        b.nft(chain("input", "meta l4proto tcp reject with tcp reset"))?;
        assert_eq!(flow.probe_cut().await?, Some(CutReason::Reset));
        b.nft(chain("input", "accept"))?;
        flow.assert_cut().await;
        let said = panic_of(flow.assert_alive()).await.unwrap_err();
        assert!(said.contains(" is alive\n  the connection was reset\n"), "{said}");
        assert!(said.ends_with("b answered by a reset; why is not known"), "the rule is gone by then: {said}");
        flow.reopen().await?;
        flow.assert_alive().await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn without_a_route_nothing_leaves(a: Host, b: Host) -> TestResult {
    let mut flows = Vec::new();
    for (protocol, ipv6) in all() {
        flows.push(open(protocol, ipv6, &a, &b).await?);
    }
    take_down(&a).await;
    for mut flow in flows {
        let reason = flow.probe_cut().await?;
        assert_eq!(reason, Some(CutReason::NoRoute), "{flow:?}");
        flow.assert_cut().await;
        let error = flow.reopen().await.unwrap_err();
        assert_eq!(error.cut_reason(), Some(&CutReason::NoRoute), "{error:?}");
        // One that is not open is neither.
        assert_broken(&mut flow).await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn what_does_not_get_through_is_not_opened(a: Host, b: Host) -> TestResult {
    for (hook, rule, tcp, udp) in [
        ("input", "drop", "silence for ", "silence for "),
        (
            "input",
            "reject with icmpx type admin-prohibited",
            " says communication administratively prohibited",
            " says communication administratively prohibited",
        ),
        ("input", "meta l4proto tcp reject with tcp reset", "the connection was reset", ""),
        ("output", "drop", "silence for ", "the client's own host prohibits it"),
    ] {
        let host = if hook == "input" { &b } else { &a };
        host.nft(chain(hook, &format!("meta l4proto {{ tcp, udp }} {rule}")))?;
        for (flow, says) in [
            (a.open_tcp(&b).timeout(Duration::from_millis(300)).await, tcp),
            (a.open_udp(&b).timeout(Duration::from_millis(300)).await, udp),
        ] {
            if says.is_empty() {
                flow?;
                continue;
            }
            let error = flow.unwrap_err();
            assert!(error.is_negative(), "{error:?}");
            assert!(error.to_string().contains(says), "{hook} {rule}: {error}");
        }
        host.nft(chain(hook, "accept"))?;
    }
    Ok(())
}

#[netns_test(namespaces = 2)]
async fn without_an_address_there_is_no_flow(a: Host, b: Host) {
    let error = a.open_tcp(&b).await.unwrap_err();
    assert!(!error.is_negative());
    assert_eq!(error.to_string(), "b has no address: without `veth = true` it has a loopback only");
}

#[netns_test(veth = true, ipv6 = false)]
async fn without_an_address_of_the_family_there_is_no_flow(a: Host, b: Host) {
    let error = a.open_udp(&b).ipv6().await.unwrap_err();
    assert_eq!(error.to_string(), "b has no IPv6 address");
}

/// The silence of a server that is busy is not the network's.
#[netns_test(veth = true, timeout = "120s")]
async fn a_server_s_host_that_is_busy_breaks_the_question(a: Host, b: Host) -> TestResult {
    for protocol in [Tcp, Udp] {
        let mut flow = open(protocol, false, &a, &b).await?;
        let (tell, busy) = keep_busy(&b).await;
        assert_eq!(panic_of(flow.assert_cut()).await, Err("broken".to_owned()));
        let error = flow.exchange().timeout(Duration::from_millis(200)).await.unwrap_err();
        assert!(
            error.to_string().ends_with("does not work: the runtime of host `b` is busy with something else"),
            "{error}"
        );
        drop(tell);
        assert!(busy.await?.is_err());
        flow.assert_alive().await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_paused_clock_in_the_host_breaks_the_question(a: Host, b: Host) -> TestResult {
    let (mut tcp, mut udp) = (a.open_tcp(&b).await?, a.open_udp(&b).await?);
    b.nft(chain("input", DROP))?;
    a.spawn(async { tokio::time::pause() }).await?;
    assert_broken(&mut tcp).await;
    assert_broken(&mut udp).await;
    Ok(())
}

#[netns_test(veth = true)]
async fn a_flow_leaves_nothing_behind(a: Host, b: Host) -> TestResult {
    let sockets = |host: &Host| {
        let read = |table: &str| host.run(|| std::fs::read_to_string(format!("/proc/net/{table}")).unwrap());
        ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"].map(|table| read(table).lines().count() - 1).iter().sum::<usize>()
    };
    for (protocol, ipv6) in all() {
        let flow = open(protocol, ipv6, &a, &b).await?;
        assert_eq!((sockets(&a), sockets(&b)), (1, 1), "no listener either");
        drop(flow);
        // The server's end is told on its own thread.
        b.spawn(async {}).await?;
        a.spawn(async {}).await?;
        let begun = Instant::now();
        while (sockets(&a), sockets(&b)) != (0, 0) {
            assert!(begun.elapsed() < Duration::from_secs(5), "{protocol:?}");
        }
    }
    Ok(())
}

/// A translated flow is what a tracker of connections takes it for.
#[netns_test(veth = true)]
async fn a_firewall_that_tracks_takes_it_for_established(a: Host, b: Host) -> TestResult {
    for (protocol, ipv6) in all() {
        b.nft("flush ruleset")?;
        b.nft(chain("input", "ct state established accept"))?;
        let mut flow = open(protocol, ipv6, &a, &b).await?;
        b.nft(chain("input", &format!("ct state established accept\n{DROP}")))?;
        flow.assert_alive().await;
        let error = match protocol {
            Tcp => a.open_tcp(&b).timeout(Duration::from_millis(200)).await.unwrap_err(),
            Udp | Sctp => a.open_udp(&b).timeout(Duration::from_millis(200)).await.unwrap_err(),
        };
        assert!(error.is_negative(), "{error:?}");
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_conversation_that_goes_on_is_assured(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "ct state established accept"))?;
    for ipv6 in [false, true] {
        let open = a.open_udp(&b).assured();
        let mut flow = if ipv6 { open.ipv6() } else { open.ipv4() }.await?;
        let tracked = b.conntrack().udp().port(flow.local_addr().port()).list()?;
        assert!(matches!(&tracked[..], [only] if only.is_assured()), "{tracked:?}");
        flow.assert_alive().await;
    }
    Ok(())
}

/// It is not alive, and nothing says that it is cut.
#[netns_test]
async fn a_packet_that_dies_on_the_way_is_neither(net: Routed) -> TestResult {
    let hops = |number: &'static str| net.client.run(|| std::fs::write("/proc/sys/net/ipv4/ip_default_ttl", number));
    for protocol in [Tcp, Udp] {
        let mut flow = open(protocol, false, &net.client, &net.server).await?;
        hops("1")?;
        let said = panic_of(flow.assert_alive().timeout(Duration::from_millis(500))).await.unwrap_err();
        assert!(
            said.starts_with("assertion failed: the ") && said.contains(" died at 10.0.1.1: time exceeded\n"),
            "{said}"
        );
        assert_eq!(panic_of(flow.assert_cut().window(Duration::from_millis(500))).await, Err("broken".to_owned()));
        let said = panic_of(
            net.client
                .connectivity(&net.server)
                .egress()
                .ipv4()
                .assert_connection(netns_test::Tcp)
                .timeout(Duration::from_millis(500)),
        );
        assert!(said.await.unwrap_err().contains(" died at 10.0.1.1: time exceeded"));
        let no = net.client.connectivity(&net.server).egress().ipv4();
        assert_eq!(panic_of(no.assert_no_connection(netns_test::Udp)).await, Err("broken".to_owned()));
        hops("64")?;
        flow.assert_alive().await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn sctp_is_a_flow_or_is_not_there(a: Host, b: Host) -> TestResult {
    let opened = a.open_sctp(&b).await;
    match opened {
        Ok(mut flow) => flow.assert_alive().await,
        Err(FlowError::Unsupported { remedy }) => assert!(remedy.contains("CONFIG_IP_SCTP"), "{remedy}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn silence_is_believed_after_three_packets(a: Host, b: Host) -> TestResult {
    let (mut tcp, mut udp) = (a.open_tcp(&b).await?, a.open_udp(&b).await?);
    b.nft(chain("input", DROP))?;
    let before = counter(&a, "Udp", "OutDatagrams");
    udp.assert_cut().window(Duration::from_millis(300)).await;
    assert_eq!(counter(&a, "Udp", "OutDatagrams") - before, 3);
    let before = counter(&a, "Tcp", "RetransSegs");
    tcp.assert_cut().window(Duration::from_millis(20)).await;
    assert!(counter(&a, "Tcp", "RetransSegs") - before >= 2, "one and its repetitions");
    Ok(())
}
