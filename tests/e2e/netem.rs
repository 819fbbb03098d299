//! Impairments that the kernel carries out: what it says of them, and what they are measured to be. `tests/kernels/run` runs these on kernels
//! with netem.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::process::Output;
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{Distribution, Engine, Impair, LinkError, Loss};
use netns_test_tests::panics::panic_of;
use netns_test_tests::three::{MS, Three, assert_five_mbit, lost, percent, transfer};
use serde_json::Value;

fn by_kernel(segment: &Segment, impairment: Impairment) -> Impair {
    segment.impair(impairment).engine(Engine::Kernel)
}

// --- What the kernel says ------------------------------------------------------------------------------------------------

fn json(output: std::io::Result<Output>) -> Vec<Value> {
    let output = output.expect("iproute2 is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it speaks JSON")
}

/// What a host is asked, or the switches, where this test is.
fn ask(host: Option<&Host>, program: &str, arguments: &[&str]) -> Vec<Value> {
    json(match host {
        Some(host) => host.command(program).args(arguments).output().map_err(std::io::Error::other),
        None => std::process::Command::new(program).args(arguments).output(),
    })
}

/// Where netem does something, and its options: by the names of devices.
fn in_force(host: Option<&Host>) -> BTreeMap<String, Value> {
    let idle = ["limit", "ecn", "gap", "seed"];
    let does_something =
        |options: &Value| options.as_object().is_some_and(|all| all.keys().any(|option| !idle.contains(&&**option)));
    let qdiscs = ask(host, "tc", &["-j", "qdisc"]).into_iter().filter(|qdisc| qdisc["kind"] == "netem");
    let devices = qdiscs.map(|qdisc| (qdisc["dev"].as_str().expect("a name").to_owned(), qdisc["options"].clone()));
    devices.filter(|(_, options)| does_something(options)).collect()
}

/// What netem does to what a host sends, if it does something.
fn netem(host: &Host) -> Option<Value> {
    in_force(Some(host)).remove("eth0")
}

/// The ports of the switches that hosts are plugged into.
fn ports_of<const N: usize>(hosts: [&Host; N]) -> [String; N] {
    let links = ask(None, "ip", &["-j", "link"]);
    hosts.map(|host| {
        let index = &ask(Some(host), "ip", &["-j", "link", "show", "dev", "eth0"])[0]["link_index"];
        let port = links.iter().find(|link| link["ifindex"] == *index).expect("a port");
        port["ifname"].as_str().expect("a name").to_owned()
    })
}

/// Whether it does something to what hosts send, and to what arrives at them.
fn sent_and_arriving<const N: usize>(hosts: [&Host; N], ports: &[String; N]) -> [(bool, bool); N] {
    let by_ports = in_force(None);
    std::array::from_fn(|n| (netem(hosts[n]).is_some(), by_ports.contains_key(&ports[n])))
}

#[track_caller]
fn assert_close(value: &Value, expected: f64) {
    // tc prints six digits.
    let value = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((value - expected).abs() <= expected.abs() * 1e-5 + 1e-9, "{value}, expected {expected}");
}

#[netns_test(requires(netem))]
fn the_kernel_says_what_was_asked_for(net: Three) -> TestResult {
    let nothing = Impairment::new();
    let said = |impairment: Impairment| -> TestResult<Value> {
        let _guard = by_kernel(&net.lan, impairment).from(&net.a).wait()?;
        Ok(netem(&net.a).expect("netem"))
    };
    let delay = said(nothing.delay(80 * MS).jitter(5 * MS))?;
    assert_close(&delay["delay"]["delay"], 0.08);
    assert_close(&delay["delay"]["jitter"], 0.005);
    assert_eq!(delay["limit"], 500_000);
    for share in [0.5, 50.0, 100.0] {
        assert_close(&said(nothing.loss(percent(share)))?["loss-random"]["loss"], share / 100.0);
    }
    let mut bursts = nothing;
    bursts.loss = Loss::GilbertElliott {
        good_to_bad: percent(1.0),
        bad_to_good: percent(25.0),
        in_bad: percent(90.0),
        in_good: percent(0.1),
    };
    let bursts = &said(bursts)?["loss-gemodel"];
    for (parameter, value) in [("p", 0.01), ("r", 0.25), ("1-h", 0.9), ("1-k", 0.001)] {
        assert_close(&bursts[parameter], value);
    }
    let several = nothing.delay(MS).duplicate(percent(2.0)).reorder(percent(3.0)).corrupt(percent(0.5));
    let several = said(several.rate(Rate::mbit(5)).limit(10))?;
    for (option, value) in [("duplicate", 0.02), ("reorder", 0.03), ("corrupt", 0.005)] {
        assert_close(&several[option][option], value);
    }
    assert_eq!((&several["rate"]["rate"], &several["gap"]), (&625_000.into(), &1.into()));
    // The ten that wait, and one that is under way.
    assert_eq!(several["limit"], 11);
    assert_eq!(said(nothing.rate(Rate::gbit(40)))?["rate"]["rate"], 5_000_000_000u64);
    // Of all that, nothing is left in the one after it.
    let last = said(nothing.loss(percent(1.0)))?;
    let options: Vec<&String> = last.as_object().expect("options").keys().collect();
    assert!(
        options.iter().all(|option| ["limit", "loss-random", "ecn", "gap", "seed"].contains(&option.as_str())),
        "{last}"
    );
    assert_eq!(netem(&net.a), None);
    Ok(())
}

#[netns_test(requires(netem))]
fn frames_are_impaired_where_they_leave(net: Three) -> TestResult {
    let Three { lan, a, b, c, router, .. } = &net;
    let hosts = [a, b, c, router];
    let ports = ports_of(hosts);
    let places = || sent_and_arriving(hosts, &ports);
    let delay = Impairment::new().delay(MS);
    let untouched = [(false, false); 4];
    assert_eq!(places(), untouched);
    let all = by_kernel(lan, delay).wait()?;
    assert_eq!(places(), [(false, true); 4]);
    let from = by_kernel(lan, delay).from(a).wait()?;
    assert_eq!(places(), [(true, true), (false, true), (false, true), (false, true)]);
    drop(all);
    let to = by_kernel(lan, delay).to(b).wait()?;
    assert_eq!(places(), [(true, false), (false, true), (false, false), (false, false)]);
    drop((from, to));
    assert_eq!(places(), untouched);
    let of = by_kernel(lan, delay).of(c).wait()?;
    assert_eq!(places(), [(false, false), (false, false), (true, true), (false, false)]);
    lan.clear().wait()?;
    assert_eq!(places(), untouched);
    drop(of);
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, requires(netem))]
async fn a_wire_is_impaired_at_its_ends(a: Host, b: Host, lan: Segment) -> TestResult {
    let at_ends = || [&a, &b].map(|host| netem(host).is_some());
    let slow = lan.impair(Impairment::new().delay(30 * MS)).to(&b).await?;
    assert_eq!(at_ends(), [true, false]);
    a.assert_ping(&b).await;
    let average = average_rtt(&a, &b, 35 * MS).await?;
    assert!((30 * MS..35 * MS).contains(&average), "{average:?}");
    drop(slow);
    let _slow = lan.impair(Impairment::new().delay(30 * MS)).await?;
    assert_eq!(at_ends(), [true, true]);
    let average = average_rtt(&a, &b, 65 * MS).await?;
    assert!((60 * MS..65 * MS).contains(&average), "{average:?}");
    Ok(())
}

#[netns_test(requires(netem))]
fn hosts_send_frame_by_frame_where_frames_are_counted(net: Three) -> TestResult {
    let segments = || ask(Some(&net.a), "ip", &["-j", "-d", "link", "show", "dev", "eth0"])[0]["gso_max_segs"].clone();
    assert_eq!(segments(), 65_535);
    let delay = by_kernel(&net.lan, Impairment::new().delay(MS)).from(&net.a).wait()?;
    assert_eq!(segments(), 65_535);
    drop(delay);
    let lossy = by_kernel(&net.lan, Impairment::new().loss(percent(1.0))).from(&net.a).wait()?;
    assert_eq!(segments(), 1);
    drop(lossy);
    assert_eq!(segments(), 65_535);
    Ok(())
}

#[netns_test(requires(netem))]
fn what_netem_cannot_is_refused_and_changes_nothing(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let _all = by_kernel(lan, Impairment::new().delay(MS)).wait()?;
    let refused = |impair: Impair, word: &str| {
        let refused = impair.wait().unwrap_err();
        assert!(matches!(refused, LinkError::Unimpairable { why, .. } if why.contains(word)), "{refused}");
    };
    let delay = || by_kernel(lan, Impairment::new().delay(2 * MS));
    refused(delay().to(a), "not two in turn");
    refused(delay().between(a, b), "where it goes to");
    refused(by_kernel(lan, Impairment::new().mtu_black_hole(1400)).from(a), "black hole");
    let ports = ports_of([a]);
    assert_eq!(sent_and_arriving([a], &ports), [(false, true)]);
    assert_close(&in_force(None)[&ports[0]]["delay"]["delay"], 0.001);
    Ok(())
}

// --- What becomes of frames ----------------------------------------------------------------------------------------------

/// An average round trip, of the first round in which it is less than this, or of the last: a machine that is busy makes some longer.
async fn average_rtt(from: &Host, to: &Host, less_than: Duration) -> TestResult<Duration> {
    let mut average = Duration::MAX;
    for _ in 0..50 {
        average = from.ping(to).count(5).interval(5 * MS).await?.rtt_avg();
        if average < less_than {
            break;
        }
    }
    Ok(average)
}

/// How many of so many pings are not answered.
async fn lost_of(from: &Host, to: &Host, count: u16) -> u32 {
    lost(from.ping(to).count(count).interval(5 * MS)).await
}

#[netns_test(timeout = "120s", requires(netem))]
async fn delays_of_both_directions_add_up(net: Three) -> TestResult {
    let _there = by_kernel(&net.lan, Impairment::new().delay(80 * MS)).from(&net.a).await?;
    let _back = by_kernel(&net.lan, Impairment::new().delay(40 * MS)).to(&net.a).await?;
    net.a.assert_ping(&net.b).await;
    let average = average_rtt(&net.a, &net.b, 125 * MS).await?;
    assert!((119 * MS..125 * MS).contains(&average), "{average:?}");
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
async fn a_share_of_frames_is_lost(net: Three) -> TestResult {
    let Three { lan, a, b, c, .. } = &net;
    a.assert_ping(b).await;
    let lossy = by_kernel(lan, Impairment::new().loss(percent(30.0))).from(a).await?;
    let of_500 = lost_of(a, b, 500).await;
    assert!((100..=200).contains(&of_500), "{of_500}");
    let report = lossy.report()?;
    // Neighbours may be asked for meanwhile.
    assert!((u64::from(of_500)..u64::from(of_500) + 10).contains(&report.lost), "{of_500} of {report:?}");
    assert!((500..530).contains(&report.frames), "{report:?}");
    assert_eq!(lost_of(c, b, 100).await, 0);
    drop(lossy);
    assert_eq!(lost_of(a, b, 100).await, 0);
    let _nothing = by_kernel(lan, Impairment::black_hole()).to(b).await?;
    a.assert_no_ping(b).await;
    a.assert_ping(c).await;
    Ok(())
}

/// Sends so many numbered datagrams, a few at a time so that no queue overflows; answers with those that arrived, in their order.
fn arrivals(from: &Host, to: &Host, count: u32) -> TestResult<Vec<u32>> {
    const AT_A_TIME: u32 = 50;
    let heard = to.udp_socket()?;
    let sender = from.udp_socket()?;
    sender.connect(heard.local_addr()?)?;
    let mut arrived = Vec::new();
    for first in (0..count).step_by(AT_A_TIME as usize) {
        (first..first + AT_A_TIME).try_for_each(|n| sender.send(&n.to_be_bytes()).map(|_| ()))?;
        hear(&heard, MS, &mut arrived)?;
    }
    hear(&heard, 500 * MS, &mut arrived)?;
    Ok(arrived)
}

/// Takes what arrives until there was nothing for so long.
fn hear(heard: &UdpSocket, silence: Duration, arrived: &mut Vec<u32>) -> TestResult {
    heard.set_read_timeout(Some(silence))?;
    let mut datagram = [0; 4];
    while heard.recv(&mut datagram).is_ok() {
        arrived.push(u32::from_be_bytes(datagram));
    }
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
fn a_bad_time_is_as_long_as_was_said(net: Three) -> TestResult {
    const COUNT: u32 = 20_000;
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let bursts = by_kernel(lan, Impairment::new().burst_loss(percent(2.0), percent(25.0))).from(a).wait()?;
    let arrived = arrivals(a, b, COUNT)?;
    let gaps: Vec<u32> = arrived.windows(2).map(|pair| pair[1] - pair[0] - 1).filter(|gap| *gap > 0).collect();
    let missing: u32 = gaps.iter().sum();
    // 4 frames each; with 370 of them the average is 0.18 off, three times that is rare.
    let bad_times = u32::try_from(gaps.len())?;
    let mean = f64::from(missing) / f64::from(bad_times);
    assert!((3.3..=4.7).contains(&mean), "{mean} in {bad_times} bursts");
    // 2 of 27.
    let share = f64::from(missing) / f64::from(COUNT);
    assert!((0.055..=0.095).contains(&share), "{share}");
    assert!(bursts.report()?.lost >= u64::from(missing));
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
fn a_rate_is_that_of_a_bulk_transfer(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let _slow = by_kernel(lan, Impairment::new().rate(Rate::mbit(5))).wait()?;
    assert_five_mbit(a, b)
}

#[netns_test(timeout = "120s", requires(netem))]
fn what_finds_no_room_is_counted(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let slow = by_kernel(lan, Impairment::new().rate(Rate::kbit(64)).limit(10)).from(a).wait()?;
    let sender = a.udp_socket()?;
    let heard = b.udp_socket()?;
    (0..100).try_for_each(|_| sender.send_to(&[0; 1000], heard.local_addr()?).map(|_| ()))?;
    let report = slow.report()?;
    // One takes an eighth of a second.
    assert!((80..=90).contains(&report.overflowed) && report.lost == 0, "{report:?}");
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
fn jitter_is_distributed_as_was_said(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let least = |distribution| -> TestResult<Duration> {
        let weather = Impairment::new().delay(100 * MS).jitter(30 * MS).distribution(distribution);
        let _guard = by_kernel(lan, weather).from(a).wait()?;
        Ok(a.ping(b).count(200).interval(5 * MS).wait()?.rtt_min())
    };
    // One jitter less, and more than one. The even one comes again after the other.
    for (distribution, expected) in [
        (Distribution::Uniform, 70 * MS..90 * MS),
        (Distribution::Normal, Duration::ZERO..60 * MS),
        (Distribution::Uniform, 70 * MS..90 * MS),
    ] {
        let least = least(distribution)?;
        assert!(expected.contains(&least), "{distribution:?}: {least:?}");
    }
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
fn copies_come_and_some_overtake(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let copies = by_kernel(lan, Impairment::new().duplicate(percent(30.0))).from(a).wait()?;
    let report = a.ping(b).count(200).interval(2 * MS).wait()?;
    assert!((30..=90).contains(&report.duplicates()), "{report:?}");
    assert!(matches!(copies.report(), Err(LinkError::Uncounted { .. })));
    drop(copies);
    let overtake = by_kernel(lan, Impairment::new().delay(20 * MS).reorder(percent(10.0))).from(a).wait()?;
    let arrived = arrivals(a, b, 1000)?;
    let reordered = overtake.report()?.reordered;
    assert!((60..=150).contains(&reordered), "{reordered}");
    assert!(arrived.len() == 1000 && !arrived.is_sorted());
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
async fn flipped_bits_are_found_out_by_checksums(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).await;
    let _flips = by_kernel(lan, Impairment::new().corrupt(percent(20.0))).from(a).await?;
    let of_200 = lost_of(a, b, 200).await;
    assert!((15..=65).contains(&of_200), "{of_200}");
    let (a, b) = (a.clone(), b.clone());
    tokio::task::spawn_blocking(move || transfer(&a, &b, 100_000).map(|_| ()).map_err(|error| format!("{error:?}")))
        .await??;
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
fn the_same_seed_loses_the_same_frames(net: Three) -> TestResult {
    // Older kernels draw at random.
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut release = release.split('.').map(|number| number.parse().unwrap_or(0));
    if (release.next(), release.next()) < (Some(6), Some(6)) {
        return Ok(());
    }
    let Three { lan, a, b, .. } = &net;
    let round = |seed| -> TestResult<Vec<u32>> {
        a.assert_ping(b).wait();
        let _guard = by_kernel(lan, Impairment::new().loss(percent(20.0))).from(a).seed(seed).wait()?;
        arrivals(a, b, 500)
    };
    let other = round(2)?;
    // Where a neighbour is asked for meanwhile, the rest of a round is another: two that are alike are enough, and chance has none of 500 frames.
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let arrived = round(1)?;
        assert_ne!(arrived, other);
        if rounds.contains(&arrived) {
            return Ok(());
        }
        rounds.push(arrived);
    }
    panic!("no two of five are alike");
}

// --- Changes ---------------------------------------------------------------------------------------------------------------

#[netns_test(timeout = "120s", requires(netem))]
fn what_is_under_way_arrives_when_an_impairment_ends(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    let (heard, sender) = (b.udp_socket()?, a.udp_socket()?);
    let send = |n: u32| sender.send_to(&n.to_be_bytes(), heard.local_addr()?).map(|_| ());
    let slow = by_kernel(lan, Impairment::new().delay(1000 * MS)).wait()?;
    let began = Instant::now();
    send(1)?;
    drop(slow);
    send(2)?;
    let mut arrived = Vec::new();
    hear(&heard, 2000 * MS, &mut arrived)?;
    assert_eq!(arrived, [2, 1]);
    assert!(began.elapsed() >= 1000 * MS);
    Ok(())
}

/// Whether the kernel carries out what the segment does.
fn is_kernels() -> bool {
    !in_force(None).is_empty()
}

#[netns_test(timeout = "120s", requires(netem))]
async fn the_kernel_is_taken_where_it_does_what_a_relay_does(net: Three) -> TestResult {
    let Three { lan, a, b, c, .. } = &net;
    let all = lan.impair(Impairment::new().delay(20 * MS)).await?;
    assert!(is_kernels());
    a.assert_ping(b).await;
    let before = all.report()?.frames;
    assert!(before > 0);
    // This the kernel cannot, so a relay takes all of it.
    let path = lan.impair(Impairment::new().delay(30 * MS)).from(a).to(b).await?;
    assert!(!is_kernels());
    assert!(all.report()?.frames >= before);
    a.assert_ping(b).await;
    let averages = (average_rtt(a, b, 80 * MS).await?, average_rtt(a, c, 50 * MS).await?);
    assert!((70 * MS..80 * MS).contains(&averages.0) && (40 * MS..50 * MS).contains(&averages.1), "{averages:?}");
    assert!(all.report()?.frames >= before + 20);
    drop(path);
    assert!(!is_kernels());
    let average = average_rtt(a, b, 50 * MS).await?;
    assert!((40 * MS..50 * MS).contains(&average), "{average:?}");
    Ok(())
}

#[netns_test(requires(netem))]
fn chance_is_a_relays_if_nobody_says_otherwise(net: Three) -> TestResult {
    let lossy = net.lan.impair(Impairment::new().loss(percent(1.0))).wait()?;
    assert!(!is_kernels());
    drop(lossy);
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
async fn a_cable_that_moves_leaves_the_weather(net: Three) -> TestResult {
    let Three { lan, spare, a, b, .. } = &net;
    let _all = by_kernel(lan, Impairment::new().delay(20 * MS)).await?;
    let _from = by_kernel(lan, Impairment::new().delay(10 * MS)).from(b).await?;
    let ports = ports_of([a, b]);
    let places = || sent_and_arriving([a, b], &ports);
    assert_eq!(places(), [(false, true), (true, true)]);
    lan.move_host(b, spare).await?;
    assert_eq!(places(), [(false, true), (false, false)]);
    spare.move_host(b, lan).await?;
    assert_eq!(places(), [(false, true), (true, true)]);
    lan.unplug(b).await?;
    lan.plug(b).await?;
    a.assert_ping(b).await;
    let average = average_rtt(a, b, 55 * MS).await?;
    assert!((50 * MS..55 * MS).contains(&average), "{average:?}");
    Ok(())
}

#[netns_test(timeout = "120s", requires(netem))]
fn of_99_percent_some_arrive(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).wait();
    // Fifty are expected, with a deviation of seven.
    let _guard = by_kernel(lan, Impairment::new().loss(percent(99.0))).from(a).wait()?;
    let arrived = arrivals(a, b, 5000)?.len();
    assert!((15..=100).contains(&arrived), "{arrived} of 5000");
    Ok(())
}

/// The kernel drops what is lost before it leaves.
#[netns_test(requires(netem))]
async fn what_is_lost_before_it_leaves_is_told_where_it_died(net: Three) -> TestResult {
    net.a.assert_ping(&net.b).await;
    let _lossy = by_kernel(&net.lan, Impairment::new().loss(percent(100.0))).from(&net.b).await?;
    let ping = net.a.assert_ping(&net.b).timeout(Duration::from_millis(500));
    let said = panic_of(ping).await.expect_err("nothing comes back");
    let died = "it died in b before it left b:eth0, most likely by what is done to frames on `lan`: ";
    assert!(said.contains("left a:eth0 → entered b:eth0\n") && said.contains(died), "{said}");
    assert!(said.contains("loss 100%"), "{said}");
    Ok(())
}
