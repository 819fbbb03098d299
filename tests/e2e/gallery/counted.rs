//! What a kernel drops in silence for want of room, or because something is wrong with a packet: it counts that.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use netns_test::prelude::*;
use netns_test::{Verdict, WireFrame};
use netns_test_tests::counters::counter;
use netns_test_tests::tracked::track;
use socket2::{Domain, Socket, Type};

use super::{Net, WHILE, ip, rule, says};

/// A number under `/proc/sys/net`.
fn number(host: &Host, path: &str) -> u32 {
    let text = host.run(|| std::fs::read_to_string(format!("/proc/sys/net/{path}"))).expect("the sysctl is there");
    text.trim().parse().expect("a number")
}

/// How many it may track is the machine's to say: as many as that there are then, and so is how long that takes.
#[netns_test(requires(nftables), timeout = "2m")]
async fn a_router_tracks_as_many_connections_as_it_may(net: Net) -> TestResult {
    rule(&net.router, "forward", "ct state established accept")?;
    let most = number(&net.router, "netfilter/nf_conntrack_max");
    // Where there is room, it is not that.
    net.router.run(|| track(0..most - 100))?;
    net.laptop.assert_ping(&net.server).await;
    // That ping is not assured: the kernel may forget it at any time to make room, and may have.
    net.router.conntrack().address(net.server.addr()).flush()?;
    net.router.run(|| track(most - 100..most))?;
    assert_eq!(number(&net.router, "netfilter/nf_conntrack_count"), most);
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let cause = "it died in router, whose table of connections is full: it tracks ";
    says(
        ping,
        &["left laptop:eth0 → entered router:eth0\n", cause, &format!("net.netfilter.nf_conntrack_max = {most}")],
    )
    .await;
    Ok(())
}

#[netns_test]
async fn a_listener_does_not_accept(net: Net) -> TestResult {
    let (listener, _waits) = net.server.run(|| -> std::io::Result<_> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&"0.0.0.0:80".parse::<SocketAddr>().expect("an address").into())?;
        // One may wait.
        listener.listen(0)?;
        Ok((listener, TcpStream::connect("127.0.0.1:80")?))
    })?;
    let tcp = net.laptop.assert_tcp(&net.server, 80).timeout(WHILE);
    let cause = "it died in server: so many connections wait there to be accepted that there is no room for another (TcpExtListenOverflows";
    says(tcp, &["entered server:eth0\n", cause]).await;
    drop(listener);
    Ok(())
}

#[netns_test]
async fn a_program_does_not_read(net: Net) -> TestResult {
    let _socket = net.server.run(|| -> std::io::Result<_> {
        let socket = UdpSocket::bind("0.0.0.0:53")?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        // More than fits into any buffer that is not asked for.
        for _ in 0..2000 {
            sender.send_to(&[0; 1000], "127.0.0.1:53")?;
        }
        Ok(socket)
    })?;
    let udp = net.laptop.assert_udp(&net.server, 53).timeout(WHILE);
    let cause =
        "it died in server: the receive buffer of the socket is full: its program does not read (drops of UDP port 53,";
    says(udp, &["entered server:eth0\n", cause]).await;
    Ok(())
}

/// The program that was asked reads, and does not answer; beside it there is one that does not read what others send to it.
#[netns_test]
async fn another_program_does_not_read(net: Net) -> TestResult {
    let _full = net.server.run(|| -> std::io::Result<_> {
        let socket = UdpSocket::bind("0.0.0.0:99")?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        (0..2000).try_for_each(|_| sender.send_to(&[0; 1000], "127.0.0.1:99").map(drop))?;
        Ok(socket)
    })?;
    let silent = net.server.run(|| UdpSocket::bind("0.0.0.0:53"))?;
    std::thread::spawn(move || while silent.recv(&mut [0; 100]).is_ok() {});
    let (is_over, sender) = (Arc::new(AtomicBool::new(false)), net.printer.udp_socket()?);
    let (to, until) = (SocketAddr::from((net.server.addr_v4(), 99)), Arc::clone(&is_over));
    // Nobody answers: so it is paced.
    sender.set_read_timeout(Some(Duration::from_millis(1)))?;
    let flood = std::thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            let _ = sender.send_to(&[0; 1000], to);
            let _ = sender.recv(&mut [0]);
        }
    });
    let silence = "somebody listens on UDP port 53 of server, and has not answered";
    let dropped = || counter(&net.server, "Udp", "RcvbufErrors");
    let before = dropped();
    says(net.laptop.assert_udp(&net.server, 53).ipv4().timeout(WHILE), &["entered server:eth0\n", silence]).await;
    is_over.store(true, Ordering::Relaxed);
    flood.join().expect("it ends");
    assert!(dropped() > before, "the other program's were dropped meanwhile");
    Ok(())
}

/// A table that is full, however long that takes, is no concern of what is not tracked.
#[netns_test(requires(nftables), timeout = "2m")]
async fn a_rule_drops_what_is_not_tracked(net: Net) -> TestResult {
    rule(&net.router, "prerouting", "ct state established accept")?;
    net.router.nft(
        "table inet raw {
            chain p {
                type filter hook prerouting priority raw;
                udp dport 53 notrack
            }
            chain f {
                type filter hook forward priority filter;
                udp dport 53 drop
            }
        }",
    )?;
    let most = number(&net.router, "netfilter/nf_conntrack_max");
    net.router.run(|| track(0..most))?;
    assert_eq!(number(&net.router, "netfilter/nf_conntrack_count"), most);
    let cause = "it died in router by the nft rule `udp dport 53 drop`";
    says(net.laptop.assert_udp(&net.server, 53).ipv4().timeout(WHILE), &["entered router:eth0\n", cause]).await;
    assert_eq!(number(&net.router, "netfilter/nf_conntrack_count"), most);
    Ok(())
}

#[netns_test]
async fn a_checksum_is_wrong(net: Net) -> TestResult {
    let broken = |frame: &WireFrame| {
        let mut bytes = frame.bytes().to_vec();
        match bytes.last_mut() {
            Some(last) if frame.is_icmp() && frame.from() == Some("router") => *last ^= 1,
            _ => return Verdict::Pass,
        }
        Verdict::Replace(bytes)
    };
    let _interceptor = net.wan.intercept(broken).await?;
    // One, which has long arrived when it is asked what has been counted.
    let ping = net.laptop.assert_ping(&net.server).ipv4().interval(2 * WHILE).timeout(WHILE);
    says(ping, &["entered server:eth0\n", "it died in server: its checksum is wrong (IcmpInCsumErrors"]).await;
    Ok(())
}

#[netns_test]
async fn a_packet_is_from_an_address_of_whom_it_is_for(net: Net) {
    let laptop = net.laptop.addr();
    ip(&net.server, &format!("address add {laptop}/32 dev lo"));
    let ping = net.laptop.assert_ping(&net.server).timeout(WHILE);
    let cause =
        format!("it died in server, which takes nothing from outside that is from an address of its own: {laptop}");
    says(ping, &["entered server:eth0\n", &cause, "net.ipv4.conf.eth0.accept_local = 0"]).await;
}

/// What nobody has an explanation for is told as it is counted.
#[netns_test]
async fn a_policy_of_ipsec_blocks(net: Net) {
    ip(&net.server, "xfrm policy add dir in src 0.0.0.0/0 dst 0.0.0.0/0 action block");
    let ping = net.laptop.assert_ping(&net.server).ipv4().timeout(WHILE);
    says(ping, &["entered server:eth0\n", "it died in server: IPsec does not let it in (XfrmInPolBlock"]).await;
}
