//! Conversations that do not come about, or end: where their packets died.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use netns_test::prelude::*;
use netns_test::{FlowError, Tcp, TestError};

use netns_test_tests::panics::panic_of;

use super::{Home, Net, WHILE, ip, rule, says, set};

/// An error says each of these where a test shows it.
fn shows(error: FlowError, expected: &[&str]) {
    let message = format!("{:?}", TestError::from(error));
    println!("{message}");
    for words in expected {
        assert!(message.contains(words), "`{words}` is not in:\n{message}");
    }
}

#[netns_test(requires(nftables))]
async fn a_connection_is_dropped_by_a_router(net: Net) -> TestResult {
    rule(&net.router, "forward", "tcp dport 80 drop")?;
    let error = net.laptop.open_tcp(&net.server).port(80).timeout(WHILE).await.unwrap_err();
    let way = "SYN 1 of 1: left laptop:eth0 → entered router:eth0\n";
    let cause =
        "it died in router, most likely by the nft rule `tcp dport 80 drop` in the chain `inet t c` (hook forward)";
    shows(error, &["nothing gets through the TCP flow from laptop", way, cause]);
    Ok(())
}

/// By `unwrap` as by `?`.
#[netns_test(requires(nftables))]
async fn a_connection_is_rejected_by_a_router(net: Net) -> TestResult {
    rule(&net.router, "forward", "reject with icmpx admin-prohibited")?;
    let error = net.laptop.open_tcp(&net.server).timeout(WHILE).await.unwrap_err();
    let message = format!("{error:?}");
    let cause = "router says communication administratively prohibited: it died in router, most likely by the nft rule `reject with";
    assert!(message.contains(cause), "{message}");
    assert!(!error.to_string().contains('\n'), "what is shown in a line: {error}");
    Ok(())
}

#[netns_test(requires(nftables))]
async fn datagrams_are_dropped_by_a_router(net: Net) -> TestResult {
    rule(&net.router, "forward", "udp dport 53 drop")?;
    let error = net.laptop.open_udp(&net.server).port(53).timeout(WHILE).await.unwrap_err();
    let cause = "it died in router, most likely by the nft rule `udp dport 53 drop`";
    shows(error, &["datagram ", ": left laptop:eth0 → entered router:eth0\n", cause]);
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_connection_does_not_leave(net: Net) -> TestResult {
    rule(&net.laptop, "output", "tcp dport 80 drop")?;
    let error = net.laptop.open_tcp(&net.server).port(80).timeout(WHILE).await.unwrap_err();
    shows(
        error,
        &["nothing of it left laptop\n", "it died in laptop, most likely by the nft rule `tcp dport 80 drop`"],
    );
    Ok(())
}

/// It is open, and what is said in it is dropped.
#[netns_test(requires(nftables))]
async fn the_first_word_of_a_connection_is_dropped(net: Net) -> TestResult {
    rule(&net.router, "forward", "tcp dport 80 tcp flags & (syn|psh) == psh drop")?;
    let error = net.laptop.open_tcp(&net.server).port(80).timeout(WHILE).await.unwrap_err();
    let cause = "it died in router, most likely by the nft rule `tcp dport 80 tcp flags & (syn | psh) == psh drop`";
    let cause_as_flags = "it died in router, most likely by the nft rule `tcp dport 80 tcp flags psh / syn,psh drop`";
    let message = format!("{error:?}");
    assert!(message.contains("segment 1 of 1: left laptop:eth0 → entered router:eth0\n"), "{message}");
    assert!(message.contains(cause) || message.contains(cause_as_flags), "{message}");
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_cuts_a_connection(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let port = flow.server_addr().port();
    rule(&net.router, "forward", &format!("tcp dport {port} drop"))?;
    let way = "segment 1 of 1: left laptop:eth0 → entered router:eth0\n";
    let cause = format!("it died in router by the nft rule `tcp dport {port} drop`");
    says(flow.assert_alive().timeout(WHILE), &["the question did not arrive", way, &cause]).await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_the_answers_of_a_connection(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let port = flow.server_addr().port();
    rule(&net.router, "forward", &format!("tcp sport {port} drop"))?;
    let there = "left laptop:eth0 → entered router:eth0 → left router:eth1 → entered server:eth0\n";
    let back = "its answer: left server:eth0 → entered router:eth1\n";
    let cause = format!("it died in router by the nft rule `tcp sport {port} drop`");
    says(flow.assert_alive().timeout(WHILE), &[there, back, &cause]).await;
    Ok(())
}

/// So much TCP within a host that only some of it is recorded, until what this answers with is called.
fn rush(host: &Host) -> TestResult<impl FnOnce() + use<>> {
    let listener = host.run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let mut sender = host.tcp_connect(listener.local_addr()?)?;
    sender.set_nodelay(true)?;
    let (mut receiver, _) = listener.accept()?;
    let taker = std::thread::spawn(move || std::io::copy(&mut receiver, &mut std::io::sink()));
    let is_over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&is_over);
    let speaker = std::thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            sender.write_all(b"!").unwrap();
        }
    });
    Ok(move || {
        is_over.store(true, Ordering::Relaxed);
        speaker.join().unwrap();
        taker.join().unwrap().unwrap();
    })
}

/// What is told of a question in a connection that is cut while its host is in a rush: nothing is concluded.
async fn told_in_a_rush(net: &Net, hook: &str, host: &Host) -> TestResult<String> {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let port = flow.server_addr().port();
    rule(host, hook, &format!("tcp dport {port} drop"))?;
    let end_of_rush = rush(&net.laptop)?;
    let message = panic_of(flow.assert_alive().timeout(WHILE)).await.expect_err("it is cut");
    end_of_rush();
    println!("{message}");
    assert!(message.contains("so much came that only some of TCP was recorded"), "{message}");
    assert!(!message.contains("died") && !message.contains("nft"), "{message}");
    Ok(message)
}

#[netns_test(requires(nftables))]
async fn a_question_in_a_rush_was_seen_by_chance(net: Net) -> TestResult {
    let message = told_in_a_rush(&net, "forward", &net.router).await?;
    assert!(message.contains("entered router:eth0\n"), "{message}");
    Ok(())
}

#[netns_test(requires(nftables))]
async fn that_nothing_left_in_a_rush_is_not_known(net: Net) -> TestResult {
    let message = told_in_a_rush(&net, "output", &net.laptop).await?;
    assert!(message.contains("nothing of it was seen to leave laptop"), "{message}");
    Ok(())
}

/// A transfer elsewhere takes nothing from what is known of a question.
#[netns_test(requires(nftables))]
async fn a_question_beside_a_rush_is_known_about(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let port = flow.server_addr().port();
    rule(&net.router, "forward", &format!("tcp dport {port} drop"))?;
    let end_of_rush = rush(&net.server)?;
    let message = panic_of(flow.assert_alive().timeout(WHILE)).await.expect_err("it is cut");
    end_of_rush();
    let cause = format!("it died in router by the nft rule `tcp dport {port} drop`");
    assert!(message.contains(&cause), "`{cause}` is not in:\n{message}");
    Ok(())
}

/// That the question arrived is said, which is no answer.
#[netns_test(requires(nftables))]
async fn a_rule_drops_data_and_lets_acknowledgements_through(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let port = flow.server_addr().port();
    rule(&net.router, "forward", &format!("tcp sport {port} ip length > 70 drop"))?;
    let cause = format!("it died in router by the nft rule `tcp sport {port} ip length > 70 drop`");
    let back = "its answer: left server:eth0 → entered router:eth1\n";
    says(flow.assert_alive().timeout(WHILE), &[back, &cause]).await;
    Ok(())
}

/// Nothing of the question has left: what went before in the same connection is sent again to find the rule.
#[netns_test(requires(nftables))]
async fn a_rule_of_its_own_host_cuts_a_connection(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let port = flow.local_addr().port();
    rule(&net.laptop, "output", "tcp sport 1 drop")?;
    net.laptop.nft(format!("add rule inet t c tcp sport {port} drop"))?;
    let cause = format!("it died in laptop by the nft rule `tcp sport {port} drop`");
    says(flow.assert_alive().timeout(WHILE), &["nothing of it left laptop\n", &cause]).await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_cuts_datagrams(net: Net) -> TestResult {
    let mut flow = net.laptop.open_udp(&net.server).await?;
    let port = flow.server_addr().port();
    rule(&net.router, "forward", &format!("udp dport {port} drop"))?;
    let cause = format!("it died in router by the nft rule `udp dport {port} drop`");
    says(flow.assert_alive().timeout(WHILE), &[": left laptop:eth0 → entered router:eth0\n", &cause]).await;
    Ok(())
}

/// Of two flows at once, one of which is alive.
#[netns_test(requires(nftables))]
async fn a_rule_cuts_one_of_two_flows(net: Net) -> TestResult {
    let mut cut = net.laptop.open_udp(&net.server).source_port(4000).await?;
    let mut alive = net.laptop.open_udp(&net.server).port(cut.server_addr().port() + 1).await?;
    rule(&net.server, "input", "udp sport 4000 drop")?;
    let cause = "it died in server by the nft rule `udp sport 4000 drop`";
    let expected = ["entered server:eth0\n", cause];
    tokio::join!(says(cut.assert_alive().timeout(WHILE), &expected), alive.assert_alive());
    Ok(())
}

#[netns_test]
async fn a_cable_is_pulled_from_a_connection(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    flow.assert_alive().await;
    net.wan.unplug(&net.server).await?;
    let way = ": left laptop:eth0 → entered router:eth0 → left router:eth1\n";
    let cause = "it was lost on `wan` after it left router:eth1: server:eth0 has no carrier: its cable is unplugged";
    says(flow.assert_alive().timeout(WHILE), &[way, cause]).await;
    Ok(())
}

/// Long enough for TCP to have said it several times: it is told once.
#[netns_test]
async fn a_connection_says_again_what_gets_lost(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    set(&net.router, "ipv4/ip_forward", "0");
    let alive = flow.assert_alive().timeout(Duration::from_secs(2));
    says(alive, &["segment 1 of 1: left laptop:eth0 → entered router:eth0\n  it died in router"]).await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_connection_is_reset_on_the_way(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    rule(&net.router, "forward", "meta l4proto tcp reject with tcp reset")?;
    let cause = "it died in router by the nft rule `meta l4proto tcp reject with tcp reset`";
    says(flow.assert_alive().timeout(WHILE), &["the connection was reset", "entered router:eth0\n", cause]).await;
    // It has been dead before.
    says(flow.assert_alive().timeout(WHILE), &["the connection was reset", "entered router:eth0\n", cause]).await;
    Ok(())
}

/// A home with a router that masquerades.
#[derive(Topology)]
struct Masquerading {
    #[segment("10.0.1.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan, masquerade = wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

/// What does not begin with a SYN is no connection any more, and nothing is translated.
#[netns_test]
async fn a_router_forgets_a_connection(net: Masquerading) -> TestResult {
    set(&net.router, "netfilter/nf_conntrack_tcp_loose", "0");
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    flow.assert_alive().await;
    net.router.conntrack().flush()?;
    let laptop = net.laptop.addr_on(&net.lan);
    assert!(net.router.addr_on(&net.wan).is_ipv4());
    let cause = format!("server has no route to {laptop}, which is laptop");
    let hint = format!("router has passed it on from {laptop}, and translates what leaves there");
    says(flow.assert_alive().timeout(WHILE), &["entered server:eth0\n", &cause, &hint]).await;
    Ok(())
}

/// A rule that lets nothing through but what is known drops what is not.
#[netns_test]
async fn a_router_forgets_a_connection_and_drops_what_it_does_not_know(net: Masquerading) -> TestResult {
    set(&net.router, "netfilter/nf_conntrack_tcp_loose", "0");
    rule(&net.router, "forward", "ct state invalid drop")?;
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    net.router.conntrack().flush()?;
    assert!(net.lan.name() != net.wan.name());
    let cause = "it died in router by the nft rule `ct state invalid drop`";
    says(flow.assert_alive().timeout(WHILE), &["entered router:eth0\n", cause]).await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn one_of_two_directions_is_dropped(net: Net) -> TestResult {
    let server = net.server.addr_v4();
    rule(&net.router, "forward", &format!("ip saddr {server} tcp dport 80 drop"))?;
    let connection = net.laptop.connectivity(&net.server).ipv4().assert_connection(Tcp.port(80)).timeout(WHILE);
    let cause = format!("it died in router by the nft rule `ip saddr {server} tcp dport 80 drop`");
    says(connection, &["server → laptop", ": left server:eth0 → entered router:eth1\n", &cause]).await;
    Ok(())
}

#[netns_test]
async fn one_of_two_families_is_not_forwarded(net: Net) {
    set(&net.router, "ipv6/conf/all/forwarding", "0");
    let connection = net.laptop.connectivity(&net.server).egress().assert_connection(Icmp).timeout(WHILE);
    let there = "left laptop:eth0 → entered router:eth0\n";
    says(
        connection,
        &["laptop → server (2001:db8:2::", there, "it died in router", "net.ipv6.conf.all.forwarding = 0"],
    )
    .await;
}

#[netns_test]
async fn a_neighbour_is_not_there(net: Net) -> TestResult {
    net.lan.unplug(&net.printer).await?;
    let connectivity = net.laptop.connectivity(&net.printer).ipv4().egress();
    let connection = connectivity.assert_connection(Arp).timeout(WHILE);
    says(connection, &["laptop → printer", "nobody on `lan` answers laptop:eth0 for ", "printer:eth0 has no carrier"])
        .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn one_of_several_flows_is_cut(net: Net) -> TestResult {
    let mut flows = net.laptop.connectivity(&net.server).ipv4().egress().establish(Tcp.ports(80..=82)).await?;
    rule(&net.server, "input", "tcp dport 81 drop")?;
    let cause = "it died in server by the nft rule `tcp dport 81 drop`";
    says(flows.assert_alive().timeout(WHILE), &["laptop → server: ", "entered server:eth0\n", cause]).await;
    Ok(())
}

#[netns_test]
async fn nobody_masquerades_for_a_connection(net: Home) {
    let laptop = net.laptop.addr_on(&net.lan);
    assert!(net.router.addr_on(&net.wan).is_ipv4());
    let error = net.laptop.open_tcp(&net.server).timeout(WHILE).await.unwrap_err();
    shows(error, &["entered server:eth0\n", &format!("server has no route to {laptop}, which is laptop")]);
}

/// While it is open, the way to it is another.
#[netns_test]
async fn a_route_is_changed_under_a_connection(net: Net) -> TestResult {
    let mut flow = net.laptop.open_tcp(&net.server).await?;
    let laptop = net.laptop.addr();
    ip(&net.router, &format!("route add blackhole {laptop}/32"));
    let cause = format!("a route of router drops it to {laptop} (blackhole)");
    says(flow.assert_alive().timeout(WHILE), &["its answer: left server:eth0 → entered router:eth1\n", &cause]).await;
    Ok(())
}

/// The router was drawn to, and somebody has taken its rules away.
#[netns_test(requires(nftables))]
async fn masquerading_is_gone(net: Masquerading) -> TestResult {
    net.laptop.assert_ping(&net.server).await;
    net.router.nft("flush ruleset")?;
    net.router.conntrack().flush()?;
    assert!(net.lan.name() != net.wan.name());
    let why = "it was to translate what leaves by eth1, and its ruleset has no such rule any more";
    says(net.laptop.assert_ping(&net.server).timeout(WHILE), &["server has no route to 10.0.1.2", why]).await;
    Ok(())
}
