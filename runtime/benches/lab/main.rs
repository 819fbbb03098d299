//! How fast a lab is, against the least that the kernel allows: `cargo bench -p netns-test --bench lab`, only its probes with `-- probes`, only the
//! relay against a bridge with `-- relay`, only what it costs to record frames with `-- capture`.
//!
//! Each round runs in a fresh process in fresh namespaces, ours and the floor in turn, so that both meet the machine in the same
//! mood. A line gives the ratio of the medians, and the medians.

mod capture;
mod floor;
mod process;
mod relay;
mod shape;

use std::mem::MaybeUninit;
use std::process::Command;
use std::time::{Duration, Instant};

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type};
use netns_test::__private::{self as netns_test_private, TestSpec, bench};
use netns_test::Host;
use shape::Shape;
use socket2::{Domain, Protocol, Socket, Type};

/// Sizes of labs, and how often each is measured. A routed lab of two has a host and a router.
const LABS: [(usize, usize); 4] = [(2, 60), (10, 60), (100, 40), (1000, 30)];

/// How often a whole test is measured.
const TESTS: usize = 200;

/// How often silence is waited for, and for how long.
const SILENCES: usize = 20;
const WINDOW: Duration = Duration::from_millis(100);

const TEST: TestSpec = TestSpec::new("lab::a_whole_test", env!("CARGO_MANIFEST_DIR")).hosts(&["a", "b"]).veth(true);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // cargo says that this is a benchmark.
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--bench").collect();
    match arguments[..] {
        // As libtest would, when the harness starts this program again.
        ["--exact", "a_whole_test", ..] => a_whole_test(),
        ["nothing"] => {}
        ["probes"] => probes(),
        ["relay"] => relay::compare(),
        ["capture"] => capture::compare(),
        ["test"] => capture::one_test(),
        ["transfer"] => capture::one_transfer(),
        [round @ ("ours" | "floor"), shape, hosts] => one_lab(round, shape, hosts.parse().expect("a number of hosts")),
        _ => {
            for (shape, _) in Shape::ALL {
                for (hosts, rounds) in LABS {
                    compare_labs(shape, hosts, rounds);
                }
            }
            compare_tests();
            // In processes of their own, as they leave the machine's namespaces.
            for part in ["probes", "relay", "capture"] {
                Command::new("/proc/self/exe").arg(part).status().expect("a child");
            }
        }
    }
}

fn compare_labs(shape: &str, hosts: usize, rounds: usize) {
    let measure = |round: &str| {
        let output = Command::new("/proc/self/exe").args([round, shape, &hosts.to_string()]).output().expect("a child");
        let text = String::from_utf8_lossy(&output.stdout);
        let nanoseconds = text.trim().parse().unwrap_or_else(|_| panic!("{round} {shape} {hosts}: {output:?}"));
        // The kernel takes namespaces apart in the background, which would be at the cost of the next round.
        std::thread::sleep(Duration::from_millis(5 + hosts as u64));
        Duration::from_nanos(nanoseconds)
    };
    let (ours, floor) = in_turn(rounds, || measure("ours"), || measure("floor"));
    let shape = if shape == "wires" { String::new() } else { format!("shape={shape} ") };
    report(&format!("lab/floor {shape}hosts={hosts}"), ours, floor);
}

/// The part of a round that runs in a process of its own; prints nanoseconds.
fn one_lab(round: &str, shape: &str, hosts: usize) {
    process::leave_machine();
    bench::enter_world().expect("a world");
    let (_, shape) = Shape::ALL.into_iter().find(|(name, _)| *name == shape).expect("a shape");
    let drawing = shape.draw(hosts);
    let plan = drawing.plan().expect("a network that can be built");
    let writes = bench::baseline().expect("a baseline");
    let begun = Instant::now();
    match round {
        "ours" => std::mem::forget(bench::build(&drawing).expect("a lab")),
        _ => std::mem::forget(floor::build(&plan, &writes)),
    }
    println!("{}", begun.elapsed().as_nanos());
}

/// An assertion that is answered, against twice the round trip on the wire and 200 µs; and those that are not, against their window.
fn probes() {
    process::leave_machine();
    bench::enter_world().expect("a world");
    let (_, shape) = Shape::ALL.into_iter().find(|(name, _)| *name == "wires").expect("a shape");
    let lab = bench::build(&shape.draw(2)).expect("a lab");
    let [first, second] = lab.hosts() else { unreachable!("there are two") };
    let address = second.addr_v4();
    first.assert_ping(address).wait();
    let wire = || first.run(|| (0..TESTS).map(|_| round_trip(address)).collect::<Vec<_>>());
    let (ours, wire) = (times(|| first.assert_ping(address).wait()), median(wire()));
    report("probe/rtt", ours, vec![2 * wire + Duration::from_micros(200)]);
    let nobody = std::net::Ipv4Addr::from(u32::from(address) + 2);
    let silence = |what: fn(&Host, std::net::Ipv4Addr)| (0..SILENCES).map(|_| timed(|| what(first, nobody))).collect();
    report("probe/silence", silence(|host, to| host.assert_no_ping(to).window(WINDOW).wait()), vec![WINDOW]);
    report("probe/silence tcp", silence(|host, to| host.assert_no_tcp(to, 80).window(WINDOW).wait()), vec![WINDOW]);
}

fn times(what: impl Fn()) -> Vec<Duration> {
    (0..TESTS).map(|_| timed(&what)).collect()
}

/// The time from an echo request to its answer, for a program that does nothing else.
fn round_trip(to: std::net::Ipv4Addr) -> Duration {
    let echo = Icmpv4Type::EchoRequest(IcmpEchoHeader { id: 1, seq: 1 });
    let request = Icmpv4Header::with_checksum(echo, &[]).to_bytes();
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a raw socket");
    socket.connect(&std::net::SocketAddr::from((to, 0)).into()).expect("an address");
    let mut answer = [MaybeUninit::uninit(); 256];
    let begun = Instant::now();
    socket.send(&request).expect("a way");
    socket.recv(&mut answer).expect("an answer");
    begun.elapsed()
}

fn compare_tests() {
    let (ours, floor) = in_turn(TESTS, || timed(a_whole_test_from_outside), || timed(process::spawn_nothing));
    report("test/exec", ours, floor);
}

fn a_whole_test_from_outside() {
    std::thread::scope(|scope| {
        let named = std::thread::Builder::new().name("a_whole_test".to_owned());
        named.spawn_scoped(scope, a_whole_test).expect("a thread").join().expect("a test that passes");
    });
}

fn a_whole_test() {
    netns_test_private::run(&TEST, |_lab| ());
}

fn timed(what: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    what();
    let taken = begun.elapsed();
    std::thread::sleep(Duration::from_millis(5));
    taken
}

fn in_turn(rounds: usize, ours: impl Fn() -> Duration, floor: impl Fn() -> Duration) -> (Vec<Duration>, Vec<Duration>) {
    // The first round of each finds cold caches.
    ours();
    floor();
    (0..rounds).map(|_| (ours(), floor())).unzip()
}

fn report(name: &str, ours: Vec<Duration>, floor: Vec<Duration>) {
    let rounds = ours.len();
    let (ours, floor) = (median(ours), median(floor));
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    println!("{name} ratio={ratio:.2} (medians of {rounds}: {ours:?} against {floor:?})");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
