//! The relay against the kernel's bridge, between the same two hosts.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use netns_test::__private::bench;
use netns_test::drawing::{Drawing, DrawnHost, DrawnInterface, DrawnSegment};
use netns_test::{Engine, Host, Impairment};

use super::{median, process, report, round_trip};

/// How often each is measured, in turn.
const TRANSFERS: usize = 7;
const ROUND_TRIPS: usize = 2000;

/// How long one transfer lasts.
const TRANSFER: Duration = Duration::from_millis(500);

/// How much is read and written at a time: as iperf3 does.
const PIECE: usize = 128 << 10;

/// Throughput, of which more is better; then round trips, of which less is.
pub(super) fn compare() {
    process::leave_machine();
    bench::enter_world().expect("a world");
    let segment = |name: &str, subnet: &str| DrawnSegment {
        name: name.to_owned(),
        subnets: vec![subnet.to_owned()],
        ..DrawnSegment::default()
    };
    let join = |segment: &str| DrawnInterface { segment: segment.to_owned(), ..DrawnInterface::default() };
    let host = |name: &str| DrawnHost {
        name: name.to_owned(),
        interfaces: vec![join("bridge"), join("relay")],
        ..DrawnHost::default()
    };
    let drawing = Drawing {
        segments: vec![segment("bridge", "10.0.0.0/24"), segment("relay", "10.0.1.0/24")],
        hosts: vec![host("a"), host("b")],
        ..Drawing::default()
    };
    let lab = bench::build(&drawing).expect("a lab");
    let (a, b, relay) = (lab.host("a"), lab.host("b"), lab.segment("relay"));
    relay.impair(Impairment::new()).engine(Engine::Relay).wait().expect("a relay").keep();
    let (over_bridge, over_relay) = (b.addr_on(lab.segment("bridge")), b.addr_on(relay));
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..TRANSFERS {
        rates[0].push(bytes_per_second(a, b, over_bridge));
        rates[1].push(bytes_per_second(a, b, over_relay));
    }
    let [bridge, relay] = rates.map(|mut rates| {
        rates.sort_unstable();
        rates[rates.len() / 2]
    });
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are shown")]
    let ratio = relay as f64 / bridge as f64;
    println!("relay/bridge throughput ratio={ratio:.2} (medians of {TRANSFERS}: {relay} against {bridge} bytes/s)");
    let (mut bridge, mut relay) = (Vec::new(), Vec::new());
    for _ in 0..ROUND_TRIPS / 100 {
        bridge.extend(round_trips(a, over_bridge));
        relay.extend(round_trips(a, over_relay));
    }
    let more = median(relay.clone()).saturating_sub(median(bridge.clone()));
    report("relay/bridge rtt", relay, bridge);
    println!("relay/bridge rtt more={more:?}");
}

fn round_trips(from: &Host, to: IpAddr) -> Vec<Duration> {
    let IpAddr::V4(to) = to else { unreachable!("it has an IPv4 address") };
    from.run(|| (0..100).map(|_| round_trip(to)).collect())
}

/// Over TCP.
pub(super) fn bytes_per_second(from: &Host, to: &Host, address: IpAddr) -> u64 {
    let listener = to.run(|| TcpListener::bind(SocketAddr::from((address, 0)))).expect("a listener");
    let mut sender = from.tcp_connect(listener.local_addr().expect("an address")).expect("a connection");
    let (mut receiver, _) = listener.accept().expect("a connection");
    let reader = std::thread::spawn(move || {
        let mut room = vec![0; PIECE];
        let mut bytes = 0u64;
        let begun = Instant::now();
        loop {
            match receiver.read(&mut room).expect("a connection") {
                0 => return bytes * 1_000_000_000 / u64::try_from(begun.elapsed().as_nanos()).expect("a second"),
                read => bytes += read as u64,
            }
        }
    });
    let piece = vec![0; PIECE];
    let begun = Instant::now();
    while begun.elapsed() < TRANSFER {
        sender.write_all(&piece).expect("a connection");
    }
    drop(sender);
    reader.join().expect("a rate")
}
