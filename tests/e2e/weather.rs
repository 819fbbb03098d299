//! Bad weather on purpose: what a segment is made to do to frames, measured.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{Distribution, Engine, Impaired, InterceptReport, LinkError, MacAddr};
use netns_test_tests::panics::panic_of;
use netns_test_tests::realised::ip;
use netns_test_tests::three::{MS, Three, assert_five_mbit, lost, percent, transfer};

/// How many of so many pings are not answered.
async fn lost_of(from: &Host, to: &Host, count: u16) -> u32 {
    lost(from.ping(to).count(count).interval(2 * MS).timeout(1000 * MS)).await
}

/// How much slower this machine is said to be than others: where the processor is software, a round trip without any delay takes milliseconds.
fn slowness() -> f64 {
    std::env::var("NETNS_TEST_TIME_SCALE").map_or(1.0, |scale| scale.parse().expect("a number"))
}

/// Whether a round trip takes so long on average, and at most 5 ms more. It is never less; on a machine that is busy it may be more at times, so
/// there are several rounds.
async fn assert_rtt(from: &Host, to: &Host, ipv6: bool, expected: Duration) -> TestResult {
    from.assert_ping(to).await;
    let most = expected + (5 * MS).mul_f64(slowness());
    let mut averages = Vec::new();
    for _ in 0..40 {
        let ping = from.ping(to).count(5).interval(5 * MS);
        let report = if ipv6 { ping.ipv6().await? } else { ping.await? };
        assert!(report.rtt_min() >= expected, "{} to {}: {:?}", from.name(), to.name(), report.rtt_min());
        averages.push(report.rtt_avg());
        if report.rtt_avg() <= most {
            return Ok(());
        }
    }
    panic!("{} to {}: {averages:?}, expected {expected:?}", from.name(), to.name());
}

#[netns_test(timeout = "60s")]
async fn a_delay_is_that_of_a_crossing(net: Three) -> TestResult {
    let (a, b) = (&net.a, &net.b);
    let _there = net.lan.impair(Impairment::new().delay(80 * MS)).from(a).await?;
    let _back = net.lan.impair(Impairment::new().delay(40 * MS)).from(b).await?;
    assert_rtt(a, b, false, 120 * MS).await?;
    let all = net.lan.impair(Impairment::new().delay(20 * MS)).await?;
    assert_rtt(a, b, true, 160 * MS).await?;
    drop(all);
    assert_rtt(b, a, false, 120 * MS).await?;
    Ok(())
}

#[netns_test(timeout = "60s")]
async fn what_is_between_two_leaves_a_third_alone(net: Three) -> TestResult {
    let Three { lan, a, b, c, .. } = &net;
    let slow = lan.impair(Impairment::new().delay(50 * MS)).between(a, b).await?;
    for (from, to) in [(a, b), (b, a)] {
        assert_rtt(from, to, false, 100 * MS).await?;
    }
    for (from, to) in [(a, c), (c, a), (b, c), (c, b)] {
        assert_rtt(from, to, false, Duration::ZERO).await?;
    }
    drop(slow);
    assert_rtt(a, b, false, Duration::ZERO).await?;
    Ok(())
}

#[netns_test]
async fn a_loss_in_one_direction_is_one(net: Three) -> TestResult {
    let Three { lan, a, b, c, .. } = &net;
    a.assert_ping(b).await;
    let lossy = lan.impair(Impairment::new().loss(percent(30.0))).from(a).to(b).await?;
    let of_500 = lost_of(a, b, 500).await;
    assert!((100..=200).contains(&of_500), "{of_500}");
    let report = lossy.report()?;
    // A neighbour may be asked for meanwhile.
    assert!((u64::from(of_500)..u64::from(of_500) + 5).contains(&report.lost), "{of_500} of {report:?}");
    assert_eq!(lost_of(c, b, 100).await, 0);
    // What b sends arrives, all of it: a's answers are what is lost.
    let heard = a.udp_socket()?;
    let to = heard.local_addr()?;
    let sender = b.udp_socket()?;
    (0..200u8).try_for_each(|n| sender.send_to(&[n], to).map(|_| ()))?;
    heard.set_read_timeout(Some(1000 * MS))?;
    for n in 0..200u8 {
        assert_eq!(heard.recv(&mut [0]).map(|_| n)?, n);
    }
    drop(lossy);
    assert_eq!(lost_of(a, b, 100).await, 0);
    Ok(())
}

/// Sends so many numbered datagrams, a few at a time so that no queue overflows; answers with those that arrived, in their order.
fn impaired_arrivals(from: &Host, to: &Host, count: u64, guard: &Impaired) -> TestResult<Vec<u64>> {
    let heard = to.udp_socket()?;
    heard.set_read_timeout(Some(500 * MS))?;
    let sender = from.udp_socket()?;
    sender.connect(heard.local_addr()?)?;
    let mut arrived = Vec::new();
    for n in 0..count {
        sender.send(&n.to_be_bytes())?;
        if (n + 1) % 100 > 0 {
            continue;
        }
        let crossed = || guard.report().ok().filter(|report| report.frames > n);
        let report = wait_until("all frames have crossed", crossed).interval(MS).wait()?;
        let expected = n + 1 + report.duplicated - report.lost - report.corrupted;
        let mut datagram = [0; 8];
        // Where a neighbour was asked for it is one less, and the read times out.
        while (arrived.len() as u64) < expected && heard.recv(&mut datagram).is_ok() {
            arrived.push(u64::from_be_bytes(datagram));
        }
    }
    let mut rest = [0; 8];
    arrived.extend(std::iter::from_fn(|| heard.recv(&mut rest).ok().map(|_| u64::from_be_bytes(rest))));
    Ok(arrived)
}

#[netns_test(timeout = "60s")]
fn the_same_seed_loses_the_same_frames(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let busy = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let round = |seed| -> TestResult<Vec<u64>> {
            let weather = Impairment::new().loss(percent(20.0)).duplicate(percent(5.0));
            let guard = lan.impair(weather).from(a).to(b).seed(seed).wait()?;
            impaired_arrivals(a, b, 10_000, &guard)
        };
        let rounds = [1, 1, 2].map(round);
        busy.store(false, Ordering::Relaxed);
        let [first, second, other] = rounds;
        let (first, second, other) = (first?, second?, other?);
        assert!((8000..=8800).contains(&first.len()), "{}", first.len());
        assert!(first == second, "the same seed");
        assert_ne!(first, other, "another seed");
        Ok(())
    })
}

#[netns_test(timeout = "60s")]
fn copies_overtakers_and_flips_are_counted(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let weather = Impairment::new().delay(5 * MS).duplicate(percent(10.0)).reorder(percent(10.0));
    let guard = lan.impair(weather).from(a).to(b).wait()?;
    let arrived = impaired_arrivals(a, b, 2000, &guard)?;
    let mut times = BTreeMap::new();
    for n in &arrived {
        *times.entry(*n).or_insert(0u64) += 1;
    }
    assert_eq!(times.len(), 2000, "none is lost");
    let copies: u64 = times.values().map(|times| times - 1).sum();
    let report = guard.report()?;
    // A neighbour may be asked for meanwhile, twice.
    assert!((copies..copies + 5).contains(&report.duplicated), "{copies} of {report:?}");
    assert!((130..=280).contains(&copies) && (130..=280).contains(&report.reordered), "{report:?}");
    assert!(!arrived.is_sorted(), "some came before their time");
    drop(guard);
    let guard = lan.impair(Impairment::new().corrupt(percent(10.0))).from(a).to(b).wait()?;
    let arrived = impaired_arrivals(a, b, 2000, &guard)?;
    let report = guard.report()?;
    assert!((130..=280).contains(&report.corrupted), "{report:?}");
    // The receiver's kernel drops what has a wrong checksum, but for bits that none covers.
    let missing = 2000 - arrived.len() as u64;
    assert!(missing <= report.corrupted && missing * 10 >= report.corrupted * 8, "{missing} of {report:?}");
    Ok(())
}

#[netns_test]
fn jitter_spreads(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    for distribution in [Distribution::Uniform, Distribution::Normal] {
        let weather = Impairment::new().delay(60 * MS).jitter(30 * MS).distribution(distribution);
        let _guard = lan.impair(weather).from(a).wait()?;
        let report = a.ping(b).count(100).interval(5 * MS).wait()?;
        // Of a hundred, some are in the outer thirds. A machine that is busy may make all of them later.
        let (least, average, most) = (report.rtt_min(), report.rtt_avg(), report.rtt_max());
        assert!(least < 45 * MS && most > 75 * MS, "{distribution:?}: {least:?} to {most:?}");
        let later = (20 * MS).mul_f64(slowness());
        assert!((50 * MS..=60 * MS + later).contains(&average), "{distribution:?}: {average:?}");
    }
    Ok(())
}

#[netns_test(timeout = "60s")]
fn a_rate_is_that_of_a_bulk_transfer(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let _slow = lan.impair(Impairment::new().rate(Rate::mbit(5))).wait()?;
    assert_five_mbit(a, b)
}

#[netns_test(timeout = "60s")]
fn what_is_relayed_without_impairment_arrives_as_it_was_sent(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let _relay = lan.impair(Impairment::new()).engine(Engine::Relay).wait()?;
    transfer(a, b, 200_000_000)?;
    transfer(b, a, 20_000_000)?;
    Ok(())
}

#[netns_test]
async fn large_packets_fall_into_a_black_hole(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).await;
    let guard = lan.impair(Impairment::new().mtu_black_hole(1200)).await?;
    let size = |bytes| a.ping(b).size(bytes).timeout(300 * MS).into_future();
    size(1172).await?;
    let larger = size(1173).await;
    assert!(matches!(larger, Err(PingError::Timeout { .. })), "{larger:?}");
    assert!(guard.report()?.too_large >= 1);
    Ok(())
}

#[netns_test]
async fn a_cable_is_pulled_and_moved_as_on_any_switch(net: Three) -> TestResult {
    let Three { lan, spare, a, b, c, .. } = &net;
    lan.impair(Impairment::new().delay(MS)).await?.keep();
    a.assert_ping(b).await;
    lan.unplug(b).await?;
    a.assert_no_ping(b).await;
    a.assert_ping(c).await;
    lan.plug(b).await?;
    a.assert_ping(b).timeout(900 * MS).await;
    lan.unplug(a).await?;
    lan.plug(a).await?;
    // Nothing comes twice: the kernel's switch would forward beside.
    let report = a.ping(b).count(5).interval(5 * MS).await?;
    assert_eq!((report.received(), report.duplicates()), (5, 0));
    lan.move_host(b, spare).await?;
    a.assert_no_ping(b).await;
    spare.move_host(b, lan).await?;
    a.assert_ping(b).timeout(900 * MS).await;
    let report = b.ping(a).count(5).interval(5 * MS).await?;
    assert_eq!((report.received(), report.duplicates()), (5, 0));
    Ok(())
}

#[netns_test(namespaces = 2, veth = true)]
fn a_veth_pair_has_nothing_between_its_ends(a: Host, _b: Host, lan: Segment) {
    // netem could be at the ends.
    let refused = lan.impair(Impairment::new().delay(MS)).from(&a).engine(Engine::Relay).wait().unwrap_err();
    assert!(matches!(refused, LinkError::Unimpairable { .. }), "{refused}");
}

#[netns_test]
fn what_makes_no_sense_is_refused(net: Three) {
    let refused = net.lan.impair(Impairment::new().reorder(percent(5.0))).wait().unwrap_err();
    assert!(matches!(&refused, LinkError::Senseless { why } if why.contains("needs a `delay`")), "{refused}");
    let elsewhere = net.spare.impair(Impairment::new().delay(MS)).from(&net.a).wait().unwrap_err();
    assert!(matches!(elsewhere, LinkError::NotThere { .. }), "{elsewhere}");
}

/// As they are drawn: a line that is slow for all, a printer that is far, two that do not hear each other's every word.
#[derive(Topology)]
struct Drawn {
    #[segment("10.0.0.0/24", delay = "20ms", pair(a, b, delay = "30ms"), path(b, c, loss = "100%"), engine = "relay")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
    #[host(lan(egress(delay = "10ms"), ingress(delay = "5ms")))]
    c: Host,
}

#[netns_test(timeout = "60s")]
async fn a_drawing_is_carried_out(net: Drawn) -> TestResult {
    let Drawn { lan, a, b, c } = &net;
    for (from, to, expected) in [(a, b, 100), (b, a, 100), (a, c, 55), (c, a, 55)] {
        assert_rtt(from, to, false, Duration::from_millis(expected)).await?;
    }
    b.assert_no_ping(c).await;
    lan.clear().await?;
    assert_rtt(b, c, false, Duration::ZERO).await
}

#[netns_test(namespaces = 2, veth = true, delay = "15ms", loss = "0%")]
async fn the_attribute_is_carried_out(a: Host, b: Host, lan: Segment) -> TestResult {
    assert_rtt(&a, &b, true, 30 * MS).await?;
    lan.unplug(&b).await?;
    a.assert_no_ping(&b).await;
    Ok(())
}

#[netns_test(namespaces = 0)]
async fn the_builder_is_carried_out(_lab: Lab) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]).hosts(2, "lan");
    let lab = lab.impair("lan", Impairment::new().delay(15 * MS)).build()?;
    assert_rtt(lab.host("host1"), lab.host("host2"), false, 30 * MS).await
}

#[netns_test]
fn a_frame_is_decided_about(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    // The kernel sends a SYN-ACK again after a second.
    let listener = b.tcp_listener()?;
    let lost = lan.intercept(nth(1, |frame| frame.is_syn_ack() && frame.from() == Some("b"), Verdict::Drop)).wait()?;
    let began = Instant::now();
    a.tcp_connect(listener.local_addr()?)?;
    assert!(began.elapsed() >= 900 * MS, "{:?}", began.elapsed());
    assert_eq!(lost.report()?.dropped, 1);
    drop(lost);
    let began = Instant::now();
    a.tcp_connect(listener.local_addr()?)?;
    assert!(began.elapsed() < 900 * MS, "{:?}", began.elapsed());
    Ok(())
}

/// Sends four datagrams, each a byte; answers with what arrives.
fn four(from: &Host, to: &Host) -> TestResult<Vec<u8>> {
    let heard = to.udp_socket()?;
    heard.set_read_timeout(Some(300 * MS))?;
    let sender = from.udp_socket()?;
    (0..4u8).try_for_each(|n| sender.send_to(&[n], heard.local_addr()?).map(|_| ()))?;
    let mut byte = [0];
    Ok(std::iter::from_fn(|| heard.recv(&mut byte).ok().map(|_| byte[0])).collect())
}

#[netns_test]
fn frames_are_dropped_delayed_doubled_and_replaced(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let is = |n: u8| move |frame: &WireFrame| frame.udp().is_some_and(|datagram| datagram.payload == [n]);
    let with = |verdict: Verdict| -> TestResult<Vec<u8>> {
        let guard = lan.intercept(nth(1, is(1), verdict.clone())).wait()?;
        let arrived = four(a, b)?;
        let InterceptReport { frames, dropped, delayed, duplicated, replaced, .. } = guard.report()?;
        let expected = [Verdict::Drop, Verdict::Delay(50 * MS), Verdict::Duplicate];
        assert_eq!([dropped, delayed, duplicated], expected.map(|of| u64::from(of == verdict)));
        assert!(frames >= 4 && replaced == 0, "{:?}", guard.report()?);
        Ok(arrived)
    };
    assert_eq!(with(Verdict::Pass)?, [0, 1, 2, 3]);
    assert_eq!(with(Verdict::Drop)?, [0, 2, 3]);
    assert_eq!(with(Verdict::Delay(50 * MS))?, [0, 2, 3, 1]);
    assert_eq!(with(Verdict::Duplicate)?, [0, 1, 1, 2, 3]);
    let mut seen = 0;
    let third = lan.intercept(move |frame| {
        seen += usize::from(frame.udp().is_some());
        if seen != 3 {
            return Verdict::Pass;
        }
        seen += 1;
        let mut bytes = frame.bytes().to_vec();
        // Its checksum says that it is not what was sent.
        *bytes.last_mut().expect("it has a payload") ^= 1;
        Verdict::Replace(bytes)
    });
    let guard = third.wait()?;
    assert_eq!(four(a, b)?, [0, 1, 3]);
    assert_eq!(guard.report()?.replaced, 1);
    drop(guard);
    assert_eq!(four(a, b)?, [0, 1, 2, 3]);
    Ok(())
}

#[netns_test]
fn a_frame_appears(net: Three) -> TestResult {
    let Three { lan, b, c, .. } = &net;
    let heard = b.udp_socket()?;
    heard.set_read_timeout(Some(5000 * MS))?;
    let mac = |host: &Host| -> MacAddr { read(host, "/sys/class/net/eth0/address").parse().expect("an address") };
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2(mac(c).0, mac(b).0)
        .ipv4(c.addr_v4().octets(), b.addr_v4().octets(), 64)
        .udp(4321, heard.local_addr()?.port())
        .write(&mut frame, b"hello")?;
    lan.inject(frame).wait()?;
    let mut room = [0; 16];
    let (length, from) = heard.recv_from(&mut room)?;
    assert_eq!((&room[..length], from.to_string()), (&b"hello"[..], format!("{}:4321", c.addr_v4())));
    let refused = lan.inject([0; 13]).wait().unwrap_err();
    assert!(matches!(refused, LinkError::Senseless { .. }), "{refused}");
    Ok(())
}

fn read(host: &Host, path: &str) -> String {
    host.run(|| std::fs::read_to_string(path)).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

#[netns_test]
async fn a_partition_parts_two_groups_and_heals(lab: Lab, net: Three) -> TestResult {
    let Three { a, b, c, .. } = &net;
    let partition = lab.partition([a], [b, c]).await?;
    a.assert_no_ping(b).await;
    c.assert_no_ping(a).ipv6().await;
    b.assert_ping(c).await;
    a.assert_ping(lab.host("router")).await;
    drop(partition);
    a.assert_ping(b).await;
    c.assert_ping(a).ipv6().await;
    let both = lab.partition([a], [a, b]).await.unwrap_err();
    assert!(matches!(&both, LinkError::Senseless { why } if why.contains("both sides")), "{both}");
    let apart = lab.partition([], [b]).await.unwrap_err();
    assert!(matches!(&apart, LinkError::Senseless { why } if why.contains("no segment joins")), "{apart}");
    Ok(())
}

#[netns_test]
fn a_transfer_survives_a_cable_that_is_pulled(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    lan.impair(Impairment::new().rate(Rate::mbit(20))).wait()?.keep();
    let took = std::thread::scope(|scope| -> TestResult<Duration> {
        let pulled = scope.spawn(|| -> TestResult {
            std::thread::sleep(300 * MS);
            lan.unplug(b).wait()?;
            std::thread::sleep(2000 * MS);
            lan.plug(b).wait()?;
            Ok(())
        });
        let took = transfer(a, b, 2_500_000)?;
        pulled.join().expect("it does not panic")?;
        Ok(took)
    })?;
    assert!(took > 2000 * MS, "{took:?}: it was over before the cable was pulled");
    Ok(())
}

#[netns_test(timeout = "60s")]
async fn a_host_that_takes_its_own_interface_down_and_up_gets_round_nothing(lab: Lab, net: Three) -> TestResult {
    let Three { a, b, c, .. } = &net;
    let _parted = lab.partition([a, c], [b]).await?;
    for host in [a, b, c] {
        ip(host, &["link", "set", "eth0", "down"]);
        ip(host, &["link", "set", "eth0", "up"]);
        host.wait_for_carrier(&net.lan).await?;
    }
    a.assert_ping(c).await;
    a.assert_no_ping(b).await;
    // Nothing comes twice, either.
    let report = a.ping(c).count(5).interval(5 * MS).await?;
    assert_eq!((report.received(), report.duplicates()), (5, 0));
    Ok(())
}

#[netns_test(timeout = "60s")]
async fn a_cable_that_is_pulled_already_is_no_matter(net: Three) -> TestResult {
    let Three { lan, spare, a, b, c, .. } = &net;
    lan.unplug(b).await?;
    let _slow = lan.impair(Impairment::new().loss(percent(0.001))).await?;
    let _far = spare.impair(Impairment::new().loss(percent(0.001))).await?;
    a.assert_no_ping(b).await;
    a.assert_ping(c).await;
    lan.move_host(b, spare).await?;
    spare.move_host(b, lan).await?;
    lan.plug(b).await?;
    lan.plug(b).await?;
    a.assert_ping(b).await;
    let report = a.ping(b).count(5).interval(5 * MS).await?;
    assert_eq!(report.duplicates(), 0);
    Ok(())
}

#[netns_test]
async fn what_decides_knows_who_has_come_since(net: Three) -> TestResult {
    let Three { lan, spare, a, b, .. } = &net;
    lan.move_host(b, spare).await?;
    let (tell, told) = std::sync::mpsc::channel();
    let of_b = b.addr();
    let deciding = lan.intercept(move |frame| {
        if frame.source() == Some(of_b) {
            let _ = tell.send(frame.from().map(str::to_owned));
        }
        Verdict::Pass
    });
    let _deciding = deciding.await?;
    spare.move_host(b, lan).await?;
    b.assert_ping(a).await;
    assert_eq!(told.recv()?.as_deref(), Some("b"));
    Ok(())
}

#[netns_test]
async fn what_decides_may_hold_a_guard_and_give_it_up_with_itself(net: Three) -> TestResult {
    let Three { lan, spare, a, b, .. } = &net;
    let held = spare.impair(Impairment::new().mtu_black_hole(1400)).await?;
    let deciding = lan.intercept(move |_| {
        let _held = &held;
        Verdict::Pass
    });
    let deciding = deciding.await?;
    a.assert_ping(b).await;
    drop(deciding);
    a.assert_ping(b).await;
    Ok(())
}

#[netns_test]
fn what_contradicts_itself_is_refused(net: Three) {
    let Three { lan, a, b, c, .. } = &net;
    let cut = || lan.impair(Impairment::black_hole());
    for refused in [cut().from(a).to(a), cut().between(a, a), cut().from(a).between(b, c), cut().from(a).from(b)] {
        let refused = refused.wait().unwrap_err();
        assert!(matches!(refused, LinkError::Senseless { .. }), "{refused}");
    }
    a.assert_ping(b).wait();
}

#[netns_test]
fn what_has_been_done_is_told_after_the_end(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let guard = lan.impair(Impairment::new().loss(percent(99.99999))).from(a).wait()?;
    let _ = a.ping(b).count(3).timeout(50 * MS).wait();
    lan.clear().wait()?;
    let report = guard.report()?;
    assert!(report.frames >= 3 && report.lost >= 3, "{report:?}");
    Ok(())
}

#[netns_test(timeout = "60s")]
fn frames_come_one_by_one_where_more_than_a_delay_is_in_force(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let longest = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&longest);
    let _deciding = lan
        .intercept(move |frame| {
            seen.fetch_max(frame.bytes().len(), Ordering::Relaxed);
            Verdict::Pass
        })
        .wait()?;
    transfer(a, b, 2_000_000)?;
    // A full packet, and its Ethernet header.
    assert_eq!(longest.load(Ordering::Relaxed), 1514);
    Ok(())
}

/// A segment on which nothing passes, and whose relay has no room for more, as long as this lives.
struct Full {
    // Dropped first: then the relay has time again.
    _release: std::sync::mpsc::Sender<()>,
    is_over: std::sync::Arc<AtomicBool>,
    flood: Option<std::thread::JoinHandle<()>>,
    _thinking: netns_test::Intercepted,
}

impl Full {
    async fn of(segment: &Segment, from: &Host, to: &Host) -> TestResult<Self> {
        // Nothing passes while somebody thinks about the first frame, and what comes behind it fills the relay's sockets.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let thinking = segment.intercept(move |_| {
            let _ = released.recv_timeout(Duration::from_secs(30));
            Verdict::Pass
        });
        let thinking = thinking.await?;
        let (socket, to) = (from.udp_socket()?, std::net::SocketAddr::new(to.addr(), 9));
        let is_over = std::sync::Arc::new(AtomicBool::new(false));
        let until = std::sync::Arc::clone(&is_over);
        // More than any socket holds; and then more.
        (0..30_000).for_each(|_| _ = socket.send_to(&[0; 1400], to));
        let flood = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                let _ = socket.send_to(&[0; 1400], to);
            }
        });
        Ok(Self { _release: release, is_over, flood: Some(flood), _thinking: thinking })
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.flood.take().map(std::thread::JoinHandle::join);
    }
}

#[netns_test(timeout = "60s")]
async fn what_a_relay_has_no_room_for_is_not_silent(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).await;
    let mut flow = a.open_udp(b).await?;
    let full = Full::of(lan, a, b).await?;
    let (window, broken) = (300 * MS, || Err("broken".to_owned()));
    assert_eq!(panic_of(a.assert_no_ping(b).window(window)).await, broken());
    assert_eq!(panic_of(a.assert_no_udp(b, 9).window(window)).await, broken());
    assert_eq!(panic_of(a.assert_no_arping(b).window(window)).await, broken());
    assert_eq!(panic_of(flow.assert_cut().window(window)).await, broken());
    let error = a.ping(b).count(1).timeout(window).await.unwrap_err();
    let source = std::error::Error::source(&error).ok_or("a cause")?.to_string();
    assert!(source.starts_with("the relay of segment `lan` had no room for "), "{source}");
    drop(full);
    a.assert_ping(b).await;
    Ok(())
}

#[netns_test(timeout = "60s")]
async fn a_relay_without_room_is_no_matter_to_whom_it_does_not_join(net: Memories) -> TestResult {
    let ([a, b, _], [c, d, _]) = (&net.mayflies, &net.elephants);
    let _unrelated = net.forgetful.impair(Impairment::black_hole()).await?;
    c.assert_ping(d).await;
    let full = Full::of(&net.lasting, c, d).await?;
    a.assert_no_ping(b).window(300 * MS).await;
    assert_eq!(panic_of(c.assert_no_ping(d).window(300 * MS)).await, Err("broken".to_owned()));
    drop(full);
    Ok(())
}

#[netns_test]
async fn a_host_that_takes_nothing_is_no_reason_not_to_believe_silence(net: Three) -> TestResult {
    let Three { lan, a, b, c, .. } = &net;
    let _relayed = lan.intercept(|_| Verdict::Pass).await?;
    a.assert_ping(b).await;
    for host in [b, c] {
        ip(host, &["link", "set", "eth0", "down"]);
    }
    a.assert_no_ping(b).await;
    a.assert_no_arping(b).await;
    Ok(())
}

#[derive(Topology)]
#[topology(routes = "none")]
struct Memories {
    #[segment("10.0.0.0/24", engine = "relay", bridge(ageing = "50ms"))]
    forgetful: Segment,
    #[segment("10.0.1.0/24", engine = "relay")]
    lasting: Segment,
    #[host(forgetful)]
    mayflies: [Host; 3],
    #[host(lasting)]
    elephants: [Host; 3],
}

#[netns_test]
async fn who_has_been_silent_is_looked_for_everywhere(net: Memories) -> TestResult {
    for (segment, [a, b, c], is_everywhere) in
        [(&net.forgetful, &net.mayflies, true), (&net.lasting, &net.elephants, false)]
    {
        let to_b = [a.arping(b).on(segment).await?.mac()];
        tokio::time::sleep(100 * MS).await;
        assert_eq!(seen(a, c, &to_b)?, if is_everywhere { &to_b[..] } else { &[] });
    }
    Ok(())
}

/// Has a host send a frame to each of these addresses; answers with those of which another sees it.
fn seen(from: &Host, to: &Host, destinations: &[MacAddr]) -> TestResult<Vec<MacAddr>> {
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket, sockopt,
    };
    use std::os::fd::AsRawFd;
    /// The first of those that IEEE 802 has for local experiments.
    const ETHERTYPE: [u8; 2] = [0x88, 0xb5];
    const LAST: MacAddr = MacAddr([0xff; 6]);
    let open = || socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
    let (sender, hearing) = (from.run(open)?, to.run(open)?);
    setsockopt(&hearing, sockopt::ReceiveTimeout, &nix::sys::time::TimeVal::new(5, 0))?;
    let interfaces = from.run(|| nix::ifaddrs::getifaddrs().map(Iterator::collect::<Vec<_>>))?;
    let mut links = interfaces.into_iter().filter(|interface| interface.interface_name == "eth0");
    let link = links.find_map(|interface| interface.address?.as_link_addr().copied()).ok_or("it has an interface")?;
    let source = link.addr().ok_or("it has an address")?;
    for destination in destinations.iter().chain([&LAST]) {
        let frame = [&destination.0[..], &source, &ETHERTYPE, &[0; 46]].concat();
        sendto(sender.as_raw_fd(), &frame, &link, MsgFlags::empty())?;
    }
    let mut seen = Vec::new();
    let mut frame = [0; 2048];
    // Frames come in the order in which they were sent.
    while seen.last() != Some(&LAST) {
        recv(hearing.as_raw_fd(), &mut frame, MsgFlags::empty())?;
        if frame[12..14] == ETHERTYPE {
            seen.push(MacAddr(*frame.first_chunk().ok_or("it has a header")?));
        }
    }
    seen.pop();
    Ok(seen)
}

#[netns_test]
fn a_relay_keeps_to_itself_what_the_kernel_s_switch_does(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let of_switches = |last| MacAddr([0x01, 0x80, 0xc2, 0, 0, last]);
    // Those of the spanning tree are passed on by a switch that has no part in it.
    let spanning_tree = of_switches(0x00);
    // Pause, LACP, LLDP and the rest of IEEE 802.1D table 7-10.
    let kept = (0x01..=0x0f).map(of_switches);
    let others = [of_switches(0x10), MacAddr([0x01, 0x00, 0x5e, 0, 0, 1]), MacAddr([0x33, 0x33, 0, 0, 0, 1])];
    let passed_on: Vec<_> = [spanning_tree].into_iter().chain(others).collect();
    let all: Vec<_> = [spanning_tree].into_iter().chain(kept).chain(others).collect();
    assert_eq!(seen(a, b, &all)?, passed_on, "the kernel's");
    let _relay = lan.impair(Impairment::new()).engine(Engine::Relay).wait()?;
    assert_eq!(seen(a, b, &all)?, passed_on, "a relay");
    Ok(())
}

#[netns_test(timeout = "60s")]
async fn what_waits_for_a_decision_is_not_silent(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).await;
    let (release, released) = std::sync::mpsc::channel::<()>();
    let thinking = lan.intercept(move |_| {
        let _ = released.recv_timeout(Duration::from_secs(30));
        Verdict::Pass
    });
    let thinking = thinking.await?;
    let error = a.ping(b).count(3).timeout(300 * MS).await.unwrap_err();
    let source = std::error::Error::source(&error).ok_or("a cause")?.to_string();
    assert!(source.starts_with("frames of segment `lan` waited for "), "{source}");
    let broken = || Err("broken".to_owned());
    assert_eq!(panic_of(a.assert_no_ping(b).window(300 * MS)).await, broken());
    assert_eq!(panic_of(a.assert_no_tcp(b, 9).window(300 * MS)).await, broken());
    drop(release);
    drop(thinking);
    a.assert_ping(b).await;
    // Each of them takes its time, and all of them together too much.
    let long = (90 * MS).mul_f64(slowness());
    let slow = lan.intercept(move |frame| {
        if frame.is_icmp() {
            std::thread::park_timeout(long);
        }
        Verdict::Drop
    });
    let slow = slow.await?;
    assert_eq!(panic_of(a.assert_no_ping(b).window(300 * MS)).await, broken());
    drop(slow);
    Ok(())
}

#[derive(Topology)]
struct BesideTheSwitch {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan(macvlan))]
    twins: [Host; 2],
    #[host(lan)]
    other: Host,
}

#[netns_test]
async fn what_does_not_cross_the_switch_is_not_said_to_be_impaired(net: BesideTheSwitch) -> TestResult {
    let BesideTheSwitch { lan, twins: [a, b], other } = &net;
    let all = lan.impair(Impairment::black_hole()).await.map(drop).unwrap_err();
    let intercepted = lan.intercept(|_| Verdict::Drop).await.map(drop).unwrap_err();
    for refused in [all, intercepted] {
        assert!(matches!(refused, LinkError::Unimpairable { .. }), "{refused}");
        assert!(refused.to_string().contains("reach each other without its switch"), "{refused}");
    }
    let _cut = lan.impair(Impairment::black_hole()).of(other).await?;
    a.assert_ping(b).await;
    a.assert_no_ping(other).await;
    Ok(())
}

#[netns_test(timeout = "120s")]
fn of_99_percent_some_arrive(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    // Fifty are expected, with a deviation of seven.
    let guard = lan.impair(Impairment::new().loss(percent(99.0))).from(a).wait()?;
    let arrived = impaired_arrivals(a, b, 5000, &guard)?.len();
    assert!((15..=100).contains(&arrived), "{arrived} of 5000");
    Ok(())
}
