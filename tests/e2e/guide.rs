//! The examples of the README and the guide that the quickstart does not have, run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use netns_test::Marks;
use netns_test::prelude::*;
use rstest::rstest;

#[netns_test(namespaces = 3, veth = true)]
async fn things_run_inside(a: Host, b: Host, c: Host) -> TestResult {
    let interfaces = a.run(|| std::fs::read_to_string("/proc/net/dev"))?;
    assert!(interfaces.contains("eth0"));
    let address = b.addr();
    let server = b.spawn(async move { tokio::net::TcpListener::bind((address, 0)).await }).await??;
    let _connection = c.tokio_tcp_connect(server.local_addr()?).await?;
    assert!(c.command("getent").args(["hosts", "a"]).status()?.success());
    Ok(())
}

#[netns_test(veth = true)]
fn port_80(client: Host, server: Host) -> TestResult {
    let listener = server.run(|| TcpListener::bind("[::]:80"))?;
    let _stream = client.run(|| TcpStream::connect(("server", 80)))?;
    let (_accepted, _peer) = listener.accept()?;
    Ok(())
}

#[netns_test(veth = true)]
async fn a_program_talks_to_my_server(client: Host, server: Host) -> TestResult {
    let address = server.addr();
    let listener = server.spawn(async move { tokio::net::TcpListener::bind((address, 0)).await }).await??;
    let at = listener.local_addr()?;
    server.spawn(async move { while listener.accept().await.is_ok() {} });
    assert!(client.command("true").status()?.success());
    client.tcp_connect(at)?;
    Ok(())
}

#[netns_test(veth = true)]
async fn nothing_is_asked_in_cleartext(client: Host, server: Host, lan: Segment) -> TestResult {
    let capture = lan.capture().await?; // everything from here on
    let listener = server.tcp_listener()?;
    let mut stream = client.tcp_connect(listener.local_addr()?)?;
    let (mut accepted, _) = listener.accept()?;
    stream.write_all(b"hello")?;
    accepted.read_exact(&mut [0; 5])?;

    let frames = capture.frames()?; // what was sent until now; an error if one frame is missing
    frames.filter(|frame| frame.is_syn()).assert_count(1);
    frames.udp().port(53).assert_none();
    let arrived = capture.arrivals()?.at(&server).tcp();
    assert!(arrived.iter().all(|frame| frame.dscp() == Some(0) && frame.ttl() == Some(64)));

    let streams = frames.streams();
    assert_eq!(streams[0].client().bytes()?, b"hello");
    Ok(())
}

#[netns_test]
fn a_conversation(server: Host) -> TestResult {
    let script = "echo up; while read -r line; do echo \"got $line\"; done";
    let mut shell = server.command("sh").args(["-c", script]).piped().ready_on_line("up").spawn()?;
    shell.write_line("a line")?;
    let patience = Duration::from_secs(5);
    assert_eq!(shell.read_line(patience)?.as_deref(), Some("up"));
    assert_eq!(shell.read_line(patience)?.as_deref(), Some("got a line"));
    assert!(shell.wait()?.success());
    Ok(())
}

#[netns_test(veth = true)]
async fn a_server_stands_still(client: Host, server: Host) -> TestResult {
    let mut echo = server.command("cat").piped().spawn()?;
    let paused = server.pause().await?;
    echo.write_line("hello")?;
    assert!(echo.read_line(Duration::from_millis(50)).is_err());
    client.assert_ping(&server).await;
    paused.resume().await?;
    assert_eq!(echo.read_line(Duration::from_secs(5))?.as_deref(), Some("hello"));
    Ok(())
}

#[netns_test(requires(time_namespace))]
fn a_program_believes_that_its_machine_runs_for_a_year(server: Host) -> TestResult {
    let year = Duration::from_secs(365 * 24 * 3600);
    let _skewed = server.skew_clock(ClockSkew::ahead(year)).wait()?;
    let uptime = String::from_utf8(server.command("cat").arg("/proc/uptime").output()?.stdout)?;
    assert!(uptime.split('.').next().unwrap_or_default().parse::<u64>()? >= year.as_secs());
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, subnet = "10.0.0.0/24")]
fn two_on_a_wire(_alice: Host, _bob: Host, lab: Lab) {
    assert_eq!(
        lab.draw().to_string(),
        "\
lan  wire, 10.0.0.0/24
├─ alice  eth0  10.0.0.1/24
└─ bob    eth0  10.0.0.2/24
"
    );
    let marks = Marks::new().over("alice", "eth0").over("bob", "eth0").died_in("bob", "no such port");
    let page = format!("<h1>alice asks bob</h1>\n{}", lab.draw().mark(&marks).svg());
    assert!(page.contains("no such port"));
}

#[rstest]
#[case(56)]
#[case(1400)]
#[netns_test::test(namespaces = 2, veth = true)]
async fn sizes(#[case] size: u16) {
    let lab = Lab::current().unwrap();
    lab.host("host1").assert_ping(lab.host("host2")).size(size).await;
}

mod topologies {
    use netns_test::prelude::*;

    #[derive(Topology)]
    struct Home {
        #[segment("10.0.1.0/24", "fd00:1::/64")]
        lan: Segment,
        #[segment("203.0.113.0/24", delay = "20ms", loss = "1%")]
        wan: Segment,

        #[host(lan)]
        laptop: Host,
        #[host(lan = "10.0.1.77")]
        printer: Host,
        #[router(lan, wan, masquerade = wan)]
        router: Host,
        #[host(wan = "203.0.113.9")]
        server: Host,
    }

    #[netns_test]
    async fn the_server_sees_the_router(net: Home) -> TestResult {
        let listener = net.server.tcp_listener()?;
        let _stream = net.laptop.tcp_connect(listener.local_addr()?)?;
        let (_accepted, peer) = listener.accept()?;
        assert_eq!(peer.ip(), net.router.addr_on(&net.wan));
        Ok(())
    }

    /// `docs/home.svg` is what the README shows.
    #[netns_test]
    fn the_picture_in_the_readme_is_of_this_network(_net: Home, lab: Lab) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/home.svg");
        let drawn = concat!(env!("CARGO_TARGET_TMPDIR"), "/home.svg");
        let svg = lab.draw().svg();
        if std::fs::read_to_string(file).ok().as_ref() != Some(&svg) {
            std::fs::write(drawn, svg).unwrap();
            panic!("{file} is another picture: it is to be as {drawn}");
        }
    }

    #[netns_test(topology = Home)]
    async fn the_printer_is_near(laptop: Host, printer: Host) {
        laptop.assert_ping(&printer).await;
    }
}

#[derive(Topology)]
struct Home {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24", "2001:db8:1::/64")]
    wan: Segment,
    #[host(lan)]
    printer: Host,
    #[router(lan, wan, masquerade = wan, forward(tcp = 8080, to = printer, port = 80))]
    router: Host,
    #[host(wan)]
    stranger: Host,
}

#[netns_test]
fn the_printer_is_open_until_the_firewall_is_up(net: Home) -> TestResult {
    let _printing = net.printer.run(|| TcpListener::bind("[::]:80"))?;
    let outside = SocketAddr::new(net.router.addr_on(&net.wan), 8080);
    net.stranger.tcp_connect(outside)?;
    net.router.nft(
        "table inet filter {
            chain forward {
                type filter hook forward priority filter; policy accept;
                ip saddr stranger ip daddr printer reject with icmp type host-prohibited
            }
        }",
    )?;
    assert!(net.stranger.tcp_connect(outside).is_err());
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn hosts_with_jumbo_frames() -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]).hosts(2, "lan");
    let lab = lab.draw(|drawing| drawing.segments[0].mtu = Some(9000)).build()?;
    lab.host("host1").assert_ping(lab.host("host2")).size(8000).dont_fragment(true).await;
    Ok(())
}

#[netns_test(namespaces = 3, veth = true)]
async fn how_long_it_takes_to_plug_in_a_cable(a: Host, b: Host, c: Host, lab: Lab) -> TestResult {
    let pinger = a.ping(&b).interval(Duration::from_millis(10)).start();
    let lan = lab.segment("lan");
    lan.unplug(&b).await?;
    lan.plug(&b).await?;
    a.assert_ping(&b).await;
    println!("{}", pinger.stop().await?);
    c.assert_ping(&b).await;
    Ok(())
}

#[netns_test(namespaces = 3, veth = true)]
async fn one_is_cut_off(_a: Host, _b: Host, c: Host, lab: Lab) -> TestResult {
    lab.segment("lan").unplug(&c).await?;
    lab.assert_reachability(
        "   a    b    c
         a  -    yes  no
         b  yes  -    no
         c  no   no   -",
    )
    .await;
    Ok(())
}

#[netns_test(namespaces = 3, veth = true)]
async fn the_second_server_takes_over(client: Host, first: Host, second: Host, lab: Lab) -> TestResult {
    let (lan, service) = (lab.segment("lan"), first.addr_v4());
    client.assert_ping(service).await;
    first.set_address(lan, [198, 51, 100, 99]).await?;
    client.assert_no_arping(service).await;
    second.set_address(lan, service).await?;
    second.announce(service).await?;
    client.assert_ping(service).await;
    Ok(())
}

#[netns_test(veth = true)]
async fn what_is_established_survives_a_new_rule(client: Host, server: Host) -> TestResult {
    server.nft(
        "table inet filter {
            chain input {
                type filter hook input priority filter; policy accept;
                ct state established accept
            }
        }",
    )?;
    let mut flow = client.open_tcp(&server).await?;
    server.nft("add rule inet filter input meta l4proto tcp drop")?;
    flow.assert_alive().await;
    assert!(client.open_tcp(&server).await.is_err_and(|error| error.is_negative()));
    server.nft("flush chain inet filter input; add rule inet filter input meta l4proto tcp drop")?;
    flow.assert_cut().await;
    Ok(())
}

#[netns_test(veth = true)]
async fn only_the_web_is_open(client: Host, server: Host) -> TestResult {
    let between = client.connectivity(&server);
    between.assert_connection(Icmp).await;
    let mut flows = between.egress().establish(Tcp.ports(80..=81)).await?;
    server.nft(
        "table inet filter {
            chain input {
                type filter hook input priority filter; policy accept;
                meta l4proto { tcp, udp } th dport != 80 drop
            }
        }",
    )?;
    between.egress().assert_connection(Tcp.port(80)).await;
    between.egress().assert_no_connection(Tcp.ports(81..=89)).await;
    between.egress().assert_no_connection(Udp.ports(81..=89)).await;
    flows[0].assert_alive().await;
    flows[1].assert_cut().await;
    Ok(())
}

#[netns_test(veth = true, ipv6 = false)]
async fn the_log_is_written(a: Host, b: Host) -> TestResult {
    eventually("b answers", || a.ping(&b).count(1)).await;

    let log = std::env::temp_dir().join("the_log_is_written");
    let mut writer = b.command("sh").args(["-c", "echo ready > $0"]).arg(&log).spawn()?;
    let line =
        eventually("the log has a line", || std::fs::read_to_string(&log).ok().filter(|text| text.ends_with('\n')))
            .await;
    assert_eq!(line, "ready\n");
    writer.wait()?;
    std::fs::remove_file(&log)?;

    let socket = b.udp_socket()?;
    socket.set_nonblocking(true)?;
    let arrives = |socket: &UdpSocket| socket.recv(&mut [0; 16]).ok();
    never_within(Duration::from_millis(100), "a datagram arrives", || arrives(&socket)).await;
    Ok(())
}

#[netns_test(veth = true, ipv6 = false)]
fn the_firewall_forgets(client: Host, server: Host) -> TestResult {
    server.nft(
        "table ip filter {
            chain input {
                type filter hook input priority filter; policy accept;
                ct state invalid drop
            }
        }",
    )?;
    let listener = server.tcp_listener()?;
    let at = listener.local_addr()?;
    assert_eq!(server.sockets().tcp().listening().port(at.port()).list()?.len(), 1);

    let _stream = client.tcp_connect(at)?;
    let _accepted = listener.accept()?;
    let tracked = server.conntrack().tcp().address(client.addr()).list()?;
    assert!(tracked.len() == 1 && tracked[0].is_assured(), "{tracked:?}");
    assert_eq!(server.conntrack().port(at.port()).flush()?, 1);
    Ok(())
}

#[netns_test(veth = true, subnet = "10.0.1.0/24")]
fn addresses_by_number(a: Host, _b: Host, lab: Lab) -> TestResult {
    let subnet = lab.segment("lan").subnets()[0];
    assert_eq!(subnet.nth(1)?, a.addr());
    assert_eq!(subnet.nth_from_end(1)?.to_string(), "10.0.1.254");
    assert_eq!(subnet.subnet(28, 2)?.to_string(), "10.0.1.32/28");
    assert_eq!(subnet.host_addresses().last(), Some(subnet.nth(254)?));
    assert!(subnet.nth(256).is_err() && subnet.subnet(23, 0).is_err() && subnet.subnet(28, 16).is_err());
    Ok(())
}

#[derive(Topology)]
struct Cluster {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    nodes: [Host; 3],
}

#[netns_test]
async fn weather_changes(lab: Lab, net: Cluster) -> TestResult {
    let [a, b, c] = &net.nodes;
    let storm = Impairment::new().delay(Duration::from_millis(20)).loss(Percent::new(30.0)).rate(Rate::mbit(5));
    let storm = net.lan.impair(storm).from(a).to(b).await?; // in force when this is over
    a.assert_ping(b).await;
    assert!(storm.report()?.frames > 0);
    drop(storm); // and no longer

    let parted = lab.partition([a], [b, c]).await?;
    a.assert_no_ping(b).await;
    b.assert_ping(c).await;
    drop(parted);

    let listener = b.tcp_listener()?;
    let lost = net.lan.intercept(nth(1, WireFrame::is_syn_ack, Verdict::Drop)).await?;
    a.tcp_connect(listener.local_addr()?)?; // after a second: it was sent again
    assert_eq!(lost.report()?.dropped, 1); // it has come
    Ok(())
}

#[netns_test]
async fn a_bad_second(lab: Lab, net: Cluster) -> TestResult {
    let [a, b, c] = &net.nodes;
    let second = lab
        .timeline()
        .during("100ms", "400ms", net.lan.impair(Impairment::new().loss(Percent::new(30.0))))
        .during("500ms", "700ms", lab.partition([a], [b, c]))
        .every("50ms", {
            let c = c.clone();
            move || c.run(|| println!("another 50 ms"))
        })
        .start()?;
    // What is tested runs here, and then:
    for happening in second.finish().await? {
        println!("{happening}");
    }
    a.assert_ping(b).await;
    Ok(())
}
