//! Broken networks, and what a failed assertion says of each: where the packet died, and why.

#[path = "gallery/at_once.rs"]
mod at_once;
#[path = "gallery/counted.rs"]
mod counted;
#[path = "gallery/flows.rs"]
mod flows;
#[path = "gallery/rules_of_routing.rs"]
mod rules_of_routing;
#[path = "gallery/shown.rs"]
mod shown;

use netns_test::prelude::*;
use netns_test::{Engine, Impairment, Percent};
use netns_test_tests::panics::says;

/// How long is asked in vain.
const WHILE: Duration = Duration::from_millis(700);

/// Bytes of a ping that fit into a packet of 1500, and not into one of 1280.
const BIG: u16 = 1400;

/// A laptop and a printer behind a router, and a server beyond it.
#[derive(Topology)]
struct Net {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24", "2001:db8:2::/64")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[host(lan)]
    printer: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

/// Runs `ip` in a host.
fn ip(host: &Host, arguments: &str) {
    let output = host.command("ip").args(arguments.split(' ')).output().expect("`ip` can be run");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Sets a sysctl under `/proc/sys/net`.
fn set(host: &Host, path: &str, value: &str) {
    host.run(|| std::fs::write(format!("/proc/sys/net/{path}"), value)).expect("the sysctl is there");
}

/// A chain at a hook, with a rule.
fn rule(host: &Host, hook: &str, rule: &str) -> TestResult {
    let chain = format!("chain c {{ type filter hook {hook} priority filter; policy accept; {rule}\n }}");
    Ok(host.nft(format!("table inet t {{\n{chain}\n}}"))?)
}

#[netns_test]
async fn forwarding_is_off(net: Net) {
    set(&net.router, "ipv4/ip_forward", "0");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "left laptop:eth0 → entered router:eth0\n",
            "it died in router: ",
            "router does not forward (net.ipv4.conf.eth0.forwarding = 0)",
        ],
    )
    .await;
}

#[netns_test]
async fn the_route_back_is_missing(net: Net) {
    ip(&net.server, "route del default");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let there = "left laptop:eth0 → entered router:eth0 → left router:eth1 → entered server:eth0\n";
    let laptop = net.laptop.addr();
    says(ping, &[there, &format!("server has no route to {laptop}, which is laptop")]).await;
}

#[netns_test]
async fn there_is_no_route(net: Net) {
    ip(&net.router, "route add unreachable 203.0.113.0/25");
    ip(&net.router, "route del 203.0.113.0/24");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["left laptop:eth0 → entered router:eth0\n", "router says host unreachable", "a route of router"])
        .await;
}

#[netns_test]
async fn the_gateway_is_nobody(net: Net) {
    ip(&net.laptop, "route replace default via 10.0.1.99");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "nothing of it left laptop\n",
            "nobody on `lan` answers laptop:eth0 for 10.0.1.99 (ARP, asked ",
            "no host of this lab was given 10.0.1.99, the gateway,",
        ],
    )
    .await;
}

#[netns_test]
async fn the_gateway_is_no_router(net: Net) {
    let printer = net.printer.addr();
    ip(&net.laptop, &format!("route replace default via {printer}"));
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "left laptop:eth0 → entered printer:eth0\n",
            "printer does not forward",
            &format!("by the gateway {printer}, which is printer"),
        ],
    )
    .await;
}

#[netns_test]
async fn the_router_filters_by_reverse_path(net: Net) {
    let (laptop, server) = (net.laptop.addr(), net.server.addr());
    set(&net.router, "ipv4/conf/eth0/rp_filter", "1");
    net.laptop.assert_ping(&net.router).await;
    ip(&net.router, &format!("route add {laptop}/32 via {server}"));
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "left laptop:eth0 → entered router:eth0\n",
            &format!("from {laptop} it takes packets by eth1 only"),
            "net.ipv4.conf.eth0.rp_filter = 1",
        ],
    )
    .await;
}

#[netns_test]
async fn a_neighbour_filters_by_reverse_path(net: Net) {
    let (laptop, server) = (net.laptop.addr(), net.server.addr());
    set(&net.router, "ipv4/conf/eth0/rp_filter", "1");
    ip(&net.router, &format!("route add {laptop}/32 via {server}"));
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let why = "is router:eth0, where the question came in, and no answer left: router: from ";
    says(ping, &["nothing of it left laptop\n", why, "net.ipv4.conf.eth0.rp_filter = 1"]).await;
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_before_routing(net: Net) -> TestResult {
    rule(&net.router, "prerouting", "icmp type echo-request drop")?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "entered router:eth0\n",
            "it died in router",
            "by the nft rule `icmp type echo-request drop` in the chain `inet t c` (hook prerouting)",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_what_is_forwarded(net: Net) -> TestResult {
    let server = net.server.addr();
    rule(&net.router, "forward", &format!("ip daddr {server} counter drop"))?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "entered router:eth0\n",
            "it died in router",
            "by the nft rule `ip daddr ",
            "(hook forward), which has counted ",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_after_routing(net: Net) -> TestResult {
    rule(&net.router, "postrouting", "oifname \"eth1\" drop")?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "entered router:eth0\n",
            "it died in router",
            "by the nft rule `oifname \"eth1\" drop` in the chain `inet t c` (hook postrouting)",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_what_comes_in(net: Net) -> TestResult {
    rule(&net.server, "input", "tcp dport 80 drop")?;
    let _listener = net.server.run(|| std::net::TcpListener::bind("0.0.0.0:80"))?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(
        tcp,
        &[
            "entered server:eth0\n",
            "it died in server",
            "by the nft rule `tcp dport 80 drop` in the chain `inet t c` (hook input)",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_what_goes_out(net: Net) -> TestResult {
    rule(&net.laptop, "output", "tcp dport 80 drop")?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(
        tcp,
        &[
            "nothing of it left laptop\n",
            "it died in laptop",
            "by the nft rule `tcp dport 80 drop` in the chain `inet t c` (hook output)",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn an_answer_is_dropped_on_its_way_back(net: Net) -> TestResult {
    rule(&net.router, "forward", "icmp type echo-reply drop")?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "its answer: left server:eth0 → entered router:eth1\n",
            "it died in router",
            "by the nft rule `icmp type echo-reply drop` in the chain `inet t c` (hook forward)",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_rejects(net: Net) -> TestResult {
    rule(&net.router, "forward", "reject with icmpx admin-prohibited")?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "entered router:eth0\n",
            "router says communication administratively prohibited",
            "reject with icmpx admin-prohibited",
        ],
    )
    .await;
    Ok(())
}

/// Rules that could have been it are not blamed.
#[netns_test(requires(nftables))]
async fn a_policy_drops_beside_rules_that_do_not(net: Net) -> TestResult {
    net.router.nft(
        "table ip t {
            chain other { udp dport 53 drop; }
            chain f {
                type filter hook forward priority 0; policy drop;
                ip protocol tcp drop
                jump other
                icmp type echo-reply accept
            }
        }",
    )?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "entered router:eth0\n",
            "it died in router by the policy of the nft chain `ip t f`, which is `drop` (hook forward)",
        ],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_rule_drops_in_a_chain_that_is_jumped_to(net: Net) -> TestResult {
    net.router.nft(
        "table ip t {
            chain other { icmp type echo-request drop; }
            chain f { type filter hook forward priority 0; policy accept; jump other; }
        }",
    )?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let rule = "it died in router by the nft rule `icmp type echo-request drop` in the chain `ip t other`";
    says(ping, &["entered router:eth0\n", rule]).await;
    Ok(())
}

/// Where packets cannot be traced, rules are suspected.
#[netns_test(requires(nftables))]
async fn a_rule_drops_as_soon_as_a_frame_is_there(net: Net) -> TestResult {
    rule(&net.server, "input", "udp dport 53 drop")?;
    net.server.nft(
        "table netdev t {
            chain c {
                type filter hook ingress device eth0 priority 0
                meta l4proto icmp drop
            }
        }",
    )?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &["entered server:eth0\n", "it died in server, most likely by ", "`meta l4proto icmp drop`", "(hook ingress)"],
    )
    .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_link_is_too_narrow_and_nobody_says_so(net: Net) -> TestResult {
    net.wan.set_mtu(&net.router, 1280).await?;
    rule(&net.router, "output", "icmp type destination-unreachable drop")?;
    let ping = net.laptop.assert_ping(&net.server).ipv4().size(BIG).dont_fragment(true).timeout(WHILE);
    says(
        ping,
        &[
            "left laptop:eth0 → entered router:eth0\n",
            "it died in router: it is 1428 bytes long and must not be fragmented, and router:eth1 takes 1280",
        ],
    )
    .await;
    Ok(())
}

#[netns_test]
async fn a_link_is_too_narrow(net: Net) -> TestResult {
    net.wan.set_mtu(&net.router, 1280).await?;
    let ping = net.laptop.assert_ping(&net.server).ipv4().size(BIG).dont_fragment(true).timeout(WHILE);
    says(ping, &["router says fragmentation needed: ", "router:eth1 takes 1280"]).await;
    Ok(())
}

#[netns_test]
async fn the_servers_cable_is_unplugged(net: Net) -> TestResult {
    net.wan.unplug(&net.server).await?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "left laptop:eth0 → entered router:eth0\n",
            "nobody on `wan` answers router:eth1 for ",
            "server:eth0 has no carrier: its cable is unplugged",
        ],
    )
    .await;
    Ok(())
}

#[netns_test]
async fn a_cable_is_unplugged_from_one_that_is_known(net: Net) -> TestResult {
    net.laptop.assert_ping(&net.server).await;
    net.wan.unplug(&net.server).await?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["left router:eth1\n", "it was lost on `wan` after it left router:eth1: server:eth0 has no carrier"])
        .await;
    Ok(())
}

/// A switch that does not know any more where it is asks everybody; the others are not who it is for.
#[netns_test]
async fn a_frame_is_passed_on_to_all(net: Net) -> TestResult {
    net.laptop.assert_ping(&net.printer).await;
    net.lan.unplug(&net.printer).await?;
    let ping = net.laptop.assert_ping(&net.printer).timeout(WHILE);
    says(
        ping,
        &[": left laptop:eth0\n", "it was lost on `lan` after it left laptop:eth0: printer:eth0 has no carrier"],
    )
    .await;
    Ok(())
}

#[netns_test]
async fn the_own_cable_is_unplugged(net: Net) -> TestResult {
    net.lan.unplug(&net.laptop).await?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["nothing of it left laptop\n", "laptop:eth0 has no carrier: its cable is unplugged"]).await;
    Ok(())
}

#[netns_test]
async fn an_interface_is_down(net: Net) {
    ip(&net.server, "link set eth0 down");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["nobody on `wan` answers router:eth1", "server:eth0 is down"]).await;
}

#[netns_test]
async fn two_have_the_same_address(net: Net) {
    let printer = net.printer.addr();
    let router = net.router.addr_on(&net.lan);
    ip(&net.router, &format!("address add {printer}/32 dev eth0"));
    let tcp = net.laptop.assert_tcp(&net.printer, 80).timeout(WHILE);
    says(
        tcp,
        &["nobody listens on TCP port 80", &format!("{printer} is answered for by several: "), "printer (", "router ("],
    )
    .await;
    assert_ne!(router, printer);
}

#[netns_test]
async fn two_answer_who_has_an_address(net: Net) {
    let printer = net.printer.addr();
    ip(&net.router, &format!("address add {printer}/32 dev eth0"));
    let arping = net.laptop.assert_arping(&net.printer).timeout(WHILE);
    says(arping, &[&format!("{printer} is answered for by several: "), "printer (", "router ("]).await;
}

/// Who was not found some time ago is not why a rule drops what is sent there now.
#[netns_test(requires(nftables))]
async fn a_rule_drops_what_is_for_a_neighbour_that_was_away(net: Net) -> TestResult {
    net.lan.unplug(&net.printer).await?;
    net.laptop.assert_no_ping(&net.printer).window(Duration::from_secs(4)).await;
    net.lan.plug(&net.printer).await?;
    rule(&net.laptop, "output", "icmp type echo-request drop")?;
    let ping = net.laptop.assert_ping(&net.printer).timeout(WHILE);
    says(ping, &["nothing of it left laptop\n", "it died in laptop by the nft rule `icmp type echo-request drop`"])
        .await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn a_map_of_verdicts_drops(net: Net) -> TestResult {
    rule(&net.router, "forward", "tcp dport vmap { 22 : accept, 80 : drop }")?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(
        tcp,
        &["entered router:eth0\n", "it died in router by the nft rule `tcp dport vmap { 22 : accept, 80 : drop }`"],
    )
    .await;
    Ok(())
}

/// Of two that are dropped by two rules, each is told its own.
#[netns_test(requires(nftables))]
async fn another_rule_drops_what_others_ask(net: Net) -> TestResult {
    let (laptop, printer) = (net.laptop.addr(), net.printer.addr());
    rule(&net.router, "forward", &format!("ip saddr {printer} drop"))?;
    net.router.nft(format!("add rule inet t c ip saddr {laptop} drop"))?;
    let _pinger = net.printer.ping(&net.server).interval(Duration::from_millis(1)).start();
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["entered router:eth0\n", &format!("it died in router by the nft rule `ip saddr {laptop} drop`")])
        .await;
    Ok(())
}

#[netns_test]
async fn a_neighbour_does_not_answer(net: Net) {
    // For none of its addresses: `arp_ignore` in Documentation/networking/ip-sysctl.rst.
    set(&net.printer, "ipv4/conf/all/arp_ignore", "8");
    let ping = net.laptop.assert_ping(&net.printer).timeout(WHILE);
    says(
        ping,
        &[
            "nothing of it left laptop\n",
            "nobody on `lan` answers laptop:eth0 for ",
            "is printer:eth0, where the question came in, and no answer left: net.ipv4.conf.all.arp_ignore = 8",
        ],
    )
    .await;
}

#[netns_test]
async fn nothing_comes_back_over_a_link(net: Net) -> TestResult {
    net.laptop.assert_ping(&net.server).await;
    let all = Impairment::new().loss(Percent::new(100.0));
    let _lossy = net.wan.impair(all).from(&net.server).engine(Engine::Relay).await?;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "its answer: left server:eth0\n",
            "its answer was lost on `wan` after it left server:eth0: most likely by ",
            "loss 100%",
        ],
    )
    .await;
    Ok(())
}

#[netns_test]
async fn nobody_listens(net: Net) {
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    let server = net.server.addr();
    let back = "its answer: left server:eth0 → entered router:eth1 → left router:eth0 → entered laptop:eth0\n";
    says(tcp, &["entered server:eth0\n", back, &format!("nobody listens on TCP port 80 of server at {server}")]).await;
}

#[netns_test]
async fn nobody_listens_on_a_udp_port(net: Net) {
    let udp = net.laptop.assert_udp(&net.server, 53).timeout(WHILE);
    says(udp, &["entered server:eth0\n", "server says port unreachable: nobody listens on UDP port 53 of server"])
        .await;
}

#[netns_test]
async fn the_server_listens_on_its_loopback_only(net: Net) -> TestResult {
    let _listener = net.server.run(|| std::net::TcpListener::bind("127.0.0.1:80"))?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(tcp, &["nobody listens on TCP port 80 of server", "somebody listens on 127.0.0.1:80 only"]).await;
    Ok(())
}

/// A wildcard of IPv6 usually takes IPv4, too.
#[netns_test]
async fn the_server_listens_to_ipv6_only(net: Net) -> TestResult {
    let _listener = net.server.run(|| {
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None)?;
        socket.set_only_v6(true)?;
        socket.bind(&"[::]:80".parse::<std::net::SocketAddr>().expect("an address").into())?;
        socket.listen(8).map(|()| socket)
    })?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(tcp, &["nobody listens on TCP port 80 of server at 203.0.113.", "somebody listens on [::]:80, for IPv6 only"])
        .await;
    Ok(())
}

/// It echoes what it gets, by another socket.
#[netns_test]
async fn the_server_answers_from_another_port(net: Net) -> TestResult {
    let asked = net.server.udp_socket()?;
    let (port, other) = (asked.local_addr()?.port(), net.server.udp_socket()?);
    let at = other.local_addr()?;
    std::thread::spawn(move || {
        let mut bytes = [0; 1500];
        while let Ok((length, from)) = asked.recv_from(&mut bytes) {
            let _ = other.send_to(&bytes[..length], from);
        }
    });
    let udp = net.laptop.assert_udp(&net.server, port).timeout(WHILE);
    let answered = format!("server answered from {at}, and 203.0.113.");
    says(udp, &["entered server:eth0\n", &answered, &format!(":{port} was asked")]).await;
    Ok(())
}

#[netns_test]
async fn the_source_address_is_a_stranger(net: Net) {
    ip(&net.laptop, "address add 10.9.9.9/32 dev lo");
    let ping = net.laptop.assert_ping(&net.server).source(std::net::Ipv4Addr::new(10, 9, 9, 9)).timeout(WHILE);
    says(ping, &["its answer: left server:eth0 → entered router:eth1\n", "router has no route to 10.9.9.9"]).await;
}

#[netns_test]
async fn the_server_answers_no_pings(net: Net) {
    set(&net.server, "ipv4/icmp_echo_ignore_all", "1");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["entered server:eth0\n", "it came to server", "net.ipv4.icmp_echo_ignore_all = 1"]).await;
}

/// A home whose router should masquerade, and does not.
#[derive(Topology)]
#[topology(routes = "none")]
struct Home {
    #[segment("10.0.1.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan(gateway = router))]
    laptop: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

#[netns_test]
async fn nobody_masquerades(net: Home) {
    let laptop = net.laptop.addr_on(&net.lan);
    assert!(net.router.addr_on(&net.wan).is_ipv4());
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(tcp, &["entered server:eth0\n", &format!("server has no route to {laptop}, which is laptop")]).await;
}

#[netns_test]
async fn ipv6_is_off_here(net: Net) {
    set(&net.laptop, "ipv6/conf/eth0/disable_ipv6", "1");
    let ping = net.laptop.assert_ping(&net.server).ipv6().timeout(WHILE);
    says(ping, &["nothing of it left laptop\n", "laptop has no route to ", "net.ipv6.conf.eth0.disable_ipv6 = 1"])
        .await;
}

#[netns_test]
async fn ipv6_is_off_there(net: Net) {
    set(&net.printer, "ipv6/conf/eth0/disable_ipv6", "1");
    let ping = net.laptop.assert_ping(&net.printer).ipv6().timeout(WHILE);
    says(
        ping,
        &[
            "nobody on `lan` answers laptop:eth0 for fd00:1::",
            "neighbour discovery",
            "printer has not got the address fd00:1::",
            "net.ipv6.conf.eth0.disable_ipv6 = 1",
        ],
    )
    .await;
}

#[netns_test]
async fn the_time_to_live_is_too_small(net: Net) {
    let ping = net.laptop.assert_ping(&net.server).ttl(1).timeout(WHILE);
    says(ping, &["entered router:eth0\n", "router says time exceeded: its time to live ran out in router"]).await;
}

#[netns_test]
async fn packets_go_round_in_a_loop(net: Net) {
    let (router, printer) = (net.router.addr_on(&net.lan), net.printer.addr());
    set(&net.printer, "ipv4/ip_forward", "1");
    ip(&net.printer, &format!("route replace 198.51.100.0/24 via {router}"));
    ip(&net.router, &format!("route replace 198.51.100.0/24 via {printer}"));
    for host in [&net.router, &net.printer] {
        set(host, "ipv4/conf/all/send_redirects", "0");
    }
    let ping = net.laptop.assert_ping("198.51.100.1").timeout(WHILE);
    says(ping, &["time exceeded", "goes round in a loop", "… "]).await;
}

#[netns_test]
async fn a_netmask_is_too_wide(net: Net) {
    let (laptop, server) = (net.laptop.addr(), net.server.addr());
    ip(&net.laptop, &format!("address add {laptop}/0 dev eth0"));
    ip(&net.laptop, "route replace 203.0.113.0/24 dev eth0");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(
        ping,
        &[
            "nothing of it left laptop\n",
            &format!("nobody on `lan` answers laptop:eth0 for {server}"),
            &format!("{server} is server, on `wan` and not on `lan`"),
        ],
    )
    .await;
}

#[netns_test]
async fn a_cable_is_in_the_wrong_switch(net: Net) -> TestResult {
    net.lan.move_host(&net.printer, &net.wan).await?;
    let ping = net.laptop.assert_ping(&net.printer).timeout(WHILE);
    says(ping, &["nobody on `lan` answers laptop:eth0 for ", "is printer, on `wan` and not on `lan`"]).await;
    Ok(())
}

#[netns_test]
async fn an_address_is_gone(net: Net) {
    let server = net.server.addr();
    net.laptop.assert_ping(&net.server).await;
    ip(&net.server, &format!("address del {server}/24 dev eth0"));
    let ping = net.laptop.assert_ping(server).timeout(WHILE);
    says(ping, &["entered server:eth0\n", &format!("server has not got the address {server}")]).await;
}

#[netns_test]
async fn a_route_is_a_black_hole(net: Net) {
    let server = net.server.addr();
    ip(&net.router, &format!("route add blackhole {server}/32"));
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    says(ping, &["entered router:eth0\n", "a route of router drops it to "]).await;
}

/// A question whose frames are on a wire between two.
#[netns_test(namespaces = 2, veth = true)]
async fn nobody_is_on_the_wire(a: Host, b: Host) {
    let nobody = std::net::Ipv4Addr::from(u32::from(b.addr_v4()) + 7);
    let arping = a.assert_arping(nobody).timeout(WHILE);
    says(
        arping,
        &[&format!("nobody on `lan` answers a:eth0 for {nobody}"), &format!("no host of this lab was given {nobody}")],
    )
    .await;
}

#[netns_test(requires(nftables))]
async fn a_rule_resets_on_the_way(net: Net) -> TestResult {
    let _listener = net.server.run(|| std::net::TcpListener::bind("0.0.0.0:80"))?;
    rule(&net.router, "forward", "tcp dport 80 reject with tcp reset")?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(tcp, &["entered router:eth0\n", "it died in router by the nft rule `tcp dport 80 reject with tcp reset`"])
        .await;
    Ok(())
}

/// That nobody listens is not why nothing came back.
#[netns_test(requires(nftables))]
async fn a_rule_drops_where_nobody_listens(net: Net) -> TestResult {
    rule(&net.server, "input", "tcp dport 80 drop")?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    says(tcp, &["entered server:eth0\n", "it died in server by the nft rule `tcp dport 80 drop`"]).await;
    Ok(())
}

#[netns_test]
async fn a_service_says_nothing(net: Net) -> TestResult {
    let _socket = net.server.run(|| std::net::UdpSocket::bind("0.0.0.0:53"))?;
    let udp = net.laptop.assert_udp(&net.server, 53).timeout(WHILE);
    says(udp, &["entered server:eth0\n", "somebody listens on UDP port 53 of server, and has not answered"]).await;
    Ok(())
}

/// A home whose router forwards a port, and whose rules do not let it through.
#[derive(Topology)]
struct Forwarding {
    #[segment("10.0.1.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    server: Host,
    #[router(lan, wan, masquerade = wan, forward(tcp = 80, to = server))]
    router: Host,
    #[host(wan)]
    client: Host,
}

#[netns_test]
async fn a_forwarded_port_does_not_get_through(net: Forwarding) -> TestResult {
    rule(&net.router, "forward", "tcp dport 80 drop")?;
    let tcp = net.client.assert_tcp(net.router.addr_on(&net.wan), 80).timeout(WHILE);
    says(tcp, &["entered router:eth1\n", "it died in router by the nft rule `tcp dport 80 drop`"]).await;
    let server = net.server.addr_on(&net.lan);
    assert!(server.is_ipv4());
    Ok(())
}

/// A home whose router forwards a port to another.
#[derive(Topology)]
struct ForwardingElsewhere {
    #[segment("10.0.1.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    server: Host,
    #[router(lan, wan, masquerade = wan, forward(tcp = 80, to = server, port = 8080))]
    router: Host,
    #[host(wan)]
    client: Host,
}

/// Beside a rule that could have been it.
#[netns_test(requires(nftables))]
async fn a_rule_drops_a_port_that_was_translated(net: ForwardingElsewhere) -> TestResult {
    rule(&net.server, "input", "udp dport 53 drop")?;
    net.server.nft("add rule inet t c tcp dport 8080 drop")?;
    let tcp = net.client.assert_tcp(net.router.addr_on(&net.wan), 80).timeout(WHILE);
    says(tcp, &["entered server:eth0\n", "it died in server by the nft rule `tcp dport 8080 drop`"]).await;
    assert!(net.server.addr_on(&net.lan).is_ipv4());
    Ok(())
}

#[netns_test]
async fn a_forwarded_port_leads_to_a_cable_that_is_out(net: Forwarding) -> TestResult {
    net.lan.unplug(&net.server).await?;
    let tcp = net.client.assert_tcp(net.router.addr_on(&net.wan), 80).timeout(WHILE);
    let server = net.server.addr_on(&net.lan);
    let nobody = format!("nobody on `lan` answers router:eth0 for {server}");
    says(tcp, &["entered router:eth1\n", &nobody, "server:eth0 has no carrier"]).await;
    Ok(())
}

#[netns_test]
async fn nobody_listens_behind_a_forwarded_port(net: Forwarding) {
    let tcp = net.client.assert_tcp(net.router.addr_on(&net.wan), 80).timeout(WHILE);
    let there = "left client:eth0 → entered router:eth1 → left router:eth0 → entered server:eth0\n";
    let server = net.server.addr_on(&net.lan);
    says(tcp, &[there, &format!("nobody listens on TCP port 80 of server at {server}")]).await;
}

/// Of many that do not reach each other, the first is told.
#[netns_test]
async fn a_table_of_who_reaches_whom_is_not_as_expected(net: Net, lab: Lab) {
    set(&net.router, "ipv4/ip_forward", "0");
    let table = "laptop printer router server\nlaptop - yes yes yes\nprinter yes - yes yes\nrouter yes yes - yes\nserver yes yes yes -";
    let table = lab.assert_reachability(table).ipv4().window(WHILE);
    says(table, &["no, not yes", "\nfrom laptop to server:\n", "router does not forward"]).await;
}

/// What should have died, and did not, tells by which way it went.
#[netns_test]
async fn an_answer_that_there_should_not_be(net: Net) {
    let ping = net.laptop.assert_no_ping(&net.server).window(WHILE);
    let there = "left laptop:eth0 → entered router:eth0 → left router:eth1 → entered server:eth0\n";
    let back = "its answer: left server:eth0 → entered router:eth1 → left router:eth0 → entered laptop:eth0";
    says(ping, &["it answered: ", there, back]).await;
}

/// What comes in by the loopback is from the host itself, and may be.
#[netns_test(requires(nftables))]
async fn a_host_drops_what_it_asks_itself(net: Net) -> TestResult {
    rule(&net.laptop, "input", "meta l4proto { icmp, udp } drop")?;
    let itself = net.laptop.addr_v4();
    let cause = "it died in laptop by the nft rule `meta l4proto { icmp, udp } drop`";
    for to in [itself, std::net::Ipv4Addr::LOCALHOST] {
        says(net.laptop.assert_ping(to).timeout(WHILE), &["left laptop:lo → entered laptop:lo\n", cause]).await;
    }
    says(net.laptop.assert_udp(itself, 53).timeout(WHILE), &["left laptop:lo → entered laptop:lo\n", cause]).await;
    Ok(())
}
