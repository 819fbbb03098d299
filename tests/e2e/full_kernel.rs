//! The kinds of wire that not every kernel has. `tests/kernels/run` runs these on one that has them all.

#[path = "gallery/sctp.rs"]
mod sctp_died;
#[path = "gallery/vlans.rs"]
mod vlans_died;
#[path = "gallery/vrfs.rs"]
mod vrfs_died;

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};

use netns_test::prelude::*;
use netns_test::{Capture, CutReason, Frame, Protocol, SocketState, TargetError, Topology, UnreachableCode};
use netns_test_tests::reach::{assert_all_reach_all, assert_reaches};
use netns_test_tests::realised::assert_realised;
use netns_test_tests::routes::take_down;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn6, bind, listen, socket};
use nix::sys::stat::fstat;
use socket2::{Domain, Socket, Type};

async fn check<T: Topology>(lab: &Lab) {
    assert_realised(lab, &T::drawing().plan().unwrap());
    assert_all_reach_all(lab).await;
}

#[derive(Topology)]
#[topology(requires(vlan))]
struct Vlans {
    #[segment("10.0.0.0/24", "fd00::/64")]
    trunk: Segment,
    #[segment("10.10.0.0/24", "fd00:10::/64", vlan = 10, over = trunk)]
    v10: Segment,
    #[segment("10.20.0.0/24", "fd00:20::/64", vlan = 20, over = trunk)]
    v20: Segment,
    #[host(trunk, v10)]
    left: Host,
    #[host(trunk, v20)]
    right: Host,
    #[router(trunk, v10, v20)]
    router: Host,
}

#[netns_test]
async fn vlans(lab: Lab, net: Vlans) {
    check::<Vlans>(&lab).await;
    // A tag is another network: without its router nothing crosses.
    net.trunk.unplug(&net.router).await.unwrap();
    net.left.assert_no_ping(net.right.addr_on(&net.v20)).await;
    // Nor does a tagged answer reach whoever asks without a tag.
    net.left.assert_arping(&net.right).on(&net.trunk).await;
    net.left.assert_no_arping(net.right.addr_on(&net.v20)).on(&net.v10).await;
}

#[derive(Topology)]
#[topology(requires(vlan, vlan_filtering))]
struct Filtered {
    #[segment("10.0.0.0/24", bridge(vlan_filtering = true))]
    trunk: Segment,
    #[segment("10.10.0.0/24", vlan = 10, over = trunk)]
    v10: Segment,
    #[host(trunk, v10)]
    hosts: [Host; 2],
    #[host(trunk)]
    outside: Host,
}

#[netns_test]
async fn a_switch_that_filters_vlans(lab: Lab, net: Filtered) {
    assert_realised(&lab, &Filtered::drawing().plan().unwrap());
    let [left, right] = &net.hosts;
    assert_reaches(left, &right.addresses()).await;
    assert_reaches(&net.outside, &[left.addr_on(&net.trunk)]).await;
}

#[derive(Topology)]
#[topology(requires(vlan))]
struct QinQ {
    #[segment("10.0.0.0/24")]
    trunk: Segment,
    #[segment("10.100.0.0/24", vlan = 100, over = trunk, protocol = "802.1ad")]
    outer: Segment,
    #[segment("10.200.0.0/24", vlan = 200, over = outer)]
    inner: Segment,
    #[host(trunk, outer, inner)]
    hosts: [Host; 2],
}

#[netns_test]
async fn qinq(lab: Lab, _net: QinQ) {
    check::<QinQ>(&lab).await;
}

#[derive(Topology)]
#[topology(requires(ipvlan))]
struct Ipvlans {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[host(lan)]
    plain: Host,
    #[host(lan(ipvlan))]
    first: Host,
    #[host(lan(ipvlan))]
    second: Host,
}

#[netns_test]
async fn ipvlans(lab: Lab, net: Ipvlans) {
    check::<Ipvlans>(&lab).await;
    // Answers to another address than its own an ipvlan does not hear: that is no silence.
    let asks = || net.first.arping(&net.plain).ipv4();
    asks().await.unwrap();
    for deaf in [asks().source([10, 0, 0, 99]), asks().duplicate_address_detection()] {
        let error = deaf.await.unwrap_err();
        assert!(matches!(error, ArpError::Local { .. }), "{error:?}");
    }
    net.first.arping(&net.plain).ipv6().await.unwrap();
    net.first.arping(&net.plain).ipv6().duplicate_address_detection().await.unwrap();
}

#[derive(Topology)]
#[topology(requires(dummy))]
struct Anycast {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.53.0.0/24", dummy)]
    service: Segment,
    #[host(lan)]
    client: Host,
    #[router(lan, service)]
    server: Host,
}

#[netns_test]
async fn a_dummy(lab: Lab, _net: Anycast) {
    check::<Anycast>(&lab).await;
}

#[derive(Topology)]
#[topology(requires(bond))]
struct Bonds {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[host(lan(bond = 2))]
    backed_up: Host,
    #[host(lan(bond = 3, mode = "balance-rr"))]
    balanced: Host,
    #[host(lan)]
    plain: Host,
}

#[netns_test]
async fn bonds(lab: Lab, net: Bonds) -> TestResult {
    check::<Bonds>(&lab).await;
    net.lan.unplug(&net.backed_up).await?;
    net.plain.assert_no_ping(&net.backed_up).await;
    net.lan.plug(&net.backed_up).await?;
    net.plain.assert_ping(&net.backed_up).await;
    Ok(())
}

#[derive(Topology)]
#[topology(routes = "none", requires(vrf))]
struct Vrfs {
    #[segment("10.0.0.0/24", "fd00::/64")]
    red: Segment,
    #[segment("10.0.0.0/24", "fd00::/64")]
    blue: Segment,
    #[host(red(vrf = "red"), blue(vrf = "blue"))]
    both: Host,
    #[host(red)]
    in_red: Host,
    #[host(blue)]
    in_blue: Host,
}

#[netns_test]
async fn the_same_subnet_in_two_vrfs(lab: Lab, net: Vrfs) {
    assert_realised(&lab, &Vrfs::drawing().plan().unwrap());
    // Each asks for the same address, and is answered from its own side.
    for host in [&net.in_red, &net.in_blue] {
        assert_reaches(host, &net.both.addresses()).await;
    }
}

#[derive(Topology)]
#[topology(requires(wireguard))]
struct Mesh {
    #[segment("10.0.0.0/24", "fd00::/64")]
    wan: Segment,
    #[segment("10.8.0.0/24", "fd00:8::/64", wireguard, over = wan)]
    vpn: Segment,
    #[segment("10.9.0.0/24", "fd00:9::/64")]
    office: Segment,
    // One gets there through the tunnel, the other beside it.
    #[host(wan, vpn, route("10.9.0.0/24", via = "10.8.0.1"), route(office, via = "fd00:8::1"))]
    tunnelled: Host,
    #[host(wan, vpn)]
    host: Host,
    #[router(wan, vpn, office)]
    gateway: Host,
    #[host(office)]
    printer: Host,
}

#[netns_test]
async fn a_wireguard_mesh(lab: Lab, net: Mesh) {
    assert_realised(&lab, &Mesh::drawing().plan().unwrap());
    let members = [&net.tunnelled, &net.host, &net.gateway];
    for from in members {
        for to in members.into_iter().filter(|to| *to != from) {
            assert_reaches(from, &to.addresses()).await;
        }
        assert_reaches(from, &net.printer.addresses()).await;
    }
    // A peer is heard only from where it is asked (WireGuard's allowed addresses), so each is reached on its own way there.
    assert_reaches(&net.printer, &[net.tunnelled.addr_on(&net.vpn), net.host.addr_on(&net.wan)]).await;
}

#[derive(Topology)]
#[topology(requires(gre, ipip))]
struct Tunnels {
    #[segment("10.0.0.0/24")]
    wan: Segment,
    #[segment("10.1.0.0/30", "fd01::/64", gre, over = wan)]
    gre: Segment,
    #[segment("10.2.0.0/30", ipip, over = wan)]
    ipip: Segment,
    #[host(wan, gre, ipip)]
    left: Host,
    #[host(wan, gre, ipip)]
    right: Host,
}

#[netns_test]
async fn gre_and_ipip(lab: Lab, net: Tunnels) {
    check::<Tunnels>(&lab).await;
    // Nobody in a tunnel has a link-layer address that one could ask for.
    for tunnel in [&net.gre, &net.ipip] {
        let error = net.left.arping(net.right.addr_on(tunnel)).await.unwrap_err();
        assert!(matches!(error, ArpError::NoLinkLayer { .. }), "{error}");
    }
}

#[derive(Topology)]
#[topology(requires(tap))]
struct Tapped {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    host: Host,
    #[host(lan(tap))]
    mine: Host,
}

#[netns_test]
fn frames_of_a_tap_are_the_tests(net: Tapped, lab: Lab) -> TestResult {
    assert_realised(&lab, &Tapped::drawing().plan().unwrap());
    asked_for_and_answered(&net.host, &net.mine, &net.lan, [2, 0, 0, 0xaa, 0xbb, 0xcc])
}

#[netns_test]
async fn a_host_on_a_tap_asks_nothing(net: Tapped) -> TestResult {
    for target in [net.host.addr(), "192.0.2.1".parse()?] {
        let error = net.mine.ping(target).await.unwrap_err();
        assert!(
            matches!(&error, PingError::Target(TargetError::Tap { host, interface, .. }) if host == "mine" && interface == "eth0")
        );
        assert!(!error.is_negative(), "{error}");
    }
    // What needs no interface is asked.
    net.mine.assert_ping("127.0.0.1").await;
    // The host there is the test, and so is whoever has the address.
    net.mine.set_address(&net.lan, [10, 0, 0, 99]).await?;
    assert_eq!(net.mine.addr().to_string(), "10.0.0.99");
    Ok(())
}

/// A host with a tap, and an interface that its kernel speaks on.
#[derive(Topology)]
#[topology(requires(tap), routes = "none")]
struct TappedBeside {
    #[segment("10.0.0.0/24")]
    tapped: Segment,
    #[segment("10.0.1.0/24")]
    plain: Segment,
    #[host(tapped(tap), plain)]
    both: Host,
    #[host(tapped)]
    on_tapped: Host,
    #[host(plain)]
    on_plain: Host,
}

#[netns_test]
async fn beside_a_tap_everything_else_is_asked(net: TappedBeside) {
    net.both.assert_ping(&net.on_plain).await;
    match net.both.ping(&net.on_tapped).await {
        Err(PingError::Target(TargetError::Tap { interface, .. })) => assert_eq!(interface, "eth0"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(net.both.ping("192.0.2.1").await, Err(PingError::NoRoute { .. })));
    let error = net.both.set_gateway(net.on_tapped.addr()).await.unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.2 is in no subnet of host `both`");
}

#[derive(Topology)]
#[topology(requires(macvtap))]
struct Macvtapped {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    host: Host,
    // A macvtap is given the frames to its own address only: the one that the test answers with.
    #[host(lan(macvtap, mac = "02:00:00:aa:bb:cc"))]
    mine: Host,
}

#[netns_test]
fn frames_of_a_macvtap_are_the_tests(net: Macvtapped, lab: Lab) -> TestResult {
    assert_realised(&lab, &Macvtapped::drawing().plan().unwrap());
    if !nix::unistd::geteuid().is_root() || !all_users_are_here()? {
        // Its device number is for root only, and the error says so.
        assert!(net.mine.tap_on(&net.lan).is_err());
        return Ok(());
    }
    // Frames for another address do not reach it.
    let mac = Macvtapped::drawing().plan().unwrap().host("mine").unwrap().interfaces[0].mac;
    // Whoever asks for it, and however many at once, has the same end: the kernel deals out frames among ends.
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| net.mine.tap_on(&net.lan))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect::<std::io::Result<Vec<_>>>()
    })?;
    assert_eq!(all.len(), 8);
    asked_for_and_answered(&net.host, &net.mine, &net.lan, mac.0)
}

/// Whether this is no user namespace of a test's: root is root.
fn all_users_are_here() -> std::io::Result<bool> {
    Ok(std::fs::read_to_string("/proc/self/uid_map")?.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// The host asks by ARP who has the other's address, and the test answers with frames of its own (RFC 826).
fn asked_for_and_answered(host: &Host, mine: &Host, lan: &Segment, mac: [u8; 6]) -> TestResult {
    use std::io::{Read, Write};
    let mut tap = mine.tap_on(lan)?;
    let address = mine.addr_on(lan);
    let sender = host.udp_socket()?;
    sender.send_to(b"is anybody there", (address, 9))?;
    let mut frame = [0; 2048];
    let request = loop {
        let length = tap.read(&mut frame)?;
        // An Ethernet frame of type ARP with the operation `request`.
        if length >= 42 && frame[12..14] == [0x08, 0x06] && frame[20..22] == [0, 1] {
            break frame[..42].to_vec();
        }
    };
    let IpAddr::V4(v4) = address else { panic!("{address}") };
    assert_eq!(request[38..42], v4.octets());
    let mut reply = [&request[6..12], &mac, &request[12..20], &[0, 2], &mac, &request[38..42]].concat();
    reply.extend_from_slice(&request[22..32]);
    tap.write_all(&reply)?;
    loop {
        let length = tap.read(&mut frame)?;
        if frame[12..14] == [0x08, 0x00] && frame[..length].ends_with(b"is anybody there") {
            assert_eq!(frame[..6], mac);
            return Ok(());
        }
    }
}

/// A chain for what arrives at a host, with this rule and none that was there before.
fn input(rule: &str) -> String {
    let table = |rule| {
        let kind = "type filter hook input priority filter; policy accept;";
        format!("table inet filter {{\nchain input {{\n{kind}\n{rule}\n}}\n}}\n")
    };
    format!("{}flush chain inet filter input\n{}", table(""), table(rule))
}

#[netns_test(veth = true, requires(sctp, nftables, program = "nft"))]
async fn sctp_flows(a: Host, b: Host) -> TestResult {
    for ipv6 in [false, true] {
        let open = a.open_sctp(&b);
        let mut flow = if ipv6 { open.ipv6().await? } else { open.await? };
        assert_eq!(flow.peer_as_seen_by_server(), flow.local_addr());
        assert_eq!(flow.local_addr().is_ipv6(), ipv6);
        assert_eq!(flow.mss(), None);
        flow.assert_alive().await;
        assert_eq!(flow.probe_cut().await?, None);

        b.nft(input("meta l4proto sctp drop"))?;
        let reason = flow.probe_cut().await?;
        assert!(matches!(reason, Some(CutReason::Silence { arrived: false, .. })), "{reason:?}");
        flow.assert_cut().await;
        b.nft(input("accept"))?;
        flow.assert_alive().await;

        let (from, code): (IpAddr, _) = if ipv6 {
            (b.addr_v6().into(), UnreachableCode::V6(1))
        } else {
            (b.addr_v4().into(), UnreachableCode::V4(13))
        };
        b.nft(input("meta l4proto sctp reject with icmpx type admin-prohibited"))?;
        assert_eq!(flow.probe_cut().await?, Some(CutReason::Prohibited { from, code }));
        b.nft(input("accept"))?;
        flow.reopen().await?;
        flow.assert_alive().await;
    }
    let mut flow = a.open_sctp(&b).await?;
    take_down(&a).await;
    assert_eq!(flow.probe_cut().await?, Some(CutReason::NoRoute));
    Ok(())
}

#[netns_test(veth = true, requires(sctp))]
fn sctp_associations_are_listed_at_both_ends(a: Host, b: Host) -> TestResult {
    let new = |like| Socket::new(Domain::for_address(like), Type::STREAM, Some(socket2::Protocol::SCTP));
    for (nth, (own, server)) in a.addresses().into_iter().zip(b.addresses()).enumerate() {
        let at = SocketAddr::new(server, 4000 + u16::try_from(nth)?);
        let listener = b.run(|| new(at))?;
        listener.bind(&at.into())?;
        let early = b.wait_for_listener_on(Sctp, at.port()).timeout(Duration::ZERO).wait();
        assert!(matches!(early, Err(WaitError::Expired { .. })), "it is bound only: {early:?}");
        listener.listen(1)?;
        b.wait_for_listener_on(Sctp, at.port()).wait()?;
        let found = b.sockets().sctp().port(at.port()).list()?;
        let [listening] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((listening.protocol, listening.local, listening.remote), (Protocol::Sctp, at, None));
        assert_eq!(
            (listening.state, u64::from(listening.inode)),
            (SocketState::Listen, fstat(listener.as_fd())?.st_ino)
        );
        let client = a.run(|| new(at))?;
        // With one address, which is told.
        client.bind(&SocketAddr::new(own, 0).into())?;
        client.connect(&at.into())?;
        let (accepted, _) = listener.accept()?;
        let from = client.local_addr()?.as_socket().ok_or("an address")?;
        let found = a.sockets().sctp().port(from.port()).list()?;
        let [here] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((here.local, here.remote, here.state), (from, Some(at), SocketState::Established));
        assert_eq!(u64::from(here.inode), fstat(client.as_fd())?.st_ino);
        let found = b.sockets().sctp().state(SocketState::Established).list()?;
        let there = found.iter().find(|socket| socket.remote == Some(from)).ok_or("the other end")?;
        assert_eq!((there.local, u64::from(there.inode)), (at, fstat(accepted.as_fd())?.st_ino));
        assert!(b.sockets().list()?.contains(there), "without being asked for");
    }
    Ok(())
}

#[netns_test(veth = true, requires(sctp, nftables, program = "nft"))]
async fn sctp_services(a: Host, b: Host) -> TestResult {
    let listener = b.run(|| {
        let listener = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_CLOEXEC, SockProtocol::Sctp)?;
        bind(listener.as_raw_fd(), &SockaddrIn6::from("[::]:4000".parse::<SocketAddrV6>().expect("an address")))?;
        listen(&listener, Backlog::new(8)?)?;
        Ok::<_, nix::Error>(listener)
    })?;
    for to in b.addresses() {
        assert_eq!(a.sctp(to, 4000).await?.remote_addr(), SocketAddr::new(to, 4000));
        a.assert_sctp(to, 4000).await;
        let nobody = a.sctp(to, 4001).await;
        assert!(matches!(nobody, Err(ServiceError::Refused { .. })), "{nobody:?}");
        a.assert_no_sctp(to, 4001).await;
        b.nft(input("meta l4proto sctp drop"))?;
        let dropped = a.sctp(to, 4000).await;
        assert!(matches!(dropped, Err(ServiceError::Timeout { .. })), "{dropped:?}");
        a.assert_no_sctp(to, 4000).await;
        b.nft(input("meta l4proto sctp reject with icmpx type admin-prohibited"))?;
        let rejected = a.sctp(to, 4000).await;
        assert!(matches!(rejected, Err(ServiceError::Prohibited { .. })), "{rejected:?}");
        b.nft(input("accept"))?;
    }
    drop(listener);
    Ok(())
}

#[netns_test(veth = true, requires(sctp, nftables, program = "nft"))]
async fn sctp_in_both_directions(a: Host, b: Host) -> TestResult {
    for between in [a.connectivity(&b).ipv4(), a.connectivity(&b).ipv6()] {
        between.assert_connection(Sctp).await;
        let mut flows = between.establish(Sctp.ports(4000..=4001)).await?;
        assert_eq!(flows.len(), 4);
        flows.assert_alive().await;
        b.nft(input("sctp dport 4000-4001 drop"))?;
        between.egress().assert_no_connection(Sctp.ports(4000..=4001)).await;
        between.egress().assert_no_connection(Sctp.port(4000).source_port(4002)).await;
        between.ingress().assert_connection(Sctp.port(4002)).await;
        b.nft(input("meta l4proto sctp drop"))?;
        flows.assert_cut().await;
        b.nft(input("meta l4proto sctp reject with icmpx type host-unreachable"))?;
        between.egress().assert_unreachable(Sctp).await;
        b.nft(input("accept"))?;
        between.wait_for_connection(Sctp.port(4002).source_port(4003)).await?;
        flows.reopen().await?;
        flows.assert_alive().await;
    }
    Ok(())
}

/// Of a VLAN it is what is inside; its tag is on what that is over.
#[netns_test]
async fn a_capture_of_a_vlan_is_without_its_tag(net: Vlans) -> TestResult {
    let (inside, outside, of_host) = (net.v10.capture().await?, net.trunk.capture().await?, net.left.capture().await?);
    net.left.assert_ping(net.router.addr_on(&net.v10)).await;
    let requests = |capture: &Capture, tag: Option<u16>| -> TestResult<usize> {
        let frames = capture.frames()?.icmp().filter(|frame| frame.icmp().is_some_and(|message| message.kind == 8));
        Ok(frames.filter(|frame| frame.vlan() == tag).len())
    };
    let sent = requests(&inside, None)?;
    assert!(sent > 0);
    for capture in [&outside, &of_host] {
        assert_eq!((requests(capture, Some(10))?, requests(capture, None)?), (sent, 0), "{}", capture.frames()?);
    }
    assert_eq!(requests(&inside, Some(10))?, 0);
    Ok(())
}

/// What a test writes to a tap is what its host sends, and what it can read there is what has arrived.
#[netns_test]
async fn a_capture_has_the_frames_of_a_tap(net: Tapped) -> TestResult {
    let capture = net.lan.capture().await?;
    let mut frame = [[0xff; 6], [2, 0, 0, 0xaa, 0xbb, 0xcc]].concat();
    frame.extend([0x88, 0xb5]);
    frame.extend([7; 46]);
    std::io::Write::write_all(&mut net.mine.tap_on(&net.lan)?, &frame)?;
    let is_it = |of: &Frame| of.bytes() == frame;
    let sent = capture.frames()?.filter(is_it);
    let places: Vec<_> = sent.iter().map(|frame| (frame.host(), frame.interface(), frame.from())).collect();
    assert_eq!(places, [("mine", "eth0", Some("mine"))]);
    eventually("it has arrived", || capture.arrivals().unwrap().filter(is_it).at(&net.host).len() == 1).await;
    capture.arrivals()?.filter(is_it).at(&net.mine).assert_none();
    Ok(())
}
