//! Asking who on a link has an address: every outcome has its type, and each assertion accepts just what it says.

use std::net::IpAddr;
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{ArpReport, MacAddr, TargetError};
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::{give_address, take_down};

fn mac(host: &Host) -> String {
    let mac = host.run(|| std::fs::read_to_string("/sys/class/net/eth0/address")).unwrap();
    mac.trim().to_owned()
}

async fn quick(from: &Host, about: impl Into<netns_test::Target>) -> Result<ArpReport, ArpError> {
    from.arping(about).count(2).interval(Duration::from_millis(20)).timeout(Duration::from_millis(200)).await
}

async fn assertions(from: &Host, about: &str) -> (Result<(), String>, Result<(), String>) {
    let (yes, no) = (from.assert_arping(about), from.assert_no_arping(about));
    let quick = Duration::from_millis(200);
    (panic_of(yes.timeout(quick).into_future()).await, panic_of(no.window(quick).into_future()).await)
}

/// The question could not be asked: both assertions say so.
macro_rules! assert_broken {
    ($from:expr, $about:expr, $pattern:pat) => {{
        let outcome = quick($from, $about).await;
        assert!(matches!(&outcome, Err($pattern)), "{outcome:?}");
        let broken = || Err("broken".to_owned());
        assert_eq!(assertions($from, $about).await, (broken(), broken()));
    }};
}

fn three_on_a_switch() -> Lab {
    Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).hosts(3, "lan").build().unwrap()
}

#[netns_test(veth = true)]
async fn a_neighbour_answers_with_its_mac(a: Host, b: Host) {
    for about in [IpAddr::from(b.addr_v4()), b.addr_v6().into()] {
        let report = a.arping(about).count(4).interval(Duration::from_millis(10)).await.unwrap();
        assert_eq!((report.sent(), report.received(), report.mac().to_string()), (4, 4, mac(&b)), "{about}");
        assert!(Duration::ZERO < report.rtt_min() && report.rtt_min() <= report.rtt_max());
        a.assert_arping(about).await;
        let no = panic_of(a.assert_no_arping(about).into_future()).await.unwrap_err();
        assert!(no.starts_with(&format!("assertion failed: a cannot arping {about}\n  it answered: ")), "{no}");
    }
}

/// Whoever names a source has named the family; and there is no question of one family from an address of the other.
#[netns_test(veth = true)]
async fn the_source_says_of_which_family_the_question_is(a: Host, b: Host) {
    switch_ipv6_off(&b);
    a.assert_no_arping(&b).source(a.addr_v6()).window(Duration::from_millis(200)).await;
    let error = a.arping(b.addr_v4()).source(a.addr_v6()).await.unwrap_err();
    assert!(matches!(error, ArpError::Target(TargetError::NoAddress { .. })), "{error}");
    let error = a.arping(&b).ipv4().source(a.addr_v6()).await.unwrap_err();
    assert!(matches!(error, ArpError::Local { .. }), "{error}");
}

/// It answers to nobody over IPv6 any more.
fn switch_ipv6_off(host: &Host) {
    host.run(|| std::fs::write("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1")).unwrap();
}

#[netns_test(veth = true)]
fn plain_functions_wait(a: Host, b: Host) {
    assert_eq!(a.arping("b").wait().unwrap().mac().to_string(), mac(&b));
    a.assert_arping(&b).ipv6().wait();
    a.assert_no_arping("198.51.100.77").wait();
    a.announce(a.addr()).wait().unwrap();
}

#[netns_test(namespaces = 0)]
async fn nobody_answers_for_an_address_that_nobody_has(_lab: Lab) {
    let lab = three_on_a_switch();
    let host = lab.host("host1");
    for about in ["10.0.0.77", "fd00::77"] {
        let begun = Instant::now();
        match quick(host, about).await {
            Err(ArpError::Timeout { sent: 2, interface, .. }) => assert_eq!(interface, "host1:eth0"),
            other => panic!("{other:?}"),
        }
        host.assert_no_arping(about).window(Duration::from_millis(300)).await;
        assert!(begun.elapsed() >= Duration::from_millis(500), "a window has to end");
        let (yes, no) = assertions(host, about).await;
        assert!(yes.unwrap_err().contains(&format!("nobody says to have {about}")), "{about}");
        assert_eq!(no, Ok(()));
    }
}

#[netns_test(namespaces = 0)]
async fn a_pulled_cable_is_silence(_lab: Lab) -> TestResult {
    let lab = three_on_a_switch();
    let [first, second, third] = lab.hosts() else { unreachable!() };
    lab.segment("lan").unplug(second).await?;
    first.assert_no_arping(second).await;
    first.assert_no_arping(second).ipv6().await;
    first.assert_arping(third).await;
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn two_who_answer_are_a_conflict(_lab: Lab) {
    let lab = three_on_a_switch();
    let [first, second, third] = lab.hosts() else { unreachable!() };
    for (about, length) in [(IpAddr::from(second.addr_v4()), 24), (second.addr_v6().into(), 64)] {
        give_address(third, about, length).await;
        // An IPv6 address is known to its own kernel a moment later.
        let deadline = Instant::now() + Duration::from_secs(10);
        let macs = loop {
            match first.arping(about).await {
                Err(ArpError::Conflict { macs, .. }) => break macs,
                other => assert!(Instant::now() < deadline, "{other:?}"),
            }
        };
        let mut macs: Vec<_> = macs.iter().map(MacAddr::to_string).collect();
        macs.sort();
        assert_eq!(macs, [mac(second), mac(third)]);
        let yes = panic_of(first.assert_arping(about).count(3).into_future()).await.unwrap_err();
        assert!(yes.contains("2 machines say to have"), "{yes}");
        let no = panic_of(first.assert_no_arping(about).into_future()).await.unwrap_err();
        assert!(no.contains("assertion failed"), "{no}");
    }
}

#[netns_test(veth = true)]
async fn only_neighbours_are_asked(a: Host, _b: Host) {
    assert_broken!(&a, "203.0.113.9", ArpError::NotOnLink { .. });
    assert_broken!(&a, "nobody", ArpError::Target(TargetError::UnknownName { .. }));
    assert_broken!(&a, "0.0.0.0", ArpError::Target(TargetError::NoAddress { .. }));
    let error = a.arping("203.0.113.9").await.unwrap_err();
    let text = "203.0.113.9 is on no link of host `a`: only neighbours are asked; `on(&segment)` says where, if that is what is meant";
    assert_eq!(error.to_string(), text);
}

#[netns_test(veth = true, ipv6 = false)]
async fn of_the_wrong_family_there_is_nobody_to_ask(a: Host, b: Host) {
    let error = a.arping(&b).ipv6().await.unwrap_err();
    assert_eq!(error.to_string(), "b has no IPv6 address");
}

#[netns_test(veth = true)]
async fn an_interface_that_is_down_asks_nothing(a: Host, b: Host) {
    take_down(&a).await;
    assert_broken!(&a, "b", ArpError::Down { .. });
    assert_eq!(a.arping(&b).await.unwrap_err().to_string(), "a:eth0 is down");
    assert!(b.arping(&a).ipv4().count(1).await.unwrap_err().is_negative());
}

#[netns_test(veth = true)]
async fn on_a_segment_any_address_can_be_asked_for(a: Host, b: Host, lab: Lab) {
    give_address(&b, [203, 0, 113, 9].into(), 32).await;
    let report = a.arping("203.0.113.9").on(lab.segment("lan")).await.unwrap();
    assert_eq!(report.mac().to_string(), mac(&b));
}

/// Many at once in one host, to several: each has its own answers.
#[netns_test(namespaces = 0)]
async fn probes_at_the_same_time_do_not_disturb_each_other(_lab: Lab) {
    let lab = three_on_a_switch();
    let [first, second, third] = lab.hosts() else { unreachable!() };
    let probes: Vec<_> = (0..60)
        .map(|nth| {
            let about = ["host2", "host3", "10.0.0.77"][nth % 3];
            (about, tokio::spawn(first.arping(about).count(3).interval(Duration::from_millis(30)).into_future()))
        })
        .collect();
    for (about, probe) in probes {
        let outcome = probe.await.unwrap();
        match about {
            "host2" => assert_eq!(outcome.unwrap().mac().to_string(), mac(second)),
            "host3" => assert_eq!(outcome.unwrap().mac().to_string(), mac(third)),
            _ => assert!(matches!(outcome, Err(ArpError::Timeout { sent: 3, .. })), "{outcome:?}"),
        }
    }
}

#[netns_test(veth = true)]
async fn duplicate_address_detection_leaves_no_trace(a: Host, b: Host) {
    let known = || {
        let output = b.command("ip").args(["neighbour", "show"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    a.assert_arping(&b).duplicate_address_detection().await;
    a.assert_arping(&b).ipv6().duplicate_address_detection().await;
    a.assert_no_arping("198.51.100.77").duplicate_address_detection().await;
    assert!(!known().contains("198.51.100.1 "), "{}", known());
    a.assert_arping(&b).await;
    assert!(known().contains("198.51.100.1 "), "{}", known());
}

#[netns_test(namespaces = 0)]
async fn an_announcement_moves_an_address(_lab: Lab) -> TestResult {
    let lab = three_on_a_switch();
    let [first, second, _] = lab.hosts() else { unreachable!() };
    let addresses = [IpAddr::from(second.addr_v4()), second.addr_v6().into()];
    for address in addresses {
        first.assert_ping(address).await;
    }
    lab.segment("lan").set_mac(second, MacAddr([2, 0, 0, 0, 0xab, 0xcd])).await?;
    for address in addresses {
        first.assert_no_ping(address).await;
        second.announce(address).await?;
        first.assert_ping(address).timeout(Duration::from_millis(900)).await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn the_silence_of_a_paused_clock_means_nothing(a: Host, _b: Host) {
    let same = a.clone();
    let outcome = a.spawn(async move {
        tokio::time::pause();
        let outcome = same.arping("198.51.100.77").await;
        tokio::time::resume();
        outcome
    });
    let outcome = outcome.await.unwrap();
    assert!(matches!(outcome, Err(ArpError::Local { .. })), "{outcome:?}");
}
