//! Ping: every outcome has its type, and each assertion accepts just what it says.

use std::net::IpAddr;
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{PingReport, TargetError, UnreachableCode};
use netns_test_tests::counters::counter;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::{Route, forward, take_address, take_down};
use rtnetlink::packet_route::route::RouteType;

/// Behind the router of these tests; nobody is there.
const FAR_V4: &str = "203.0.113.9";
const FAR_V6: &str = "2001:db8:f::9";
const FAR_NET_V4: &str = "203.0.113.0/24";
const FAR_NET_V6: &str = "2001:db8:f::/48";

type Outcome = Result<PingReport, PingError>;

async fn quick_ping(from: &Host, to: &str) -> Outcome {
    from.ping(to).count(2).interval(Duration::from_millis(20)).timeout(Duration::from_millis(200)).await
}

/// Whether the assertion that `to` does not answer holds; and if not, whether it says that it could not ask.
async fn no_ping(from: &Host, to: &str) -> Result<(), String> {
    let assertion = from.assert_no_ping(to).window(Duration::from_millis(200));
    panic_of(async { assertion.await }).await
}

async fn ping_assertion(from: &Host, to: &str) -> Result<(), String> {
    let assertion = from.assert_ping(to).timeout(Duration::from_millis(200));
    panic_of(async { assertion.await }).await
}

/// Asserts an outcome, and that the negative assertion holds.
macro_rules! assert_refused {
    ($from:expr, $to:expr, $pattern:pat $(if $guard:expr)?) => {{
        let outcome = quick_ping($from, $to).await;
        assert!(matches!(&outcome, Err($pattern) $(if $guard)?), "{outcome:?}");
        assert_eq!(no_ping($from, $to).await, Ok(()), "a refusal is what a negative assertion waits for");
        let positive = ping_assertion($from, $to).await.unwrap_err();
        assert!(positive.contains("assertion failed"), "{positive}");
    }};
}

/// Asserts an outcome that says nothing about whether the target can be reached: both assertions fail.
macro_rules! assert_broken {
    ($from:expr, $to:expr, $pattern:pat) => {{
        let outcome = quick_ping($from, $to).await;
        assert!(matches!(&outcome, Err($pattern)), "{outcome:?}");
        assert_eq!(no_ping($from, $to).await, Err("broken".to_owned()));
        assert_eq!(ping_assertion($from, $to).await, Err("broken".to_owned()));
    }};
}

#[netns_test(veth = true)]
async fn an_answer_has_its_statistics(a: Host, b: Host) {
    for to in [IpAddr::from(b.addr_v4()), b.addr_v6().into()] {
        let begun = Instant::now();
        let report = a.ping(to).count(5).interval(Duration::from_millis(10)).await.unwrap();
        assert_eq!((report.sent(), report.received(), report.duplicates()), (5, 5, 0));
        let (min, avg, max) = (report.rtt_min(), report.rtt_avg(), report.rtt_max());
        assert!(Duration::ZERO < min && min <= avg && avg <= max && max <= begun.elapsed(), "{report}");
        assert!(begun.elapsed() >= Duration::from_millis(40), "four intervals");
    }
}

#[netns_test(veth = true)]
fn plain_functions_wait(a: Host, b: Host) {
    assert_eq!(a.ping(&b).count(1).wait().unwrap().received(), 1);
    a.assert_ping("b").wait();
    a.assert_no_ping(FAR_V4).wait();
    b.run(|| b.assert_ping(&a).wait());
}

#[netns_test(veth = true)]
async fn a_target_is_a_host_an_address_or_a_name(a: Host, b: Host) {
    a.assert_ping(&b).await;
    a.assert_ping("b").await;
    a.assert_ping("b").ipv6().await;
    a.assert_ping(b.addr()).await;
    a.assert_ping(b.addr_v4()).await;
    a.assert_ping(b.addr_v6()).await;
    a.assert_ping(b.addr_v6().to_string()).await;
    a.assert_ping(&a).await;
}

#[netns_test(veth = true)]
async fn sizes_fit_or_are_fragmented(a: Host, b: Host) {
    for size in [0, 1, 7, 8, 56, 1472, 1473, 9000, 65_507] {
        let report = a.ping(&b).size(size).count(1).await;
        assert_eq!(report.unwrap_or_else(|error| panic!("{size}: {error}")).received(), 1);
    }
    let report = a.ping(&b).ipv6().size(9000).count(1).await;
    assert_eq!(report.unwrap().received(), 1);
}

#[netns_test(veth = true)]
async fn the_source_is_as_asked_for(a: Host, b: Host) {
    a.assert_ping(&b).source(a.addr()).await;
    let error = a.ping(&b).source(b.addr()).await.unwrap_err();
    assert!(matches!(error, PingError::Local { .. }), "{error:?}");
    assert_eq!(error.to_string(), "could not send from 198.51.100.2");
}

#[netns_test(veth = true)]
async fn silence_is_a_timeout(a: Host, b: Host) {
    // Its neighbours are asked for three seconds before the host itself says that nobody is there.
    assert_refused!(&a, "198.51.100.77", PingError::Timeout { sent: 2, .. });
    assert_refused!(&a, "2001:db8::77", PingError::Timeout { sent: 2, .. });
    drop(b);
}

#[netns_test(veth = true)]
async fn nobody_on_the_segment_is_said_by_the_host_itself(a: Host, b: Host) {
    for (to, source, code) in [
        ("198.51.100.77", IpAddr::from(a.addr_v4()), UnreachableCode::V4(1)),
        ("2001:db8::77", a.addr_v6().into(), UnreachableCode::V6(3)),
    ] {
        // Three requests a second, then it gives up.
        let error = a.ping(to).count(1).timeout(Duration::from_secs(20)).await.unwrap_err();
        assert!(
            matches!(&error, PingError::Unreachable { from, code: said, .. } if *from == source && *said == code),
            "{error:?}"
        );
    }
    drop(b);
}

/// Whoever names a source has named the family. (The kernel takes an IPv6 address for a raw IPv4 socket without a word.)
#[netns_test(veth = true)]
async fn the_source_says_of_which_family_the_question_is(a: Host, b: Host) {
    a.assert_ping(&b).source(a.addr_v6()).await;
    b.run(|| std::fs::write("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1")).unwrap();
    a.assert_no_ping(&b).source(a.addr_v6()).await;
    a.assert_ping(&b).source(a.addr_v4()).await;
    let error = a.ping(&b).ipv4().source(a.addr_v6()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not send from {} to {}", a.addr_v6(), b.addr_v4()));
}

#[netns_test(veth = true)]
async fn a_router_says_that_it_has_no_route(a: Host, router: Host) {
    forward(&router);
    Route::via(FAR_NET_V4, router.addr_v4()).add_to(&a).await;
    Route::via(FAR_NET_V6, router.addr_v6()).add_to(&a).await;
    let (v4, v6) = (IpAddr::from(router.addr_v4()), IpAddr::from(router.addr_v6()));
    assert_refused!(&a, FAR_V4, PingError::Unreachable { from, code: UnreachableCode::V4(0), .. } if *from == v4);
    assert_refused!(&a, FAR_V6, PingError::Unreachable { from, code: UnreachableCode::V6(0), .. } if *from == v6);
}

#[netns_test(veth = true)]
async fn a_router_says_that_it_is_prohibited(a: Host, router: Host) {
    forward(&router);
    for (prefix, gateway) in [(FAR_NET_V4, IpAddr::from(router.addr_v4())), (FAR_NET_V6, router.addr_v6().into())] {
        Route::via(prefix, gateway).add_to(&a).await;
        Route::of_kind(prefix, RouteType::Prohibit).add_to(&router).await;
    }
    assert_refused!(&a, FAR_V4, PingError::Prohibited { code: UnreachableCode::V4(13), .. });
    assert_refused!(&a, FAR_V6, PingError::Prohibited { code: UnreachableCode::V6(1), .. });
}

#[netns_test(veth = true)]
async fn the_host_itself_prohibits(a: Host, _b: Host) {
    Route::of_kind(FAR_NET_V4, RouteType::Prohibit).add_to(&a).await;
    Route::of_kind(FAR_NET_V6, RouteType::Prohibit).add_to(&a).await;
    assert_refused!(&a, FAR_V4, PingError::ProhibitedHere { .. });
    assert_refused!(&a, FAR_V6, PingError::ProhibitedHere { .. });
}

#[netns_test(veth = true)]
async fn there_is_no_route(a: Host, _b: Host) {
    assert_refused!(&a, FAR_V4, PingError::NoRoute { .. });
    assert_refused!(&a, FAR_V6, PingError::NoRoute { .. });
    Route::of_kind(FAR_NET_V4, RouteType::Unreachable).add_to(&a).await;
    assert_refused!(&a, FAR_V4, PingError::NoRoute { .. });
}

#[netns_test(veth = true)]
async fn an_interface_that_is_down_has_no_routes(a: Host, b: Host) {
    take_down(&a).await;
    assert_refused!(&a, "b", PingError::NoRoute { .. });
    drop(b);
}

#[netns_test(veth = true)]
async fn a_peer_that_is_down_is_silent(a: Host, b: Host) {
    take_down(&b).await;
    let outcome = quick_ping(&a, "b").await;
    assert!(matches!(outcome, Err(PingError::Timeout { .. } | PingError::NoRoute { .. })), "{outcome:?}");
    assert_eq!(no_ping(&a, "b").await, Ok(()));
}

#[netns_test(veth = true)]
async fn time_to_live_runs_out_at_the_router(a: Host, router: Host, next: Host) {
    forward(&router);
    for (to, prefix, gateway, over) in [
        (FAR_V4, FAR_NET_V4, IpAddr::from(router.addr_v4()), IpAddr::from(next.addr_v4())),
        (FAR_V6, FAR_NET_V6, router.addr_v6().into(), next.addr_v6().into()),
    ] {
        Route::via(prefix, gateway).add_to(&a).await;
        Route::via(prefix, over).add_to(&router).await;
        let error = a.ping(to).ttl(1).await.unwrap_err();
        assert!(matches!(&error, PingError::TimeExceeded { from, .. } if *from == gateway), "{error:?}");
        // That says nothing about whether the target can be reached.
        let assertion = panic_of(async { a.assert_no_ping(to).ttl(1).await }).await;
        assert_eq!(assertion, Err("broken".to_owned()));
    }
    a.assert_ping(&router).ttl(1).await;
}

#[netns_test(namespaces = 2, veth = true, mtu = 1400)]
async fn too_big_for_the_hosts_own_link(a: Host, b: Host) {
    for ping in [a.ping(&b), a.ping(&b).ipv6()] {
        let error = ping.clone().size(1400).dont_fragment(true).await.unwrap_err();
        assert!(matches!(error, PingError::TooBig { from: None, mtu: Some(1400), .. }), "{error:?}");
        assert_eq!(ping.size(1400 - 48).dont_fragment(true).count(1).await.unwrap().received(), 1);
    }
}

#[netns_test(veth = true)]
async fn too_big_for_a_link_behind_the_router(a: Host, router: Host, next: Host) {
    forward(&router);
    for (to, prefix, from, over) in [
        (FAR_V4, FAR_NET_V4, IpAddr::from(router.addr_v4()), IpAddr::from(next.addr_v4())),
        (FAR_V6, FAR_NET_V6, router.addr_v6().into(), next.addr_v6().into()),
    ] {
        Route::via(prefix, from).add_to(&a).await;
        Route::via(prefix, over).mtu(1300).add_to(&router).await;
        let error = a.ping(to).size(1400).dont_fragment(true).count(1).await.unwrap_err();
        assert!(
            matches!(&error, PingError::TooBig { from: Some(said), mtu: Some(1300), .. } if *said == from),
            "{error:?}"
        );
    }
}

#[netns_test(namespaces = 2)]
async fn a_target_without_an_address_is_no_silence(a: Host, b: Host) {
    assert_broken!(&a, "b", PingError::Target(TargetError::NoAddress { .. }));
    assert_broken!(&a, "nobody", PingError::Target(TargetError::UnknownName { .. }));
    assert_broken!(&a, "0.0.0.0", PingError::Target(TargetError::NoAddress { .. }));
    let error = a.ping("nobody").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no host `nobody` in the lab; there are `a`, `b`");
    assert_eq!(
        a.ping(&b).await.unwrap_err().to_string(),
        "b has no address: without `veth = true` it has a loopback only"
    );
}

#[netns_test(veth = true, ipv6 = false)]
async fn a_target_without_an_address_of_the_family_is_no_silence(a: Host, b: Host) {
    let error = a.ping(&b).ipv6().await.unwrap_err();
    assert_eq!(error.to_string(), "b has no IPv6 address");
    let assertion = panic_of(async { a.assert_no_ping(&b).ipv6().await }).await;
    assert_eq!(assertion, Err("broken".to_owned()));
}

#[netns_test(veth = true)]
async fn a_request_that_cannot_be_sent_is_no_silence(a: Host, b: Host) {
    let error = a.ping(&b).ttl(0).await.unwrap_err();
    assert!(matches!(error, PingError::Local { .. }), "{error:?}");
    let assertion = panic_of(async { a.assert_no_ping("198.51.100.77").ttl(0).await }).await;
    assert_eq!(assertion, Err("broken".to_owned()));
    let source = a.assert_no_ping("198.51.100.77").source(b.addr());
    assert_eq!(panic_of(async { source.await }).await, Err("broken".to_owned()));
}

#[netns_test(veth = true)]
async fn an_answer_fails_the_negative_assertion_at_once(a: Host, b: Host) {
    let begun = Instant::now();
    let message = no_ping(&a, "b").await.unwrap_err();
    assert!(message.starts_with("assertion failed: a cannot ping b\n  it answered: 1 sent, 1 answered"), "{message}");
    let assertion = a.assert_no_ping(&b).window(Duration::from_secs(20));
    panic_of(async { assertion.await }).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// The first question of a lab, to an address that nobody has asked for yet: it is answered at once, or the lab was not ready.
#[netns_test(veth = true)]
async fn the_first_question_over_ipv6_is_heard(a: Host, b: Host) {
    let message = panic_of(async { a.assert_no_ping(&b).ipv6().await }).await.unwrap_err();
    assert!(message.contains("it answered: 1 sent, 1 answered"), "{message}");
}

#[netns_test(veth = true)]
async fn silence_is_believed_after_three_requests_and_the_whole_window(a: Host, b: Host) {
    let counter = || a.run(|| std::fs::read_to_string("/proc/net/snmp").unwrap());
    let out_echos = |table: String| -> u32 {
        let mut lines = table.lines().filter(|line| line.starts_with("Icmp:")).map(|line| line.split_whitespace());
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        names.zip(values).find(|(name, _)| *name == "OutEchos").unwrap().1.parse().unwrap()
    };
    let (before, begun) = (out_echos(counter()), Instant::now());
    a.assert_no_ping("198.51.100.77").window(Duration::from_millis(400)).count(1).await;
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert_eq!(out_echos(counter()) - before, 3, "one request is no proof of silence, whatever was asked for");
    drop(b);
}

#[netns_test(veth = true)]
async fn a_positive_assertion_goes_on_until_the_route_is_there(a: Host, b: Host) {
    let far: IpAddr = FAR_V4.parse().unwrap();
    let assertion = tokio::spawn(a.assert_ping(far).into_future());
    tokio::task::yield_now().await;
    take_address(&b, far).await;
    Route::via(FAR_NET_V4, b.addr_v4()).add_to(&a).await;
    assertion.await.unwrap();
}

#[netns_test(veth = true)]
async fn many_pings_do_not_hear_each_other(a: Host, b: Host) {
    let silent = tokio::spawn(a.assert_no_ping("198.51.100.77").into_future());
    let pings: Vec<_> = (0..50).map(|_| tokio::spawn(a.ping(&b).count(3).into_future())).collect();
    for ping in pings {
        let report = ping.await.unwrap().unwrap();
        assert_eq!((report.received(), report.duplicates()), (3, 0));
    }
    silent.await.unwrap();
}

#[netns_test(veth = true)]
async fn a_paused_clock_in_the_host_breaks_the_probe(a: Host, b: Host) {
    a.spawn(async { tokio::time::pause() }).await.unwrap();
    let outcome = panic_of(async { a.assert_no_ping("198.51.100.77").await }).await;
    assert_eq!(outcome, Err("broken".to_owned()), "silence for no time is no silence");
    drop(b);
}

#[netns_test(veth = true)]
async fn waiting_for_oneself_is_refused(a: Host, b: Host) {
    let (asking, asked) = (a.clone(), b);
    let task = a.spawn(async move { asking.ping(&asked).wait() });
    let outcome = panic_of(async { std::panic::resume_unwind(task.await.unwrap_err().into_panic()) }).await;
    assert_eq!(outcome, Err("broken".to_owned()));
}

/// What is said about a request is heard by a socket that has room for so much. Where some of it was lost, silence is none.
#[netns_test(veth = true)]
async fn who_has_not_heard_all_has_not_heard_silence(a: Host, b: Host) -> TestResult {
    let (asks, says, to) = (a.clone(), b.clone(), b.addr());
    let outcome = a.spawn(async move {
        let asked = tokio::spawn(panic_of(asks.assert_no_ping("198.51.100.77").window(Duration::from_millis(200))));
        tokio::task::yield_now().await;
        // On the thread that would hear it: nobody listens, which is said each time.
        let socket = std::net::UdpSocket::bind(("0.0.0.0", 0))?;
        while counter(&says, "Icmp", "OutDestUnreachs") < 1000 {
            for _ in 0..100 {
                socket.send_to(&[0; 1000], (to, 9))?;
            }
        }
        Ok::<_, std::io::Error>(asked.await)
    });
    assert_eq!(outcome.await??.unwrap(), Err("broken".to_owned()));
    Ok(())
}
