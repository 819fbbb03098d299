//! The network changes while a test runs.

use std::net::IpAddr;

use netns_test::prelude::*;
use netns_test::{LinkError, MacAddr, TargetError};
use netns_test_tests::realised::ip;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

fn read(host: &Host, path: &str) -> String {
    host.run(|| std::fs::read_to_string(path)).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

/// Not the operational state, for which kernels have several words where there is no carrier.
fn carrier(host: &Host) -> String {
    read(host, "/sys/class/net/eth0/carrier")
}

fn two_on_a_switch() -> Lab {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).segment("spare", ["10.0.1.0/24"]);
    let lab = lab.host("left", ["lan"]).host("right", ["lan"]).host("aside", ["spare"]);
    lab.without_routes().build().unwrap()
}

#[netns_test(namespaces = 1)]
async fn a_pulled_cable_is_noticed_by_its_host_alone(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, left, right) = (lab.segment("lan"), lab.host("left"), lab.host("right"));
    left.assert_ping(right).await;
    lan.unplug(right).await?;
    assert_eq!((carrier(left), carrier(right)), ("1".to_owned(), "0".to_owned()));
    assert_eq!(read(right, "/sys/class/net/eth0/flags"), "0x1003", "up, though without carrier");
    assert!(read(right, "/proc/net/fib_trie").contains("10.0.0.2"), "it keeps its address");
    left.assert_no_ping(right).await;
    left.assert_no_ping(right).ipv6().await;
    lan.plug(right).await?;
    let quick = Duration::from_millis(900);
    left.assert_ping(right).timeout(quick).await;
    right.assert_ping(left).ipv6().timeout(quick).await;
    Ok(())
}

#[netns_test(namespaces = 1)]
fn in_a_plain_function_a_change_is_waited_for(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, right) = (lab.segment("lan"), lab.host("right"));
    lan.unplug(right).wait()?;
    assert_eq!(carrier(right), "0");
    lan.unplug(right).wait()?;
    lan.plug(right).wait()?;
    assert_eq!(carrier(right), "1");
    Ok(())
}

#[netns_test(namespaces = 1)]
async fn a_host_moves_to_another_switch(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, spare) = (lab.segment("lan"), lab.segment("spare"));
    let (left, right, aside) = (lab.host("left"), lab.host("right"), lab.host("aside"));
    lan.move_host(right, spare).await?;
    left.assert_no_ping(right).await;
    right.set_address(spare, [10, 0, 1, 77]).await?;
    assert_eq!(right.addr(), IpAddr::from([10, 0, 1, 77]));
    assert_eq!((right.try_addr_on(lan), right.addr_on(spare)), (None, right.addr()));
    aside.assert_ping(right).await;
    aside.assert_ping("right").await;
    let resolved = aside.command("getent").args(["ahostsv4", "right"]).output()?;
    assert!(String::from_utf8_lossy(&resolved.stdout).contains("10.0.1.77"), "{resolved:?}");
    // And from there, by the segment that it is on now.
    spare.unplug(right).await?;
    aside.assert_no_ping(right).await;
    match lan.plug(right).await {
        Err(LinkError::NotThere { host, segment }) => assert_eq!((&*host, &*segment), ("right", "lan")),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[netns_test(namespaces = 1)]
async fn mtu_and_mac_change(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, left, right) = (lab.segment("lan"), lab.host("left"), lab.host("right"));
    for host in [left, right] {
        lan.set_mtu(host, 9000).await?;
        assert_eq!(read(host, "/sys/class/net/eth0/mtu"), "9000");
    }
    left.assert_ping(right).size(8000).dont_fragment(true).await;
    lan.set_mac(right, MacAddr([2, 0, 0, 0, 0xab, 0xcd])).await?;
    assert_eq!(read(right, "/sys/class/net/eth0/address"), "02:00:00:00:ab:cd");
    right.assert_ping(left).await;
    Ok(())
}

#[netns_test(namespaces = 1)]
async fn another_address_takes_the_place_of_the_old_one(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, left, right) = (lab.segment("lan"), lab.host("left"), lab.host("right"));
    let (old_v4, old_v6) = (right.addr_v4(), right.addr_v6());
    right.set_address(lan, [10, 0, 0, 99]).await?;
    right.set_address(lan, "fd00::99".parse::<IpAddr>()?).await?;
    assert_eq!((right.addr_v4().octets()[3], right.addr_v6().segments()[7]), (99, 0x99));
    left.assert_ping(right).await;
    left.assert_ping(right).ipv6().await;
    left.assert_no_ping(IpAddr::from(old_v4)).await;
    left.assert_no_ping(IpAddr::from(old_v6)).await;
    Ok(())
}

#[netns_test(veth = true)]
async fn what_cannot_be_changed_says_why(a: Host, _b: Host, lab: Lab) {
    let lan = lab.segment("lan");
    let error = lan.unplug(&a).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "host `a` has no cable of its own on segment `lan`: only a switch has cables that can be pulled \
         (two hosts of `veth = true` are on one with `engine = \"relay\"`)"
    );
    let error = a.set_address(lan, [192, 0, 2, 1]).await.unwrap_err();
    assert_eq!(error.to_string(), "192.0.2.1 is in no subnet of segment `lan`");
    let error = a.set_gateway([192, 0, 2, 1]).await.unwrap_err();
    assert_eq!(error.to_string(), "192.0.2.1 is in no subnet of host `a`");
    let error = a.tap_on(lan).unwrap_err();
    assert_eq!(error.to_string(), "host `a` has no tap on segment `lan`");
}

#[netns_test(namespaces = 1)]
fn labs_of_one_test_have_different_names(a: Host) {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]);
    let error = lab.clone().host("host1", ["lan"]).host(a.name(), ["lan"]).build().unwrap_err();
    assert_eq!(error.to_string(), "this test has a host `a` already, in another lab");
    let built = lab.clone().hosts(2, "lan").build().unwrap();
    assert_eq!(built.hosts().len(), 2);
    lab.hosts(2, "lan").build().unwrap_err();
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| Lab::builder().build().map(|_| ())).join().unwrap());
    assert_eq!(
        elsewhere.unwrap_err().to_string(),
        "a lab is built by the body of a `#[netns_test]`, on its own thread"
    );
}

#[derive(Topology)]
struct TwoWaysOut {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    outside: Segment,
    #[host(lan(gateway = first))]
    host: Host,
    #[router(lan, outside)]
    first: Host,
    #[router(lan, outside)]
    second: Host,
    #[host(outside(gateway = first))]
    server: Host,
}

#[netns_test]
async fn another_gateway_takes_over(net: TwoWaysOut) -> TestResult {
    net.host.assert_ping(&net.server).await;
    net.lan.unplug(&net.first).await?;
    net.host.assert_no_ping(&net.server).await;
    net.host.set_gateway(net.second.addr_on(&net.lan)).await?;
    net.server.set_gateway(net.second.addr_on(&net.outside)).await?;
    net.host.assert_ping(&net.server).await;
    // The other family goes on as it was.
    net.host.assert_no_ping(&net.server).ipv6().await;
    net.host.set_gateway("fd00::2".parse::<IpAddr>()?).await?;
    net.server.set_gateway("fd00:1::2".parse::<IpAddr>()?).await?;
    net.host.assert_ping(&net.server).ipv6().await;
    Ok(())
}

/// Destination, gateway and interface of every route that does not come with an address.
fn routes(host: &Host, family: &str) -> Vec<String> {
    let shown = ip(host, &[family, "route", "show", "proto", "static"]);
    let text = |route: &serde_json::Value, key: &str| route[key].as_str().unwrap_or("nothing").to_owned();
    let mut routes: Vec<_> = shown
        .iter()
        .map(|route| format!("{} via {} dev {}", text(route, "dst"), text(route, "gateway"), text(route, "dev")))
        .collect();
    routes.sort();
    routes
}

/// A host with two routers in reach has a route for each subnet, and no default route.
#[derive(Topology)]
struct ManyWays {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    outside: Segment,
    #[host(lan, route("10.9.0.0/16", via = first))]
    host: Host,
    #[router(lan, outside)]
    first: Host,
    #[router(lan, outside)]
    second: Host,
    #[host(outside)]
    server: Host,
}

#[netns_test]
async fn a_gateway_is_instead_of_all_routes_that_follow_from_the_drawing(net: ManyWays) -> TestResult {
    let (host, server) = (&net.host, &net.server);
    let written = "10.9.0.0/16 via 10.0.0.1 dev eth0";
    assert_eq!(routes(host, "-4"), ["10.0.1.0/24 via 10.0.0.1 dev eth0", written]);
    assert_eq!(routes(host, "-6"), ["fd00:1::/64 via fd00::1 dev eth0"]);
    host.set_gateway(net.second.addr_v4_on(&net.lan)).await?;
    assert_eq!(routes(host, "-4"), [written, "default via 10.0.0.2 dev eth0"]);
    assert_eq!(routes(host, "-6"), ["fd00:1::/64 via fd00::1 dev eth0"], "the other family stays as it was");
    // There and back again: nothing is left of the first that the second would have to take away.
    host.set_gateway(net.first.addr_v4_on(&net.lan)).await?;
    assert_eq!(routes(host, "-4"), [written, "default via 10.0.0.1 dev eth0"]);
    host.set_gateway(net.second.addr_v4_on(&net.lan)).await?;
    host.set_gateway(net.second.addr_v6_on(&net.lan)).await?;
    assert_eq!(routes(host, "-4"), [written, "default via 10.0.0.2 dev eth0"]);
    assert_eq!(routes(host, "-6"), ["default via fd00::2 dev eth0"]);
    // And packets go that way.
    server.set_gateway(net.second.addr_v4_on(&net.outside)).await?;
    server.set_gateway(net.second.addr_v6_on(&net.outside)).await?;
    net.lan.unplug(&net.first).await?;
    host.assert_ping(server).await;
    host.assert_ping(server).ipv6().await;
    Ok(())
}

/// Its only router is the default gateway as it follows from the drawing.
#[derive(Topology)]
struct OneWay {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    outside: Segment,
    #[host(lan)]
    host: Host,
    #[host(lan)]
    other: Host,
    #[router(lan, outside)]
    router: Host,
    #[host(outside)]
    _server: Host,
}

#[netns_test]
async fn a_gateway_that_follows_from_the_drawing_may_be_chosen_again(net: OneWay) -> TestResult {
    for gateway in [&net.router, &net.other, &net.router] {
        net.host.set_gateway(gateway.addr_v4_on(&net.lan)).await?;
        net.host.set_gateway(gateway.addr_v6_on(&net.lan)).await?;
        assert_eq!(routes(&net.host, "-4"), [format!("default via {} dev eth0", gateway.addr_v4_on(&net.lan))]);
        assert_eq!(routes(&net.host, "-6"), [format!("default via {} dev eth0", gateway.addr_v6_on(&net.lan))]);
    }
    Ok(())
}

#[netns_test]
fn a_gateway_comes_before_what_it_replaces_goes(net: ManyWays) -> TestResult {
    for (gateway, group) in [(net.second.addr_v4_on(&net.lan).into(), 7), (net.second.addr_v6_on(&net.lan).into(), 11)]
    {
        let gateway: IpAddr = gateway;
        let mut socket = net.host.run(|| Socket::new(NETLINK_ROUTE))?;
        socket.bind(&SocketAddr::new(0, 0))?;
        // `RTNLGRP_IPV4_ROUTE`, `RTNLGRP_IPV6_ROUTE`.
        socket.add_membership(group)?;
        net.host.set_gateway(gateway).wait()?;
        let lengths = |message: &RouteMessage| message.header.destination_prefix_length;
        let mut events = Vec::new();
        for _ in 0..2 {
            let (datagram, _) = socket.recv_from_full()?;
            match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&datagram)?.payload {
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(new)) => events.push(("new", lengths(&new))),
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelRoute(old)) => events.push(("old", lengths(&old))),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(events, [("new", 0), ("old", if gateway.is_ipv4() { 24 } else { 64 })]);
    }
    Ok(())
}

#[derive(Topology)]
#[topology(routes = "none")]
struct SecondInterface {
    #[segment("10.0.0.0/24", "fd00::/64")]
    first: Segment,
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    second: Segment,
    #[host(first, second)]
    host: Host,
    #[host(first)]
    neighbour: Host,
    #[host(second)]
    gateway: Host,
}

#[netns_test]
async fn a_gateway_is_reached_through_the_interface_that_it_is_on(net: SecondInterface) -> TestResult {
    net.host.set_gateway(net.gateway.addr_v4()).await?;
    net.host.set_gateway(net.gateway.addr_v6()).await?;
    assert_eq!(routes(&net.host, "-4"), ["default via 10.0.1.2 dev eth1"]);
    assert_eq!(routes(&net.host, "-6"), ["default via fd00:1::2 dev eth1"]);
    for (gateway, why) in [
        ("10.0.1.1", "10.0.1.1 is the address of host `host` itself"),
        ("10.0.2.1", "10.0.2.1 is in no subnet of host `host`"),
        (
            "10.0.1.255",
            "`10.0.1.255` is the broadcast address of `10.0.1.0/24`; hosts have addresses from `10.0.1.1` to `10.0.1.254`",
        ),
    ] {
        let error = net.host.set_gateway(gateway.parse::<IpAddr>()?).await.unwrap_err();
        assert_eq!(error.to_string(), why);
    }
    assert_eq!(routes(&net.host, "-4"), ["default via 10.0.1.2 dev eth1"]);
    Ok(())
}

#[netns_test]
async fn a_host_is_not_moved_to_where_it_is(net: SecondInterface) {
    match net.first.move_host(&net.host, &net.second).await {
        Err(LinkError::AlreadyThere { host, segment }) => assert_eq!((&*host, &*segment), ("host", "second")),
        other => panic!("{other:?}"),
    }
    net.neighbour.assert_ping(net.host.addr_on(&net.first)).await;
}

#[derive(Topology)]
#[topology(routes = "none")]
struct SwitchAndWire {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.0.1.0/24", veth)]
    wire: Segment,
    #[host(lan)]
    mover: Host,
    #[host(lan)]
    stays: Host,
    #[host(wire)]
    ends: [Host; 2],
}

#[netns_test]
async fn a_host_is_moved_to_switches_only(net: SwitchAndWire) {
    let error = net.lan.move_host(&net.mover, &net.wire).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "host `mover` has no cable of its own on segment `wire`: only a switch has cables that can be pulled \
         (two hosts of `veth = true` are on one with `engine = \"relay\"`)"
    );
    net.stays.assert_ping(&net.mover).await;
    net.ends[0].assert_ping(&net.ends[1]).await;
}

#[netns_test(namespaces = 0)]
async fn an_address_is_one_that_could_be_drawn(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, spare, left, right) = (lab.segment("lan"), lab.segment("spare"), lab.host("left"), lab.host("right"));
    let hosts_have = "hosts have addresses from `10.0.0.1` to `10.0.0.254`";
    for (address, why) in [
        ("10.0.0.0", format!("`10.0.0.0` is the network address of `10.0.0.0/24`; {hosts_have}")),
        ("10.0.0.255", format!("`10.0.0.255` is the broadcast address of `10.0.0.0/24`; {hosts_have}")),
        (
            "fd00::",
            "`fd00::` is the routers' anycast address of `fd00::/64`; hosts have addresses from `fd00::1` on"
                .to_owned(),
        ),
        ("10.0.0.1", "10.0.0.1 is the address of host `left` already".to_owned()),
        ("fd00::1", "fd00::1 is the address of host `left` already".to_owned()),
    ] {
        let error = right.set_address(lan, address.parse::<IpAddr>()?).await.unwrap_err();
        assert_eq!(error.to_string(), why);
    }
    assert_eq!(right.addresses(), ["10.0.0.2".parse::<IpAddr>()?, "fd00::2".parse()?]);
    // Its own is no other's.
    right.set_address(lan, right.addr_v4()).await?;
    // What counts is where hosts are now, and what they have now.
    left.set_address(lan, [10, 0, 0, 7]).await?;
    right.set_address(lan, [10, 0, 0, 1]).await?;
    lan.move_host(right, spare).await?;
    match right.set_address(spare, lab.host("aside").addr()).await {
        Err(LinkError::Taken { address, host }) => assert_eq!((address, &*host), (lab.host("aside").addr(), "aside")),
        other => panic!("{other:?}"),
    }
    left.set_address(lan, [10, 0, 0, 1]).await?;
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn of_two_hosts_that_want_an_address_one_gets_it(_lab: Lab) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]).hosts(8, "lan").build()?;
    let wanted: Vec<_> = lab
        .hosts()
        .iter()
        .map(|host| tokio::spawn(host.set_address(lab.segment("lan"), [10, 0, 0, 99]).into_future()))
        .collect();
    let (mut given, mut refused) = (0, 0);
    for outcome in wanted {
        match outcome.await? {
            Ok(()) => given += 1,
            Err(LinkError::Taken { .. }) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((given, refused), (1, 7));
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn an_address_takes_the_place_of_that_of_its_subnet(_lab: Lab) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24", "10.0.1.0/24"]).hosts(2, "lan").build()?;
    let (lan, host) = (lab.segment("lan"), lab.host("host2"));
    host.set_address(lan, [10, 0, 1, 99]).await?;
    assert_eq!(host.addresses(), [IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 1, 99])]);
    host.set_address(lan, [10, 0, 0, 99]).await?;
    assert_eq!(host.addresses(), [IpAddr::from([10, 0, 0, 99]), IpAddr::from([10, 0, 1, 99])]);
    let there = ip(host, &["-4", "address", "show", "dev", "eth0"]);
    let mut there: Vec<_> =
        there[0]["addr_info"].as_array().unwrap().iter().map(|address| address["local"].to_string()).collect();
    there.sort();
    assert_eq!(there, ["\"10.0.0.99\"", "\"10.0.1.99\""]);
    for address in host.addresses() {
        lab.host("host1").assert_ping(address).await;
    }
    Ok(())
}

/// Eight at once, so that the kernel's workers come late.
fn eight_at_once(changes: impl Fn(&Segment, &Host) -> TestResult + Sync) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).hosts(8, "lan").build()?;
    let (lan, changes) = (lab.segment("lan"), &changes);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            lab.hosts().iter().map(|host| scope.spawn(move || host.run(|| changes(lan, host)))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

#[netns_test(namespaces = 0)]
fn a_host_knows_that_its_cable_was_pulled_when_that_is_over(_lab: Lab) -> TestResult {
    let state = || std::fs::read_to_string("/sys/class/net/eth0/operstate");
    eight_at_once(|lan, host| {
        for _ in 0..10 {
            lan.unplug(host).wait()?;
            assert_ne!(state()?.trim(), "up", "RFC 2863");
            lan.plug(host).wait()?;
            assert_eq!(state()?.trim(), "up", "RFC 2863");
        }
        Ok(())
    })
}

#[netns_test(namespaces = 0)]
fn an_address_can_be_used_when_it_was_given(_lab: Lab) -> TestResult {
    eight_at_once(|lan, host| {
        let [.., last] = host.addr_v4().octets();
        for round in 1..=10_u16 {
            let address = std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, round, last.into());
            host.set_address(lan, address).wait()?;
            // Tentative ones cannot be bound (RFC 4862 section 5.4).
            std::net::UdpSocket::bind((address, 0))?;
        }
        Ok(())
    })
}

#[netns_test(namespaces = 0)]
async fn a_segment_of_another_lab_is_refused(_lab: Lab) {
    let first = Lab::builder().segment("one", ["10.0.0.0/24"]).host("a", ["one"]).build().unwrap();
    let second = Lab::builder().segment("two", ["10.0.0.0/24"]).host("b", ["two"]).build().unwrap();
    let error = first.segment("one").move_host(first.host("a"), second.segment("two")).await.unwrap_err();
    assert_eq!(error.to_string(), "host `a` and segment `two` are of different labs");
    let error = second.segment("two").unplug(first.host("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "host `a` is not on segment `two`");
    assert_eq!(carrier(first.host("a")), "1");
    // Both have the same address, and each could ask for it in its own lab.
    match first.host("a").ping(second.host("b")).await {
        Err(PingError::Target(TargetError::OtherLab { target })) => assert_eq!(target, "b"),
        other => panic!("{other:?}"),
    }
}

#[derive(Topology)]
#[topology(routes = "none")]
struct Trees {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[segment("10.0.0.0/24", bridge(stp = true))]
    tree: Segment,
    #[host(lan)]
    mover: Host,
    #[host(tree = "10.0.0.9")]
    there: Host,
}

#[netns_test]
async fn a_host_that_has_moved_is_forwarded_to(net: Trees) -> TestResult {
    net.lan.move_host(&net.mover, &net.tree).await?;
    net.there.ping(&net.mover).count(1).timeout(Duration::from_millis(900)).await?;
    Ok(())
}

#[netns_test]
async fn a_pulled_cable_moves_without_being_plugged_in(net: Trees) -> TestResult {
    net.lan.unplug(&net.mover).await?;
    net.lan.move_host(&net.mover, &net.tree).await?;
    assert_eq!(carrier(&net.mover), "0");
    net.tree.plug(&net.mover).await?;
    net.there.assert_ping(&net.mover).await;
    Ok(())
}

#[netns_test]
async fn an_mtu_that_would_end_ipv6_is_refused(net: Trees) {
    let error = net.lan.set_mtu(&net.mover, 1000).await.unwrap_err();
    assert_eq!(error.to_string(), "an MTU of 1000 is too small for IPv6: it is 1280 bytes at least");
    let error = net.tree.set_mtu(&net.there, 60).await.unwrap_err();
    assert_eq!(error.to_string(), "an MTU of 60 is too small: it is 68 bytes at least");
    net.tree.set_mtu(&net.there, 1000).await.unwrap();
}

#[netns_test(namespaces = 0)]
async fn changes_at_the_same_time_are_all_made(_lab: Lab) -> TestResult {
    let lab = two_on_a_switch();
    let (lan, left, right) = (lab.segment("lan"), lab.host("left"), lab.host("right"));
    let (v4, v6, unplugged) = tokio::join!(
        right.set_address(lan, [10, 0, 0, 99]).into_future(),
        right.set_address(lan, "fd00::99".parse::<IpAddr>()?).into_future(),
        lan.unplug(left).into_future(),
    );
    for done in [v4, v6, unplugged] {
        done?;
    }
    assert_eq!((right.addr_v4().octets()[3], right.addr_v6().segments()[7]), (99, 0x99));
    let again = tokio::join!(lan.plug(left).into_future(), lan.unplug(right).into_future());
    again.0.and(again.1)?;
    assert_eq!((carrier(left), carrier(right)), ("1".to_owned(), "0".to_owned()));
    Ok(())
}
