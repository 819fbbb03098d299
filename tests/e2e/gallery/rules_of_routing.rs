//! Routing that asks where a packet is from.

use netns_test::prelude::*;

use super::{Net, WHILE, ip, says};

#[netns_test]
async fn a_rule_is_a_black_hole(net: Net) {
    let (laptop, server) = (net.laptop.addr(), net.server.addr());
    ip(&net.router, &format!("rule add from {laptop} blackhole"));
    net.printer.assert_ping(&net.server).await;
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let cause = format!("a rule of routing of router drops it from {laptop} to {server} (blackhole)");
    says(ping, &["left laptop:eth0 → entered router:eth0\n", &cause]).await;
}

#[netns_test]
async fn a_rule_of_ipv6_is_a_black_hole(net: Net) {
    let (laptop, server) = (net.laptop.addr_v6(), net.server.addr_v6());
    ip(&net.router, &format!("-6 rule add from {laptop} blackhole"));
    net.printer.assert_ping(&net.server).ipv6().await;
    let ping = net.laptop.assert_ping(&net.server).ipv6().timeout(WHILE);
    let cause = format!("a rule of routing of router drops it from {laptop} to {server} (blackhole)");
    says(ping, &["left laptop:eth0 → entered router:eth0\n", &cause]).await;
}

/// The table that a rule asks sends it where nobody is.
#[netns_test]
async fn a_rule_asks_another_table(net: Net) {
    let laptop = net.laptop.addr();
    ip(&net.router, &format!("rule add from {laptop} table 100"));
    ip(&net.router, "route add default via 203.0.113.99 dev eth1 table 100");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let cause = "nobody on `wan` answers router:eth1 for 203.0.113.99 (ARP, asked ";
    says(ping, &["left laptop:eth0 → entered router:eth0\n", cause]).await;
}

/// What comes in by another interface is routed otherwise.
#[netns_test]
async fn a_rule_asks_where_a_packet_came_in(net: Net) {
    ip(&net.router, "rule add iif eth0 prohibit");
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let cause = "router says communication administratively prohibited: a rule of routing of router prohibits it from";
    says(ping, &["entered router:eth0\n", cause]).await;
}

#[netns_test]
async fn a_rule_drops_the_answers_of_an_address(net: Net) {
    let (laptop, server) = (net.laptop.addr(), net.server.addr());
    ip(&net.server, &format!("rule add from {server} blackhole"));
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let cause = format!("a rule of routing of server drops a packet from {server} to {laptop} (blackhole)");
    says(ping, &["entered server:eth0\n", &cause]).await;
}

#[netns_test]
async fn a_source_has_no_route(net: Net) {
    let server = net.server.addr();
    ip(&net.laptop, "address add 10.0.1.77/24 dev eth0");
    ip(&net.laptop, "rule add from 10.0.1.77 unreachable");
    let ping = net.laptop.assert_ping(&net.server).source(std::net::Ipv4Addr::new(10, 0, 1, 77)).timeout(WHILE);
    let cause = format!("by its rules of routing laptop has no route from 10.0.1.77 to {server}");
    says(ping, &["nothing of it left laptop\n", &cause]).await;
}
