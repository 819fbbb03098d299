//! Many pings, and pings that go on in the background.

use std::net::Ipv4Addr;
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{PingLog, TargetError};
use netns_test_tests::counters::counter;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::{Route, take_down};
use rtnetlink::packet_route::route::RouteType;

const TEN_MS: Duration = Duration::from_millis(10);

fn on_a_switch(hosts: usize) -> Lab {
    Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).hosts(hosts, "lan").build().unwrap()
}

/// How many echo requests a host has heard over IPv4.
fn requests_heard(host: &Host) -> u64 {
    counter(host, "Icmp", "InEchos")
}

/// Some time on the wire: as long as a ping of so many requests takes.
async fn some_time(from: &Host, to: &Host, requests: u16) {
    from.ping(to).count(requests).interval(TEN_MS).await.unwrap();
}

#[netns_test(veth = true)]
async fn in_the_background_every_request_is_answered(a: Host, b: Host) -> TestResult {
    for pinger in [a.ping(&b).interval(TEN_MS).start(), a.ping(&b).ipv6().interval(TEN_MS).start()] {
        some_time(&b, &a, 30).await;
        let log = pinger.stop().await?;
        assert!(log.sent() >= 5, "{log}");
        assert_eq!((log.received(), log.lost(), log.refused(), log.duplicates()), (log.sent(), &[][..], 0, 0), "{log}");
        assert!(Duration::ZERO < log.rtt_min() && log.rtt_min() <= log.rtt_avg() && log.rtt_avg() <= log.rtt_max());
        assert!(log.rtt_deviation() <= log.rtt_max(), "{log}");
        assert_eq!(log.rtts().len(), log.sent() as usize);
    }
    Ok(())
}

/// A host whose runtime is busy with something else reads its answers late, and that is no round trip.
#[netns_test(namespaces = 0)]
async fn a_round_trip_is_over_when_the_answer_has_arrived(_lab: Lab) -> TestResult {
    let lab = on_a_switch(3);
    let [a, b, c] = lab.hosts() else { unreachable!() };
    // The kernel notes the time of packets from soon after somebody has asked for it (`net_enable_timestamp` in `net/core/dev.c`).
    let _pinger = b.ping(c).interval(TEN_MS).start();
    some_time(b, c, 30).await;
    a.assert_ping(b).ipv4().await;
    // The answer comes a second after the question.
    let _far = lab.segment("lan").impair(Impairment::new().delay(Duration::from_secs(1))).from(a).await?;
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let ping = a.ping(b).ipv4().count(1).timeout(Duration::from_secs(20));
    let begun = Instant::now();
    let busy = a.spawn(async move {
        // Behind the ping in the runtime's queue.
        let block = async move { tokio::spawn(async move { told.recv() }).await };
        tokio::join!(ping, block).0
    });
    let before = counter(b, "Icmp", "OutEchoReps");
    eventually("b has answered", || counter(b, "Icmp", "OutEchoReps") > before).await;
    let answered = begun.elapsed();
    let more = Duration::from_secs(1);
    some_time(c, c, 101).await;
    drop(tell);
    let report = busy.await??;
    assert!(report.rtt_max() <= answered, "{report}; {answered:?}");
    assert!(begun.elapsed() >= answered + more, "it was read later");
    Ok(())
}

#[netns_test(veth = true)]
fn in_a_plain_function_its_end_is_waited_for(a: Host, b: Host) -> TestResult {
    let pinger = a.ping(&b).interval(TEN_MS).start();
    b.ping(&a).count(10).interval(TEN_MS).wait()?;
    let log = pinger.stop().wait()?;
    assert!(log.sent() > 0 && log.lost().is_empty(), "{log}");
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn what_is_lost_while_a_cable_is_pulled_is_numbered(_lab: Lab) -> TestResult {
    let lab = on_a_switch(3);
    let [a, b, c] = lab.hosts() else { unreachable!() };
    let pinger = a.ping(b).interval(TEN_MS).timeout(Duration::from_secs(5)).start();
    some_time(a, c, 20).await;
    lab.segment("lan").unplug(b).await?;
    some_time(a, c, 30).await;
    lab.segment("lan").plug(b).await?;
    // Whoever asks again for a neighbour that was lost does so after a second.
    a.assert_ping(b).await;
    some_time(a, c, 20).await;
    let log = pinger.stop().await?;
    let lost = log.lost();
    assert!(!lost.is_empty(), "{log}");
    assert!(log.received() > 0 && lost[0] > 0 && *lost.last().unwrap() < log.sent() - 1, "before and after: {log}");
    assert!(log.longest_gap() >= Duration::from_millis(290), "as long as a ping of 30 took: {log}");
    Ok(())
}

#[netns_test(veth = true)]
async fn refusals_are_kept_and_end_nothing(a: Host, b: Host) -> TestResult {
    let pinger = a.ping("192.0.2.1").interval(TEN_MS).start();
    some_time(&a, &b, 10).await;
    Route::of_kind("192.0.2.0/24", RouteType::Prohibit).add_to(&a).await;
    some_time(&a, &b, 10).await;
    let log: PingLog = pinger.stop().await?;
    assert_eq!((log.sent(), log.received()), (0, 0));
    assert!(matches!(log.refusals().first(), Some(PingError::NoRoute { .. })), "{log}");
    assert!(matches!(log.refusals().last(), Some(PingError::ProhibitedHere { .. })), "{log}");
    assert_eq!((log.refusals().len(), log.lost().len()), (log.refused() as usize, log.refused() as usize));
    assert!(log.to_string().contains("last refusal: 192.0.2.1 is prohibited by the host itself"), "{log}");
    Ok(())
}

#[netns_test(veth = true)]
async fn what_could_not_be_asked_is_an_error(a: Host, b: Host) {
    let error = a.ping("nobody").start().stop().await.unwrap_err();
    assert!(matches!(error, PingError::Target(TargetError::UnknownName { .. })), "{error:?}");
    let error = a.ping(&b).source(b.addr()).start().stop().await.unwrap_err();
    assert!(matches!(error, PingError::Local { .. }), "{error:?}");
    let same = a.clone();
    let paused = a.spawn(async move {
        tokio::time::pause();
        let pinger = same.ping("198.51.100.77").interval(TEN_MS).start();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let outcome = pinger.stop().await;
        tokio::time::resume();
        outcome
    });
    let error = paused.await.unwrap().unwrap_err();
    assert!(matches!(error, PingError::Local { .. }), "{error:?}");
}

#[netns_test(veth = true)]
async fn a_pinger_that_is_dropped_ends(a: Host, b: Host) {
    let pinger = a.ping(&b).interval(TEN_MS).start();
    some_time(&b, &a, 10).await;
    assert!(requests_heard(&b) > 0);
    drop(pinger);
    // Its task is dropped on the runtime of `a`, before what is begun there later.
    some_time(&a, &b, 1).await;
    let before = requests_heard(&b);
    some_time(&a, &b, 10).await;
    assert_eq!(requests_heard(&b), before + 10);
}

#[netns_test(veth = true)]
async fn a_thousand_pings_at_once_need_no_thread_each(a: Host, b: Host) {
    a.assert_ping(&b).await;
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    let at_once =
        tokio::spawn(a.ping_all((0..1000).map(|_| &b)).count(2).timeout(Duration::from_secs(5)).into_future());
    let mut most = before;
    while !at_once.is_finished() {
        most = most.max(threads());
        tokio::time::sleep(TEN_MS).await;
    }
    let outcomes = at_once.await.unwrap();
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1000,
        "{:?}",
        outcomes.iter().find(|o| o.is_err())
    );
    assert!(most <= before + 2, "{before} threads before, {most} meanwhile");
}

#[netns_test(namespaces = 0)]
async fn all_answers_are_in_the_order_of_the_targets(_lab: Lab) {
    let lab = on_a_switch(3);
    let targets = (1..=6).map(|last| Ipv4Addr::new(10, 0, 0, last));
    let outcomes = lab.host("host1").ping_all(targets.clone()).count(1).timeout(Duration::from_millis(300)).await;
    let answered: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(answered, [true, true, true, false, false, false]);
}

#[netns_test(namespaces = 0)]
fn in_a_plain_function_all_are_waited_for(_lab: Lab) {
    let lab = on_a_switch(3);
    let outcomes = lab.host("host1").ping_all(lab.hosts()).ipv6().count(2).wait();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(lab.reachability().wait().is_full());
    lab.assert_reachability(
        "       host1 host2 host3
         host1  -     yes   yes
         host2  yes   -     yes
         host3  yes   yes   -",
    )
    .wait();
}

#[netns_test(namespaces = 0)]
async fn who_reaches_whom_is_a_table(_lab: Lab) -> TestResult {
    let lab = on_a_switch(3);
    lab.segment("lan").unplug(lab.host("host3")).await?;
    let seen = lab.reachability().await;
    assert_eq!(
        seen.to_string(),
        "       host1  host2  host3\nhost1  -      yes    no\nhost2  yes    -      no\nhost3  no     no     -"
    );
    assert!(!seen.is_full());
    assert!(matches!(seen.outcome(lab.host("host1"), lab.host("host2")), Some(Ok(_))));
    assert!(seen.outcome(lab.host("host1"), lab.host("host1")).is_none());
    lab.assert_reachability(seen.to_string()).await;
    let all = "host1 host2 host3\nhost1 - yes yes\nhost2 yes - yes\nhost3 yes yes -";
    let said = panic_of(lab.assert_reachability(all).ipv6().into_future()).await.unwrap_err();
    assert_eq!(
        said.split("\nfrom host1 to host3:\n").next().unwrap(),
        "assertion failed: other hosts reach each other than expected
             host1        host2        host3
host1        -            yes          no, not yes
host2        yes          -            no, not yes
host3        no, not yes  no, not yes  -"
    );
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn what_cannot_be_asked_is_neither_yes_nor_no(_lab: Lab) {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]).hosts(2, "lan").build().unwrap();
    let seen = lab.reachability().ipv6().await;
    assert_eq!(
        seen.to_string(),
        "       host1  host2\nhost1  -      ?\nhost2  ?      -\nhost1 to host2: host2 has no IPv6 address\nhost2 to host1: host1 has no IPv6 address"
    );
    let no = "host1 host2\nhost1 - no\nhost2 no -";
    assert_eq!(panic_of(lab.assert_reachability(no).ipv6().into_future()).await, Err("broken".to_owned()));
    assert_eq!(panic_of(lab.assert_reachability("host1 host3").into_future()).await, Err("broken".to_owned()));
    // An interface that is down has no route: that is an answer.
    take_down(lab.host("host1")).await;
    lab.assert_reachability(no).window(Duration::from_millis(200)).await;
}

/// Who is expected to be reached has the time that any assertion gives, whatever the window in which silence counts.
#[netns_test(namespaces = 0)]
async fn an_expected_answer_may_come_after_the_window(_lab: Lab) -> TestResult {
    let lab = on_a_switch(2);
    let [a, b] = lab.hosts() else { unreachable!() };
    lab.segment("lan").unplug(b).await?;
    let all = "host1 host2\nhost1 - yes\nhost2 yes -";
    let plug = async {
        some_time(a, a, 20).await;
        lab.segment("lan").plug(b).await
    };
    let assertion = lab.assert_reachability(all).window(Duration::from_millis(20));
    let ((), plugged) = tokio::join!(assertion.into_future(), plug);
    Ok(plugged?)
}
