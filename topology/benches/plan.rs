//! How long a plan takes: `cargo bench -p netns-test-topology`.
//!
//! A line is the median of the rounds, and the least of them for when the machine is busy. The time for each host should not
//! grow with their number.

use std::hint::black_box;
use std::time::{Duration, Instant};

use netns_test_topology::{Drawing, DrawnHost, DrawnInterface, DrawnSegment, Medium, Role, Routes, SWITCH_PORTS};

fn main() {
    for hosts in [100, 1000, 10_000] {
        report(&format!("plan hosts={hosts}"), hosts, &joined(hosts, false));
    }
    for hosts in [100, 1000, 10_000] {
        report(&format!("plan hosts={hosts} arrays"), hosts, &joined(hosts, true));
    }
    report(&format!("plan hosts={SWITCH_PORTS} one-segment"), SWITCH_PORTS, &one_segment());
    report("plan hosts=10000 wires", 10_000, &wires(10_000));
    report("plan routers=300 chain", 300, &chain(300));
    report("plan hosts=10000 refused", 10_000, &misspelled(10_000));
}

fn report(name: &str, hosts: usize, drawing: &Drawing) {
    // As other benchmarks do, run those that are asked for.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if !asked.is_empty() && !asked.iter().any(|asked| name.contains(asked.as_str())) {
        return;
    }
    let mut times: Vec<Duration> = (0..15).map(|_| timed(drawing)).collect();
    times.sort();
    let (least, median) = (times[0], times[times.len() / 2]);
    let each = |time: Duration| time / u32::try_from(hosts).expect("few enough");
    println!("{name}: {median:?}, {:?} for each; least {least:?}, {:?} for each", each(median), each(least));
}

fn timed(drawing: &Drawing) -> Duration {
    let begun = Instant::now();
    let plan = drawing.plan();
    let elapsed = begun.elapsed();
    drop(black_box(plan));
    elapsed
}

fn on(segment: String) -> DrawnInterface {
    DrawnInterface { segment, ..DrawnInterface::default() }
}

fn host(name: String, segments: impl IntoIterator<Item = String>) -> DrawnHost {
    DrawnHost { name, interfaces: segments.into_iter().map(on).collect(), ..DrawnHost::default() }
}

fn router(name: String, segments: impl IntoIterator<Item = String>) -> DrawnHost {
    DrawnHost { role: Role::Router, ..host(name, segments) }
}

fn segment(n: usize) -> DrawnSegment {
    let (high, low) = (n / 64, n % 64 * 4);
    let subnets = vec![format!("10.{high}.{low}.0/22"), format!("fd00:{n:x}::/64")];
    DrawnSegment { name: format!("lan{n}"), subnets, ..DrawnSegment::default() }
}

/// Twelve segments around a core, each with a router; written one by one or as an array on each.
fn joined(hosts: usize, arrays: bool) -> Drawing {
    const SEGMENTS: usize = 12;
    let mut drawing = Drawing { segments: (0..=SEGMENTS).map(segment).collect(), ..Drawing::default() };
    let core = format!("lan{SEGMENTS}");
    drawing.hosts.extend((0..SEGMENTS).map(|n| router(format!("router{n}"), [format!("lan{n}"), core.clone()])));
    if arrays {
        let array = |n| DrawnHost { count: Some(hosts / SEGMENTS), ..host(format!("hosts{n}"), [format!("lan{n}")]) };
        drawing.hosts.extend((0..SEGMENTS).map(array));
    } else {
        drawing.hosts.extend((0..hosts).map(|n| host(format!("host{n}"), [format!("lan{}", n % SEGMENTS)])));
    }
    drawing
}

fn one_segment() -> Drawing {
    let hosts = (0..SWITCH_PORTS).map(|n| host(format!("host{n}"), ["lan0".to_owned()]));
    Drawing { segments: vec![segment(0)], hosts: hosts.collect(), ..Drawing::default() }
}

/// Pairs that nothing joins.
fn wires(hosts: usize) -> Drawing {
    let wire = |n| DrawnSegment { medium: Medium::Veth, ..segment(n) };
    let hosts_on = (0..hosts).map(|n| host(format!("host{n}"), [format!("lan{}", n / 2)]));
    Drawing {
        segments: (0..hosts / 2).map(wire).collect(),
        hosts: hosts_on.collect(),
        routes: Routes::None,
        ..Drawing::default()
    }
}

fn chain(routers: usize) -> Drawing {
    let between = |n: usize| router(format!("router{n}"), [format!("lan{n}"), format!("lan{}", n + 1)]);
    Drawing {
        segments: (0..=routers).map(segment).collect(),
        hosts: (0..routers).map(between).collect(),
        ..Drawing::default()
    }
}

/// Every host misspells its segment.
fn misspelled(hosts: usize) -> Drawing {
    let mut drawing = joined(hosts, false);
    for interface in drawing.hosts.iter_mut().flat_map(|host| &mut host.interfaces) {
        interface.segment.push('x');
    }
    drawing
}
