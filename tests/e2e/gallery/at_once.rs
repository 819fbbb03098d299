//! Questions of the same kind, of the same host, at the same time: each is told its own end.

use std::net::UdpSocket;

use netns_test::prelude::*;

use super::{Net, WHILE, rule, says, set};

/// Bytes of pings that a rule tells from others, which are small.
const LARGE: u16 = 1000;

/// A pinger that runs beside a test.
fn large_pings(from: &Host, to: &Host) -> netns_test::Pinger {
    from.ping(to).size(LARGE).interval(Duration::from_millis(1)).start()
}

/// The other's packets got further, and are answered.
#[netns_test(requires(nftables))]
async fn a_ping_is_dropped_and_a_pinger_is_not(net: Net) -> TestResult {
    rule(&net.router, "forward", "icmp type echo-request ip length < 500 drop")?;
    let _pinger = large_pings(&net.laptop, &net.server);
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let rule = "it died in router by the nft rule `icmp type echo-request ip length < 500 drop`";
    says(ping, &["left laptop:eth0 → entered router:eth0\n", rule]).await;
    Ok(())
}

/// The other's packets are dropped as well, on their way: the kernel tells of both.
#[netns_test(requires(nftables))]
async fn a_ping_and_a_pinger_are_dropped_by_rules_of_one_chain(net: Net) -> TestResult {
    rule(&net.router, "forward", "icmp type echo-request ip length > 500 drop")?;
    net.router.nft("add rule inet t c icmp type echo-request drop")?;
    let _pinger = large_pings(&net.laptop, &net.server);
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let rule = "it died in router by the nft rule `icmp type echo-request drop`";
    says(ping, &["left laptop:eth0 → entered router:eth0\n", rule]).await;
    Ok(())
}

/// What has left is the other's.
#[netns_test(requires(nftables))]
async fn a_ping_does_not_leave_and_a_pinger_does(net: Net) -> TestResult {
    rule(&net.laptop, "output", "icmp type echo-request ip length < 500 drop")?;
    let _pinger = large_pings(&net.laptop, &net.server);
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let rule = "it died in laptop by the nft rule `icmp type echo-request ip length < 500 drop`";
    says(ping, &["nothing of it left laptop\n", rule]).await;
    Ok(())
}

/// The other is answered.
#[netns_test]
async fn a_ping_is_not_answered_and_a_pinger_is(net: Net) {
    let _pinger = net.printer.ping(&net.server).interval(Duration::from_millis(1)).start();
    set(&net.router, "ipv4/conf/eth0/forwarding", "1");
    let ping = net.printer.assert_ping(&net.server).ttl(1).timeout(WHILE);
    says(ping, &["left printer:eth0 → entered router:eth0\n", "its time to live ran out in router"]).await;
}

#[netns_test(requires(nftables))]
async fn two_connections_are_dropped_by_the_ports_they_are_from(net: Net) -> TestResult {
    let _listener = net.server.run(|| std::net::TcpListener::bind("0.0.0.0:80"))?;
    rule(&net.router, "forward", "tcp sport 4000 drop")?;
    rule(&net.server, "input", "tcp sport 5000 drop")?;
    let from = |port| net.laptop.assert_tcp(&net.server, 80).source_port(port).timeout(WHILE);
    let by_router =
        ["left laptop:eth0 → entered router:eth0\n", "it died in router by the nft rule `tcp sport 4000 drop`"];
    let by_server = ["entered server:eth0\n", "it died in server by the nft rule `tcp sport 5000 drop`"];
    tokio::join!(says(from(4000), &by_router), says(from(5000), &by_server));
    Ok(())
}

/// By routers that change where they are from.
#[netns_test(requires(nftables))]
async fn two_datagrams_are_dropped_behind_a_translation(net: Net) -> TestResult {
    let _socket = net.server.run(|| UdpSocket::bind("0.0.0.0:53"))?;
    net.router.nft(
        "table ip n {
            chain c {
                type nat hook postrouting priority srcnat
                oifname \"eth1\" meta l4proto udp masquerade to :6000-6000
            }
        }",
    )?;
    rule(&net.router, "forward", "udp sport 4000 drop")?;
    rule(&net.server, "input", "udp sport 6000 drop")?;
    let from = |port| net.laptop.assert_udp(&net.server, 53).source_port(port).timeout(WHILE);
    let by_router =
        ["left laptop:eth0 → entered router:eth0\n", "it died in router by the nft rule `udp sport 4000 drop`"];
    let by_server = ["entered server:eth0\n", "it died in server by the nft rule `udp sport 6000 drop`"];
    tokio::join!(says(from(4000), &by_router), says(from(5000), &by_server));
    Ok(())
}

/// An echo looks as what it answers: its way is told once.
#[netns_test(requires(nftables))]
async fn an_echo_is_lost_on_its_way_back(net: Net) -> TestResult {
    let socket = net.server.run(|| UdpSocket::bind("0.0.0.0:53"))?;
    std::thread::spawn(move || {
        let mut said = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut said) {
            let _ = socket.send_to(&said[..length], from);
        }
    });
    rule(&net.router, "forward", "udp sport 53 drop")?;
    let udp = net.laptop.assert_udp(&net.server, 53).timeout(WHILE);
    let there = ": left laptop:eth0 → entered router:eth0 → left router:eth1 → entered server:eth0\n";
    let back = "its answer: left server:eth0 → entered router:eth1\n";
    says(udp, &[there, back, "it died in router by the nft rule `udp sport 53 drop`"]).await;
    Ok(())
}

/// Whoever asks once more is not answered: it is the answer that is sent once more.
#[netns_test(requires(nftables))]
async fn the_only_answer_is_lost(net: Net) -> TestResult {
    let socket = net.server.run(|| UdpSocket::bind("0.0.0.0:53"))?;
    let answering = socket.try_clone()?;
    std::thread::spawn(move || {
        if let Ok((_, from)) = answering.recv_from(&mut [0; 64]) {
            let _ = answering.send_to(b"only once", from);
        }
    });
    rule(&net.router, "forward", "udp sport 53 drop")?;
    let udp = net.laptop.assert_udp(&net.server, 53).timeout(WHILE);
    let back = "its answer: left server:eth0 → entered router:eth1\n";
    says(udp, &["datagram 1 of ", back, "it died in router by the nft rule `udp sport 53 drop`"]).await;
    drop(socket);
    Ok(())
}
