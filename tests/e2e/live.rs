//! The network changes while a test runs.

use std::net::IpAddr;

use netns_test::prelude::*;
use netns_test::{LinkError, MacAddr, TargetError};

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
        "host `a` has no cable of its own on segment `lan`: only a switch has cables that can be pulled"
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
