//! Services: every outcome has its type, and each assertion accepts just what it says.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use netns_test::prelude::*;
use netns_test::{Service, ServiceReport, UnreachableCode};
use netns_test_tests::counters::counter;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::{Route, take_down};
use rtnetlink::packet_route::route::RouteType;

const PORT: u16 = 4000;
/// For silence, and for what fails anyway.
const QUICK: Duration = Duration::from_millis(200);
/// For what comes at once, but on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// Behind the router of these tests; nobody is there.
const FAR_V4: &str = "203.0.113.9";
const FAR_V6: &str = "2001:db8:f::9";
const FAR_NET_V4: &str = "203.0.113.0/24";
const FAR_NET_V6: &str = "2001:db8:f::/48";

type Outcome = Result<ServiceReport, ServiceError>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Protocol {
    Tcp,
    Udp,
}

use Protocol::{Tcp, Udp};

/// Both protocols over both families.
fn all() -> impl Iterator<Item = (Protocol, bool)> {
    [Tcp, Udp].into_iter().flat_map(|protocol| [false, true].map(|ipv6| (protocol, ipv6)))
}

fn ask(protocol: Protocol, from: &Host, to: IpAddr) -> Service {
    match protocol {
        Tcp => from.tcp(to, PORT),
        Udp => from.udp(to, PORT),
    }
}

/// Whether it is reached, and only then: an answer ends both at once.
async fn assert_reached(protocol: Protocol, from: &Host, to: IpAddr) {
    let (reached, not) = match protocol {
        Tcp => (from.assert_tcp(to, PORT), from.assert_no_tcp(to, PORT)),
        Udp => (from.assert_udp(to, PORT), from.assert_no_udp(to, PORT)),
    };
    reached.await;
    let said = panic_of(not.window(LONG)).await.unwrap_err();
    let name = format!("{protocol:?}").to_uppercase();
    assert!(said.starts_with(&format!("assertion failed: a does not reach {to}, {name} port 4000\n  ")), "{said}");
}

async fn positive(protocol: Protocol, from: &Host, to: IpAddr) -> Result<(), String> {
    let assertion = if protocol == Tcp { from.assert_tcp(to, PORT) } else { from.assert_udp(to, PORT) };
    panic_of(assertion.timeout(QUICK)).await
}

async fn negative(protocol: Protocol, from: &Host, to: IpAddr) -> Result<(), String> {
    let assertion = if protocol == Tcp { from.assert_no_tcp(to, PORT) } else { from.assert_no_udp(to, PORT) };
    panic_of(assertion.window(QUICK)).await
}

/// Asserts an outcome, and that the negative assertion holds.
async fn assert_refused(protocol: Protocol, from: &Host, to: IpAddr, what: &str, is: impl Fn(&ServiceError) -> bool) {
    let what = format!("{what}: {protocol:?} to {to}");
    let silent =
        is(&ServiceError::Timeout { protocol: "", to: SocketAddr::new(to, PORT), attempts: 0, waited: Duration::ZERO });
    let outcome: Outcome = ask(protocol, from, to).timeout(if silent { QUICK } else { LONG }).await;
    assert!(outcome.as_ref().is_err_and(&is), "{what}: {outcome:?}");
    assert_eq!(negative(protocol, from, to).await, Ok(()), "{what}");
    let said = positive(protocol, from, to).await.unwrap_err();
    assert!(said.starts_with("assertion failed: "), "{what}: {said}");
}

/// Asserts that both assertions fail since neither could be asked.
async fn assert_broken(protocol: Protocol, from: &Host, to: IpAddr, what: &str) {
    assert_eq!(negative(protocol, from, to).await, Err("broken".to_owned()), "{what}");
    assert_eq!(positive(protocol, from, to).await, Err("broken".to_owned()), "{what}");
}

fn address(host: &Host, ipv6: bool) -> IpAddr {
    if ipv6 { host.addr_v6().into() } else { host.addr_v4().into() }
}

/// Answers every datagram until the test ends.
fn echo(host: &Host) {
    let socket = host.run(|| UdpSocket::bind(("::", PORT))).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

/// A chain of a hook, with these rules and none that were there before.
fn chain(hook: &str, rules: &str) -> String {
    let table = |rules| {
        let kind = format!("type filter hook {hook} priority filter; policy accept;");
        format!("table inet filter {{\nchain {hook} {{\n{kind}\n{rules}\n}}\n}}\n")
    };
    format!("{}flush chain inet filter {hook}\n{}", table(""), table(rules))
}

#[netns_test(veth = true)]
async fn who_listens_is_found(a: Host, b: Host) -> TestResult {
    let _listener = b.run(|| TcpListener::bind(("::", PORT)))?;
    echo(&b);
    for (protocol, ipv6) in all() {
        let to = address(&b, ipv6);
        let report = ask(protocol, &a, to).await?;
        assert_eq!(report.remote_addr(), SocketAddr::new(to, PORT));
        assert_eq!(report.local_addr().ip(), address(&a, ipv6));
        assert_reached(protocol, &a, to).await;
        // From the same port, again and again.
        for _ in 0..3 {
            let report = ask(protocol, &a, to).source(address(&a, ipv6)).source_port(5000).await?;
            assert_eq!(report.local_addr(), SocketAddr::new(address(&a, ipv6), 5000));
        }
    }
    a.assert_tcp("b", PORT).ipv6().await;
    a.assert_udp(&b, PORT).await;
    Ok(())
}

#[netns_test(veth = true)]
fn plain_functions_wait(a: Host, b: Host) -> TestResult {
    let _listener = b.run(|| TcpListener::bind(("::", PORT)))?;
    assert!(a.tcp(&b, PORT).wait()?.took() < Duration::from_secs(5));
    a.assert_tcp(&b, PORT).wait();
    a.assert_no_tcp(&b, PORT + 1).wait();
    a.assert_no_udp(&b, PORT).wait();
    Ok(())
}

#[netns_test(veth = true)]
async fn nobody_listens(a: Host, b: Host) {
    for (protocol, ipv6) in all() {
        let to = address(&b, ipv6);
        let by = (protocol == Udp).then_some(to);
        let is = |error: &ServiceError| matches!(error, ServiceError::Refused { from, .. } if *from == by);
        assert_refused(protocol, &a, to, "nobody listens", is).await;
    }
}

#[netns_test(veth = true)]
async fn nobody_is_there(a: Host, b: Host) {
    let _alone = b;
    for to in ["198.51.100.77", "2001:db8::77"] {
        for protocol in [Tcp, Udp] {
            let is = |error: &ServiceError| matches!(error, ServiceError::Timeout { .. });
            assert_refused(protocol, &a, to.parse().unwrap(), "nobody is there", is).await;
        }
    }
}

/// The firewall of the server, with somebody listening behind it.
#[netns_test(veth = true, timeout = "120s")]
async fn a_firewall_has_its_say(a: Host, b: Host) -> TestResult {
    let _listener = b.run(|| TcpListener::bind(("::", PORT)))?;
    echo(&b);
    let code = |ipv6: bool, v4, v6| if ipv6 { UnreachableCode::V6(v6) } else { UnreachableCode::V4(v4) };
    for (protocol, ipv6) in all() {
        let to = address(&b, ipv6);
        let rule = |rule: &str| b.nft(chain("input", &format!("meta l4proto {{ tcp, udp }} {rule}")));

        rule("drop")?;
        let begun = std::time::Instant::now();
        let silent = |error: &ServiceError| matches!(error, ServiceError::Timeout { .. });
        assert_refused(protocol, &a, to, "drop", silent).await;
        assert!(begun.elapsed() >= 3 * QUICK);

        rule("reject with icmpx type admin-prohibited")?;
        let expected = code(ipv6, 13, 1);
        let is = |error: &ServiceError| matches!(error, ServiceError::Prohibited { from, code, .. } if *from == to && *code == expected);
        assert_refused(protocol, &a, to, "prohibited", is).await;

        rule("reject with icmpx type no-route")?;
        let expected = code(ipv6, 0, 0);
        let is = |error: &ServiceError| matches!(error, ServiceError::Unreachable { from, code, .. } if *from == to && *code == expected);
        assert_refused(protocol, &a, to, "unreachable", is).await;

        rule("reject with icmpx type port-unreachable")?;
        let expected = code(ipv6, 3, 4);
        let is = |error: &ServiceError| match error {
            ServiceError::Unreachable { from, code, .. } => protocol == Tcp && *from == to && *code == expected,
            ServiceError::Refused { from, .. } => protocol == Udp && *from == Some(to),
            _ => false,
        };
        assert_refused(protocol, &a, to, "port unreachable", is).await;

        if protocol == Tcp {
            b.nft(chain("input", "meta l4proto tcp reject with tcp reset"))?;
            let is = |error: &ServiceError| matches!(error, ServiceError::Refused { from: None, .. });
            assert_refused(protocol, &a, to, "reset", is).await;
        }

        // Of what a firewall of its own drops, the kernel tells UDP only.
        b.nft(chain("input", "accept"))?;
        a.nft(chain("output", "meta l4proto { tcp, udp } drop"))?;
        let is = |error: &ServiceError| match error {
            ServiceError::Timeout { .. } => protocol == Tcp,
            ServiceError::ProhibitedHere { .. } => protocol == Udp,
            _ => false,
        };
        assert_refused(protocol, &a, to, "output", is).await;
        a.nft(chain("output", "accept"))?;
        assert_reached(protocol, &a, to).await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn there_is_no_way(a: Host, b: Host) {
    let far = |ipv6: bool| if ipv6 { FAR_V6 } else { FAR_V4 }.parse().unwrap();
    let no_route = |error: &ServiceError| matches!(error, ServiceError::NoRoute { .. });
    for (protocol, ipv6) in all() {
        assert_refused(protocol, &a, far(ipv6), "no route", no_route).await;
    }
    for prefix in [FAR_NET_V4, FAR_NET_V6] {
        Route::of_kind(prefix, RouteType::Prohibit).add_to(&a).await;
    }
    for (protocol, ipv6) in all() {
        let is = |error: &ServiceError| matches!(error, ServiceError::ProhibitedHere { .. });
        assert_refused(protocol, &a, far(ipv6), "prohibited", is).await;
    }
    let to: Vec<_> = [false, true].map(|ipv6| address(&b, ipv6)).into();
    take_down(&a).await;
    for (protocol, ipv6) in all() {
        assert_refused(protocol, &a, to[usize::from(ipv6)], "down", no_route).await;
    }
}

#[netns_test(veth = true)]
async fn a_router_says_that_it_is_prohibited(a: Host, router: Host) {
    netns_test_tests::routes::forward(&router);
    for ipv6 in [false, true] {
        let (net, far, code) = if ipv6 {
            (FAR_NET_V6, FAR_V6, UnreachableCode::V6(1))
        } else {
            (FAR_NET_V4, FAR_V4, UnreachableCode::V4(13))
        };
        let gateway = address(&router, ipv6);
        Route::via(net, gateway).add_to(&a).await;
        Route::of_kind(net, RouteType::Prohibit).add_to(&router).await;
        for protocol in [Tcp, Udp] {
            let is = |error: &ServiceError| matches!(error, ServiceError::Prohibited { from, code: said, .. } if *from == gateway && *said == code);
            assert_refused(protocol, &a, far.parse().unwrap(), "prohibited", is).await;
        }
    }
}

#[netns_test(namespaces = 0)]
async fn an_unplugged_cable_is_silence() -> TestResult {
    let lab =
        Lab::builder().segment("lan", ["10.0.0.0/24", "fd00::/64"]).host("a", ["lan"]).host("b", ["lan"]).build()?;
    let (lan, a, b) = (lab.segment("lan"), lab.host("a"), lab.host("b"));
    let _listener = b.run(|| TcpListener::bind(("::", PORT)))?;
    echo(b);
    lan.unplug(b).await?;
    for (protocol, ipv6) in all() {
        let is = |error: &ServiceError| matches!(error, ServiceError::Timeout { .. });
        assert_refused(protocol, a, address(b, ipv6), "unplugged", is).await;
    }
    lan.plug(b).await?;
    for (protocol, ipv6) in all() {
        let assertion = if protocol == Tcp { a.assert_tcp(b, PORT) } else { a.assert_udp(b, PORT) };
        if ipv6 { assertion.ipv6().await } else { assertion.await }
    }
    Ok(())
}

#[netns_test(veth = true, ipv6 = false)]
async fn what_cannot_be_asked_is_broken(a: Host, b: Host) -> TestResult {
    assert_eq!(a.tcp(&b, PORT).ipv6().await.unwrap_err().to_string(), "b has no IPv6 address");
    assert_eq!(
        a.udp("nobody", PORT).await.unwrap_err().to_string(),
        "there is no host `nobody` in the lab; there are `a`, `b`"
    );
    assert_eq!(panic_of(a.assert_no_tcp(&b, PORT).ipv6()).await, Err("broken".to_owned()));
    assert_eq!(panic_of(a.assert_tcp(&b, PORT).ipv6()).await, Err("broken".to_owned()));
    let from_elsewhere = a.assert_no_udp(&b, PORT).source(b.addr());
    assert_eq!(panic_of(from_elsewhere).await, Err("broken".to_owned()));
    for protocol in [Tcp, Udp] {
        assert_broken(protocol, &a, "0.0.0.0".parse()?, "nowhere").await;
    }
    assert_eq!(panic_of(a.assert_no_tcp(&b, 0)).await, Err("broken".to_owned()), "nobody could listen there");
    assert_eq!(panic_of(a.assert_udp(&b, 0)).await, Err("broken".to_owned()));
    match a.sctp(&b, PORT).await {
        Err(ServiceError::Unsupported { .. }) => {
            assert_eq!(panic_of(a.assert_no_sctp(&b, PORT)).await, Err("broken".to_owned()));
            assert_eq!(panic_of(a.assert_sctp(&b, PORT)).await, Err("broken".to_owned()));
        }
        Err(ServiceError::Refused { .. }) => a.assert_no_sctp(&b, PORT).await,
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_paused_clock_in_the_host_breaks_the_question(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    a.spawn(async { tokio::time::pause() }).await?;
    for protocol in [Tcp, Udp] {
        assert_broken(protocol, &a, b.addr(), "paused").await;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_positive_assertion_goes_on_until_somebody_listens(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    let tcp = tokio::spawn(a.assert_tcp(&b, PORT).into_future());
    let udp = tokio::spawn(a.assert_udp(&b, PORT).into_future());
    tokio::time::sleep(Duration::from_millis(300)).await;
    b.nft(chain("input", "accept"))?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _listener = b.run(|| TcpListener::bind(("::", PORT)))?;
    echo(&b);
    tcp.await?;
    udp.await?;
    Ok(())
}

#[netns_test(veth = true)]
async fn silence_is_believed_after_three_attempts_and_the_whole_window(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto { tcp, udp } drop"))?;
    for (protocol, group, name) in [(Tcp, "Tcp", "ActiveOpens"), (Udp, "Udp", "OutDatagrams")] {
        let (before, begun) = (counter(&a, group, name), std::time::Instant::now());
        assert_eq!(negative(protocol, &a, b.addr()).await, Ok(()));
        assert!(begun.elapsed() >= QUICK);
        assert_eq!(counter(&a, group, name) - before, 3, "{protocol:?}");
    }
    Ok(())
}

/// A connection that was there and was reset is one that somebody has accepted.
#[netns_test(veth = true)]
async fn whoever_accepts_and_resets_listens(a: Host, b: Host) -> TestResult {
    let listener = b.run(|| TcpListener::bind(("0.0.0.0", 80)))?;
    let resets = std::thread::spawn(move || {
        while let Ok((connection, _)) = listener.accept() {
            let _ = socket2::SockRef::from(&connection).set_linger(Some(Duration::ZERO));
        }
    });
    for _ in 0..50 {
        a.tcp(&b, 80).await?;
    }
    assert!(!resets.is_finished());
    Ok(())
}

/// A connection has a fixed port once: the kernel asks again for it, and an attempt that is under way is not thrown away for another. It is no
/// silence before that was asked three times.
#[netns_test(veth = true)]
async fn with_a_source_port_there_is_one_connection(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto tcp drop"))?;
    for (fixed, opens, again) in [(false, 3, 0), (true, 1, 2)] {
        let [opens_before, again_before] = ["ActiveOpens", "RetransSegs"].map(|name| counter(&a, "Tcp", name));
        let assertion = a.assert_no_tcp(&b, 80).window(Duration::from_millis(300));
        if fixed {
            assertion.source_port(5000).await;
        } else {
            assertion.await;
        }
        assert_eq!(counter(&a, "Tcp", "ActiveOpens") - opens_before, opens);
        assert!(counter(&a, "Tcp", "RetransSegs") - again_before >= again);
    }
    Ok(())
}

/// What is said about a question is heard by a socket that has room for so much. Where some of it was lost, silence is none.
#[netns_test(veth = true)]
async fn who_has_not_heard_all_has_not_heard_silence(a: Host, b: Host) -> TestResult {
    b.nft("table inet filter {\nchain input {\ntype filter hook input priority filter;\nmeta l4proto tcp drop\n}\n}")?;
    let (asks, says, to) = (a.clone(), b.clone(), b.addr());
    let outcome = a.spawn(async move {
        let asked = tokio::spawn(panic_of(asks.assert_no_tcp(to, 80).window(QUICK)));
        while counter(&asks, "Tcp", "ActiveOpens") == 0 {
            tokio::task::yield_now().await;
        }
        // On the thread that would hear it: nobody listens on this port of UDP, which is said each time.
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        while counter(&says, "Icmp", "OutDestUnreachs") < 1000 {
            for _ in 0..100 {
                socket.send_to(&[0; 1000], (to, 80))?;
            }
        }
        Ok::<_, std::io::Error>(asked.await)
    });
    assert_eq!(outcome.await??.unwrap(), Err("broken".to_owned()));
    Ok(())
}

/// A kernel that gives up after three seconds has heard nothing.
#[netns_test(veth = true)]
async fn a_kernel_that_gives_up_was_met_with_silence(a: Host, b: Host) -> TestResult {
    b.nft(chain("input", "meta l4proto tcp drop"))?;
    a.run(|| std::fs::write("/proc/sys/net/ipv4/tcp_syn_retries", "1"))?;
    let outcome = a.tcp(&b, 80).timeout(Duration::from_secs(5)).await;
    assert!(matches!(outcome, Err(ServiceError::Timeout { .. })), "{outcome:?}");
    Ok(())
}
