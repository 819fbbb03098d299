//! A host that sends more than its segment carries: what is too much is dropped and counted, and nobody else notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use netns_test::prelude::*;
use netns_test_tests::three::{MS, lost};

/// Two segments that have nothing to do with each other, each with a relay of its own.
#[derive(Topology)]
#[topology(routes = "none")]
struct Two {
    #[segment("10.0.0.0/24", mtu = 65_000, engine = "relay")]
    flooded: Segment,
    #[segment("10.0.1.0/24", engine = "relay")]
    aside: Segment,
    #[host(flooded)]
    a: Host,
    #[host(flooded)]
    b: Host,
    #[host(flooded)]
    c: Host,
    #[host(aside)]
    d: Host,
    #[host(aside)]
    e: Host,
}

/// Has a host send datagrams of so many bytes, as fast as it can, while something else is done.
fn flood<T>(from: &Host, to: SocketAddr, bytes: usize, meanwhile: impl FnOnce() -> TestResult<T>) -> TestResult<T> {
    /// Ends the flood, even where the test panics.
    struct Over<'a>(&'a AtomicBool);

    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let is_over = AtomicBool::new(false);
    let sender = from.udp_socket()?;
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        scope.spawn(|| {
            let datagram = vec![0x5a; bytes];
            while !is_over.load(Ordering::Relaxed) {
                // A full queue of the kernel's is no matter.
                let _ = sender.send_to(&datagram, to);
            }
        });
        meanwhile()
    })
}

/// How many bytes of memory this test has.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("every process has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the memory");
    let kilobytes = line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    kilobytes.expect("a number") * 1024
}

/// How many of a hundred pings are not answered.
fn lost_of_100(from: &Host, to: &Host) -> u32 {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(lost(from.ping(to).count(100).interval(MS)))
}

#[netns_test(timeout = "60s")]
fn what_a_rate_has_no_room_for_is_dropped(net: Two) -> TestResult {
    const WAITING: u32 = 20;
    /// With the headers of UDP, IPv4 and Ethernet.
    const BITS: u64 = (1000 + 8 + 20 + 14) * 8;
    let Two { flooded, aside, a, b, c, d, e } = &net;
    for (from, to) in [(a, b), (c, b), (d, e)] {
        from.assert_ping(to).wait();
    }
    let heard = b.udp_socket()?;
    let began = Instant::now();
    let narrow = flooded.impair(Impairment::new().rate(Rate::mbit(1)).limit(WAITING)).from(a).wait()?;
    flood(a, heard.local_addr()?, 1000, || {
        let in_full = || narrow.report().is_ok_and(|report| report.frames > 20_000);
        wait_until("the flood is there", in_full).timeout(30_000 * MS).wait()?;
        assert_eq!((lost_of_100(d, e), lost_of_100(c, b)), (0, 0));
        // What is asked of a relay is done between two frames, and a relay whose host floods it has no end of them.
        let slow = flooded.impair(Impairment::new().delay(20 * MS)).from(c).wait()?;
        assert!(c.ping(b).count(5).interval(MS).wait()?.rtt_min() >= 20 * MS);
        drop(slow);
        let _slow = aside.impair(Impairment::new().delay(20 * MS)).wait()?;
        assert!(d.ping(e).count(5).interval(MS).wait()?.rtt_min() >= 40 * MS);
        Ok(())
    })?;
    let report = narrow.report()?;
    // A bit takes a microsecond.
    let at_the_rate = u64::try_from(began.elapsed().as_micros())? / BITS;
    let passed = report.frames - report.overflowed;
    // One is being sent besides, and a neighbour may have been asked for, whose frames are shorter.
    let most = u64::from(WAITING) + 1 + at_the_rate + 10;
    assert!((u64::from(WAITING)..=most).contains(&passed), "{passed} of {report:?}, {at_the_rate} at the rate");
    // What waits is sent within a fifth of a second.
    a.assert_ping(b).wait();
    Ok(())
}

#[netns_test(timeout = "60s")]
fn what_is_under_way_is_no_more_than_a_relay_has_room_for(net: Two) -> TestResult {
    const BYTES: usize = 60_000;
    /// What a relay has room for, of all frames that are under way.
    const ROOM: u64 = 128 << 20;
    let Two { flooded, a, b, c, d, e, .. } = &net;
    for (from, to) in [(a, b), (c, b), (d, e)] {
        from.assert_ping(to).wait();
    }
    let heard = b.udp_socket()?;
    let far = flooded.impair(Impairment::new().delay(60_000 * MS)).from(a).wait()?;
    let before = memory();
    flood(a, heard.local_addr()?, BYTES, || {
        let in_full = || far.report().is_ok_and(|report| report.frames * BYTES as u64 > 3 * ROOM);
        wait_until("the flood is there", in_full).timeout(30_000 * MS).wait()?;
        assert_eq!((lost_of_100(d, e), lost_of_100(c, b)), (0, 0));
        Ok(())
    })?;
    let grown = memory() - before;
    // Something more than there is room for: this test needs memory for other things, too. And it is the memory of what is under way.
    assert!((ROOM / 2..=ROOM * 3 / 2).contains(&grown), "{grown} bytes");
    drop(far);
    a.assert_ping(b).wait();
    Ok(())
}

#[netns_test(timeout = "60s")]
fn a_relay_that_is_slower_than_a_flood_does_what_it_is_told(net: Two) -> TestResult {
    let Two { flooded, a, b, c, .. } = &net;
    for from in [a, c] {
        from.assert_ping(b).wait();
    }
    let heard = b.udp_socket()?;
    let decided = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&decided);
    let slow = flooded.intercept(move |frame| {
        if frame.udp().is_some() {
            count.fetch_add(1, Ordering::Relaxed);
            // Longer than it takes to send one: those that wait have no end.
            std::thread::sleep(MS / 20);
        }
        Verdict::Pass
    });
    let slow = slow.wait()?;
    // Nobody is asked for an answer meanwhile: it may wait long behind the flood.
    let far = flood(a, heard.local_addr()?, 60_000, || {
        wait_until("the flood is there", || decided.load(Ordering::Relaxed) > 1000).timeout(30_000 * MS).wait()?;
        let far = flooded.impair(Impairment::new().delay(20 * MS)).from(c).wait()?;
        far.report()?;
        drop(slow);
        Ok(far)
    })?;
    c.assert_ping(b).wait();
    assert!(c.ping(b).wait()?.rtt_min() >= 20 * MS);
    drop(far);
    a.assert_ping(b).wait();
    Ok(())
}
