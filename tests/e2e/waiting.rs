//! Waiting: for a condition, that one stays away, and for what the kernel says of a host.

use std::cell::Cell;
use std::future::ready;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{IpNet, WaitFor};
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::{Route, give_address, take_down};
use rtnetlink::packet_route::route::RouteType;
use socket2::{Domain, Socket, Type};

const SHORT: Duration = Duration::from_millis(100);

/// Holds from the nth look on, and counts looks.
fn from_look(nth: u32, looks: &Cell<u32>) -> bool {
    looks.set(looks.get() + 1);
    looks.get() >= nth
}

/// What a closure panics with.
fn panic_in(f: impl FnOnce()) -> Option<String> {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err()?;
    Some(match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().map_or_else(|| "broken".to_owned(), ToString::to_string),
    })
}

#[test]
fn it_answers_with_what_the_condition_finds() {
    let looks = Cell::new(0);
    eventually("the third look has come", || from_look(3, &looks)).wait();
    assert_eq!(looks.get(), 3);
    assert_eq!(eventually("there is one", || Some(7)).wait(), 7);
    assert_eq!(eventually("it is a number", || "8".parse::<u8>()).wait(), 8);
    assert_eq!(wait_until("it is a number", || "9".parse::<u8>()).wait().unwrap(), 9);
}

#[test]
fn what_does_not_come_is_said_with_what_is_there_instead() {
    let begun = Instant::now();
    let text = panic_in(|| _ = eventually("x is a number", || "x".parse::<u8>()).timeout(SHORT).wait());
    let text = text.expect("it never is");
    assert!(text.starts_with("assertion failed: eventually x is a number\n  after 1"), "{text}");
    assert!(text.ends_with(" times: invalid digit found in string"), "{text}");
    assert!((SHORT..Duration::from_secs(3)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let error = wait_until("an answer", || None::<u8>).timeout(SHORT).wait().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("waited 1") && text.ends_with("ms for an answer; there is instead: None"), "{text}");
    assert!(matches!(error, WaitError::Expired { instead, waited, .. } if instead == "None" && waited >= SHORT));
}

/// What is there at the last moment is not missed, however long the interval.
#[test]
fn the_last_look_is_when_the_time_is_over() {
    let begun = Instant::now();
    let condition = || begun.elapsed() >= SHORT;
    eventually("the time is over", condition).timeout(SHORT).interval(Duration::from_secs(60)).wait();
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_condition_that_panics_ends_the_wait_with_its_own_words() {
    let panics = || -> bool { panic!("of my own") };
    for text in [
        panic_in(|| eventually("x", panics).wait()),
        panic_in(|| never_within(SHORT, "x", panics).wait()),
        panic_in(|| block_on(eventually("x", || async { panics() }))),
    ] {
        assert_eq!(text.as_deref(), Some("of my own"));
    }
}

#[test]
fn a_window_is_watched_from_its_start_to_its_end() {
    let begun = Instant::now();
    never_within(SHORT, "it holds", || false).wait();
    assert!(begun.elapsed() >= SHORT);
    // At the start, throughout, at the end; with an interval that is too long, too.
    for (holds_at, interval) in [(0, 20), (30, 20), (60, 60_000), (100, 20), (100, 60_000)] {
        let begun = Instant::now();
        let condition = || (begun.elapsed() >= Duration::from_millis(holds_at)).then_some("it is there");
        let watch = never_within(SHORT, "it holds", condition).interval(Duration::from_millis(interval));
        let text = panic_in(|| watch.wait()).unwrap_or_else(|| panic!("not seen at {holds_at} ms"));
        assert!(text.starts_with("assertion failed: never within 100ms it holds\n  after "), "{text}");
        assert!(text.ends_with(": \"it is there\""), "{text}");
    }
    let looks = Cell::new(0);
    never_within(SHORT, "it holds", || from_look(u32::MAX, &looks)).interval(Duration::from_secs(60)).wait();
    assert!(looks.replace(0) >= 3, "at the start, throughout, at the end");
    assert!(begun.elapsed() < Duration::from_secs(30), "each of them within the window");
    let text = panic_in(|| never_within(SHORT, "it holds", || from_look(1, &looks)).wait()).unwrap();
    assert!(text.ends_with(", looked at once: ()"), "{text}");
}

/// One thread that does nothing but this.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future.into_future())
}

/// A paused clock jumps to whatever is waited for next: an hour is over at once.
#[test]
fn a_paused_clock_shortens_no_window_and_ends_no_wait() {
    let looks = Cell::new(0);
    let begun = Instant::now();
    block_on(async {
        tokio::time::pause();
        let idle = tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
        never_within(SHORT, "it holds", || async { from_look(u32::MAX, &looks) }).await;
        assert!(begun.elapsed() >= SHORT);
        assert!(idle.await.is_ok());
        let error = wait_until("it holds", || ready(from_look(u32::MAX, &looks))).timeout(SHORT).await;
        assert!(matches!(error, Err(WaitError::Expired { .. })), "{error:?}");
    });
    assert!(begun.elapsed() >= 2 * SHORT);
    assert!((5..40).contains(&looks.get()), "{} looks in 200 ms, 20 ms apart", looks.get());
}

#[test]
fn tasks_of_the_same_thread_run_between_looks() {
    let count = Arc::new(AtomicU32::new(0));
    let here = Arc::clone(&count);
    block_on(async move {
        let counting = async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                here.fetch_add(1, Ordering::Relaxed);
            }
        };
        let task = tokio::spawn(counting);
        eventually("all have been counted", || count.load(Ordering::Relaxed) == 5).await;
        task.await.unwrap();
    });
}

/// All that could make the condition hold stands still: that it did not would prove nothing.
#[test]
fn to_watch_what_one_blocks_is_refused() {
    let watch = || panic_in(|| never_within(SHORT, "it holds", || false).wait());
    assert_eq!(watch(), None);
    assert_eq!(block_on(async { watch() }).as_deref(), Some("broken"));
    let wait = || panic_in(|| eventually("it holds", || false).timeout(SHORT).wait());
    let text = block_on(async { wait() }).unwrap();
    assert!(text.ends_with("nothing else ran on this thread: `.await` it instead"), "{text}");
}

#[test]
fn a_look_that_does_not_end_is_given_up() {
    let begun = Instant::now();
    let wait = wait_until("it holds", std::future::pending::<bool>).timeout(SHORT);
    let error = block_on(wait).unwrap_err().to_string();
    assert!(error.ends_with("there is instead: a look that has not ended after 100.0ms"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[netns_test(veth = true, ipv6 = false)]
async fn a_probe_is_a_condition(a: Host, b: Host) {
    let report = eventually("b answers", || a.ping(&b).count(1)).await;
    assert_eq!(report.received(), 1);
    let nobody = || a.ping("198.51.100.77").count(1).timeout(Duration::from_millis(50));
    let text = panic_of(async { _ = eventually("nobody answers", nobody).timeout(Duration::from_secs(2)).await })
        .await
        .unwrap_err();
    assert!(text.contains("198.51.100.77"), "{text}");
}

/// They can be awaited by tasks of any thread.
#[netns_test(veth = true, flavor = "multi_thread")]
async fn on_any_thread(a: Host, b: Host) {
    let (here, there) = (a.clone(), b.clone());
    tokio::spawn(async move { eventually("b answers", || here.ping(&there).count(1)).await }).await.unwrap();
    let watch = || async move { never_within(SHORT, "it holds", || false).await };
    a.spawn(watch()).await.unwrap();
    b.run(|| eventually("its file system is there", || std::path::Path::new("/proc").exists()).wait());
}

/// A switch with two hosts, which can be unplugged.
fn on_a_switch() -> Lab {
    Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).hosts(2, "lan").build().unwrap()
}

/// Waits for something that comes 100 ms after the wait has begun, and not before.
async fn comes_later(wait: WaitFor, change: impl Future<Output = ()>) {
    let begun = Instant::now();
    let waited = async { (wait.await, begun.elapsed()) };
    let changed = async {
        tokio::time::sleep(SHORT).await;
        change.await;
    };
    let ((outcome, elapsed), ()) = tokio::join!(waited, changed);
    outcome.unwrap();
    assert!(elapsed >= SHORT, "it was not there after {elapsed:?}");
    // The last look, after 5 s, would find it, too.
    assert!(elapsed < Duration::from_secs(4), "nobody was told of it for {elapsed:?}");
}

/// What a wait says that is in vain.
async fn in_vain(wait: WaitFor) -> String {
    let begun = Instant::now();
    let error = wait.timeout(SHORT).await.unwrap_err();
    assert!(begun.elapsed() >= SHORT);
    assert!(matches!(error, WaitError::Expired { .. }), "{error:?}");
    error.to_string()
}

#[netns_test(namespaces = 0)]
async fn carrier_comes_and_goes(_lab: Lab) {
    let lab = on_a_switch();
    let (host, lan) = (lab.host("host1"), lab.segment("lan"));
    host.wait_for_carrier(lan).await.unwrap();
    let text = in_vain(host.wait_for_no_carrier(lan)).await;
    assert!(text.contains("s for no carrier on segment `lan` on host `host1`"), "{text}");
    assert!(text.ends_with("there is instead: host1:eth0, which is up"), "{text}");
    comes_later(host.wait_for_no_carrier(lan), async { lan.unplug(host).await.unwrap() }).await;
    let text = in_vain(host.wait_for_carrier(lan)).await;
    assert!(text.ends_with("host1:eth0, which is down"), "{text}");
    comes_later(host.wait_for_carrier(lan), async { lan.plug(host).await.unwrap() }).await;
    take_down(host).await;
    host.wait_for_no_carrier(lan).wait().unwrap();
    let text = in_vain(host.wait_for_carrier(lan)).await;
    assert!(text.ends_with("host1:eth0, which is taken down"), "{text}");
}

#[netns_test(namespaces = 0)]
async fn an_address_is_waited_for_until_it_can_be_used(_lab: Lab) {
    let lab = on_a_switch();
    let host = lab.host("host1");
    host.wait_for_address(host.addr_v4()).await.unwrap();
    host.wait_for_address(host.addr_v6()).wait().unwrap();
    for (address, length) in [("10.0.0.77".parse::<IpAddr>().unwrap(), 24), ("fd00::77".parse().unwrap(), 64)] {
        let text = in_vain(host.wait_for_address(address)).await;
        assert!(text.contains(&format!("for address {address} on host `host1`")), "{text}");
        assert!(text.contains("there is instead: the addresses 10.0.0.1, "), "{text}");
        comes_later(host.wait_for_address(address), give_address(host, address, length)).await;
    }
    // With duplicate address detection, it is there for a second before it can be used.
    let set = |path: &str| host.run(|| std::fs::write(format!("/proc/sys/net/ipv6/conf/eth0/{path}"), "1")).unwrap();
    set("accept_dad");
    set("dad_transmits");
    let slow: IpAddr = "fd00::78".parse().unwrap();
    give_address(host, slow, 64).await;
    let text = in_vain(host.wait_for_address(slow)).await;
    assert!(text.contains("fd00::78 (tentative)"), "{text}");
    host.wait_for_address(slow).await.unwrap();
    // And one that somebody has is never.
    let theirs = lab.host("host2").addr_v6();
    give_address(host, theirs.into(), 64).await;
    eventually("it is found to be a duplicate", || async {
        let text = host.wait_for_address(theirs).timeout(Duration::ZERO).await.unwrap_err().to_string();
        if text.contains(&format!("{theirs} (a duplicate)")) { Ok(()) } else { Err(text) }
    })
    .await;
}

#[netns_test(namespaces = 0)]
async fn a_route_is_waited_for_until_it_can_be_used(_lab: Lab) -> TestResult {
    let lab = on_a_switch();
    let (host, lan) = (lab.host("host1"), lab.segment("lan"));
    host.wait_for_route(lan.subnets()[0]).await?;
    host.wait_for_route(lan.subnets()[1]).wait()?;
    for (prefix, gateway) in
        [("10.7.0.0/16", IpAddr::from(lab.host("host2").addr_v4())), ("fd07::/16", lab.host("host2").addr_v6().into())]
    {
        let to: IpNet = prefix.parse()?;
        let text = in_vain(host.wait_for_route(to)).await;
        assert!(text.contains(&format!("for a route to {to} on host `host1`")), "{text}");
        comes_later(host.wait_for_route(to), Route::via(prefix, gateway).add_to(host)).await;
        // Not one to more, or to less, of it.
        in_vain(host.wait_for_route(IpNet::new(to.addr(), 15)?)).await;
        in_vain(host.wait_for_route(IpNet::new(to.addr(), 17)?)).await;
        in_vain(host.wait_for_route(to.addr())).await;
    }
    Route::of_kind("10.8.0.0/16", RouteType::Unreachable).add_to(host).await;
    let text = in_vain(host.wait_for_route("10.8.0.0/16".parse::<IpNet>()?)).await;
    assert!(text.contains("10.8.0.0/16 (unreachable)") && text.contains("10.7.0.0/16,"), "{text}");
    // The host's own address is in the table of those, which is none that one sends by.
    let text = in_vain(host.wait_for_route(host.addr())).await;
    assert!(!text.contains("(local)"), "{text}");
    lan.unplug(host).await?;
    let to = "10.7.0.0/16".parse::<IpNet>()?;
    let text = in_vain(host.wait_for_route(to)).await;
    assert!(text.contains("10.7.0.0/16 (its link is down)"), "{text}");
    comes_later(host.wait_for_route(to), async { lan.plug(host).await.unwrap() }).await;
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn a_neighbour_is_waited_for_until_it_is_known(_lab: Lab) {
    let lab = on_a_switch();
    let [first, second] = lab.hosts() else { unreachable!() };
    for address in [IpAddr::from(second.addr_v4()), second.addr_v6().into()] {
        in_vain(first.wait_for_neighbour(address)).await;
        comes_later(first.wait_for_neighbour(address), first.assert_ping(address).into_future()).await;
        first.wait_for_neighbour(address).wait().unwrap();
    }
    let nobody: IpAddr = "10.0.0.77".parse().unwrap();
    first.assert_no_ping(nobody).window(Duration::from_millis(300)).await;
    let text = in_vain(first.wait_for_neighbour(nobody)).await;
    assert!(text.contains("s for neighbour 10.0.0.77 on host `host1`"), "{text}");
    assert!(text.contains("10.0.0.77 (incomplete)") || text.contains("10.0.0.77 (failed)"), "{text}");
}

#[netns_test(veth = true)]
async fn what_is_of_another_lab_cannot_be_waited_for(a: Host, _b: Host) {
    let error = a.wait_for_carrier(on_a_switch().segment("lan")).await.unwrap_err();
    assert!(matches!(error, WaitError::Failed { .. }), "{error:?}");
    assert_eq!(error.to_string(), "could not wait for carrier on segment `lan` on host `a`");
}

#[netns_test(veth = true)]
async fn a_listener_is_waited_for_by_its_port(a: Host, b: Host) -> TestResult {
    // A connection that was accepted has the port, and listens to nobody.
    let listener = a.tcp_listener()?;
    let (_client, port) = (b.tcp_connect(listener.local_addr()?)?, listener.local_addr()?.port());
    let _accepted = listener.accept()?;
    drop(listener);
    let text = in_vain(a.wait_for_listener(port)).await;
    assert!(
        text.ends_with(&format!("for a listener on TCP port {port} on host `a`; there is instead: no listeners")),
        "{text}"
    );
    // Neither one in another host, nor a socket that is only bound.
    let _elsewhere = b.run(|| std::net::TcpListener::bind(("0.0.0.0", port)))?;
    let _bound = a.run(|| UdpSocket::bind(("0.0.0.0", port)))?;
    in_vain(a.wait_for_listener(port)).await;
    let (here, listener) = (a.clone(), std::cell::OnceCell::new());
    comes_later(a.wait_for_listener(port), async {
        listener.set(here.run(|| std::net::TcpListener::bind(("::", port))).unwrap()).unwrap();
    })
    .await;
    let text = in_vain(a.wait_for_listener(port ^ 1)).await;
    assert!(text.ends_with(&format!("there is instead: the listeners [::]:{port}")), "{text}");
    Ok(())
}

/// Of UDP nobody listens: a socket is bound, and takes what comes from anybody.
#[netns_test(veth = true)]
async fn a_udp_listener_is_bound_and_not_connected(a: Host, b: Host) -> TestResult {
    let socket = a.run(|| UdpSocket::bind((a.addr(), 53)))?;
    socket.connect((b.addr(), 53))?;
    let text = in_vain(a.wait_for_listener_on(Udp, 53)).await;
    assert!(text.ends_with("for a listener on UDP port 53 on host `a`; there is instead: no listeners"), "{text}");
    let (here, socket) = (a.clone(), std::cell::OnceCell::new());
    comes_later(a.wait_for_listener_on(Udp, 53), async {
        socket.set(here.run(|| UdpSocket::bind("[::1]:53")).unwrap()).unwrap();
    })
    .await;
    in_vain(a.wait_for_listener(53)).await;
    // An IPv4 address of an IPv6 socket is one.
    let v6 = a.run(|| Socket::new(Domain::IPV6, Type::DGRAM, None))?;
    v6.bind(&"[::ffff:127.0.0.1]:54".parse::<SocketAddr>()?.into())?;
    let text = in_vain(a.wait_for_listener_on(Udp, 55)).await;
    assert!(text.contains("[::1]:53") && text.contains("127.0.0.1:54") && !text.contains("ffff"), "{text}");
    Ok(())
}

#[test]
fn an_ok_that_means_no_is_refused() {
    let refused = "would hold with any `Ok`";
    let text = panic_in(|| _ = eventually("x", || Ok::<_, String>(false)).wait()).unwrap();
    assert!(text.contains(refused), "{text}");
    let text = panic_in(|| _ = eventually("x", || Err::<Option<u8>, _>("not yet")).wait()).unwrap();
    assert!(text.contains(refused), "{text}");
}
