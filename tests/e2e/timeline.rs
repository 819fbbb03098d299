//! What happens by the clock, beside the body of a test.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use netns_test::prelude::*;
use netns_test::{Happening, LinkError};

const MS: Duration = Duration::from_millis(1);

fn words(happened: &[Happening]) -> Vec<(Duration, &str)> {
    happened.iter().map(|happening| (happening.planned, happening.what.as_str())).collect()
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
async fn things_happen_in_their_order_and_are_recorded(lab: Lab, a: Host, b: Host, lan: Segment) -> TestResult {
    a.assert_ping(&b).await;
    let timeline = lab.timeline().at("1s", lan.plug(&b)).at(40 * MS, lan.unplug(&b));
    let line = line!() - 1;
    let timeline = timeline.during("20ms", "60ms", lan.impair(Impairment::new().delay(MS)));
    let happened = timeline.start()?.finish().await?;
    let [impaired, unplugged, ended, plugged] = &happened[..] else { panic!("{happened:?}") };
    let expected = [
        (20 * MS, "impair segment `lan`: delay 1ms"),
        (40 * MS, "unplug host `b` on segment `lan`"),
        (1000 * MS, "plug in host `b` on segment `lan`"),
    ];
    assert_eq!(words(&[impaired.clone(), unplugged.clone(), plugged.clone()]), expected);
    // It lasts as long as it is to, from when it was there.
    assert_eq!(ended.what, "no longer impair segment `lan`: delay 1ms");
    assert!(ended.planned >= impaired.began + 40 * MS, "{impaired}; {ended}");
    for (happening, next) in happened.iter().zip(&happened[1..]) {
        assert!(happening.began >= happening.planned, "{happening}");
        assert!(happening.began + happening.took <= next.began, "{happening}; {next}");
        assert_eq!(happening.error, None);
    }
    let text = happened[1].to_string();
    let expected = format!("40ms: unplug host `b` on segment `lan`, tests/e2e/timeline.rs:{line}, ");
    assert!(text.starts_with(&expected), "{text}");
    a.assert_ping(&b).await;
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
async fn it_happens_when_it_is_said_to(lab: Lab, a: Host, b: Host, lan: Segment) -> TestResult {
    a.assert_ping(&b).await;
    let running = lab.timeline().during("1s", "3s", lan.impair(Impairment::black_hole())).start()?;
    let pinger = a.ping(&b).interval(10 * MS).start();
    running.finish().await?;
    let log = pinger.stop().await?;
    // Those on their way at its ends, and what a busy machine is late.
    let gap = log.longest_gap();
    assert!(gap >= 1900 * MS && gap < 6000 * MS, "{gap:?}");
    Ok(())
}

/// Tells that it was dropped.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[netns_test(namespaces = 1)]
fn guards_are_kept_until_the_end(lab: Lab) -> TestResult {
    let ended = Arc::<AtomicBool>::default();
    let guard = Guard(Arc::clone(&ended));
    let running = lab.timeline().at("0s", move || Ok::<_, std::io::Error>(guard)).start()?;
    eventually("it has happened", || running.happened().len() == 1).wait();
    assert!(!ended.load(Ordering::SeqCst));
    drop(running);
    assert!(ended.load(Ordering::SeqCst));
    Ok(())
}

/// One of those that there are.
struct Held(Arc<AtomicU32>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[netns_test(namespaces = 1)]
fn what_happens_again_and_again_gives_the_last_guard_up_first(lab: Lab) -> TestResult {
    let (held, most, times) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let (its, most_held, count) = (Arc::clone(&held), Arc::clone(&most), Arc::clone(&times));
    let running = lab.timeline().every("5ms", move || {
        most_held.fetch_max(its.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        count.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Held(Arc::clone(&its)))
    });
    let running = running.start()?;
    eventually("it has happened five times", || times.load(Ordering::SeqCst) >= 5).wait();
    let happened = running.stop();
    let so_often = times.load(Ordering::SeqCst);
    assert_eq!((held.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 1));
    assert_eq!(happened.len(), so_often as usize);
    // Each in a slot of its own; what was missed was left out.
    for (first, second) in happened.iter().zip(&happened[1..]) {
        assert!(second.planned >= first.planned + 5 * MS && second.planned.as_millis() % 5 == 0, "{first}; {second}");
    }
    Ok(())
}

#[netns_test(namespaces = 1)]
fn what_takes_long_is_not_made_up_for(lab: Lab) -> TestResult {
    let running = lab.timeline().every("10ms", || std::thread::park_timeout(35 * MS)).start()?;
    eventually("it has happened three times", || running.happened().len() >= 3).wait();
    let happened = running.stop();
    for (first, second) in happened.iter().zip(&happened[1..]) {
        // Unless somebody has woken the thread, it has missed three.
        assert!(second.planned >= first.planned + first.took.min(30 * MS), "{first}; {second}");
    }
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
fn a_time_that_makes_no_sense_is_refused_with_its_place(lab: Lab, _a: Host, b: Host, lan: Segment) {
    let happened = Arc::<AtomicBool>::default();
    let happens = Arc::clone(&happened);
    let timeline = lab.timeline().at("0s", move || happens.store(true, Ordering::SeqCst));
    let error = timeline.at("3", lan.unplug(&b)).start().unwrap_err();
    let line = line!() - 1;
    let expected = format!("a timeline makes no sense at tests/e2e/timeline.rs:{line}:");
    assert!(matches!(&error, LinkError::Senseless { why } if why.starts_with(&expected)), "{error}");
    assert!(error.to_string().ends_with("`3` has no unit: write for example `3s` (units are `ms`, `s`, `m`, `h`)"));
    let backwards = lab.timeline().during("2s", "1s", lan.unplugged(&b)).start().unwrap_err().to_string();
    assert!(backwards.ends_with("it is to end at 1s, and to begin at 2s"), "{backwards}");
    let pulled = lab.timeline().during("1s", "2s", lan.unplug(&b)).start().unwrap_err().to_string();
    assert!(pulled.contains(": what is to end has to end with a guard: `unplugged` rather than `unplug`"), "{pulled}");
    let nothing = lab.timeline().during("1s", "2s", || ()).start().unwrap_err().to_string();
    assert!(nothing.contains("what is to end has to end with a guard"), "{nothing}");
    let never = lab.timeline().every("0s", || ()).start().unwrap_err().to_string();
    assert!(never.ends_with("an interval is longer than nothing"), "{never}");
    assert!(!happened.load(Ordering::SeqCst));
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
fn a_cable_is_out_as_long_as_its_guard_lives(a: Host, b: Host, lan: Segment) -> TestResult {
    let out = lan.unplugged(&b).wait()?;
    a.assert_no_ping(&b).wait();
    drop(out);
    a.assert_ping(&b).wait();
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
async fn a_cable_flaps(a: Host, b: Host, lan: Segment) -> TestResult {
    a.assert_ping(&b).await;
    let flapping = lan.flap(&b, "60ms", "40ms").await?;
    eventually("it has flapped", || flapping.happened().len() >= 4).await;
    let happened = flapping.happened();
    drop(flapping);
    let (plug, unplug) = ("plug in host `b` on segment `lan`", "unplug host `b` on segment `lan`");
    assert_eq!(words(&happened[..2]), [(60 * MS, plug), (100 * MS, unplug)]);
    assert!(happened.chunks_exact(2).all(|pair| pair[0].what == plug && pair[1].what == unplug), "{happened:?}");
    a.assert_ping(&b).await;
    let senseless = lan.flap(&b, "0s", "1s").await.unwrap_err();
    assert!(matches!(senseless, LinkError::Senseless { .. }), "{senseless}");
    a.assert_ping(&b).await;
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
async fn several_timelines_run_side_by_side(lab: Lab, a: Host, b: Host, lan: Segment) -> TestResult {
    let order = Arc::<Mutex<Vec<u32>>>::default();
    let note = |number| {
        let order = Arc::clone(&order);
        move || order.lock().unwrap().push(number)
    };
    let first = lab.timeline().at("0s", note(1)).at("300ms", note(3)).start()?;
    let second = lab
        .timeline()
        .at("150ms", note(2))
        .during("150ms", "160ms", lan.impair(Impairment::new().delay(MS)))
        .start()?;
    first.finish().await?;
    second.finish().await?;
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    a.assert_ping(&b).await;
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
async fn a_cable_that_flaps_is_out_at_times(a: Host, b: Host, lan: Segment) -> TestResult {
    a.assert_ping(&b).await;
    let flapping = lan.flap(&b, "2s", "2s").await?;
    a.assert_no_ping(&b).await;
    eventually("it is in again", || flapping.happened().len() == 1).await;
    a.assert_ping(&b).await;
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
async fn one_guard_has_a_cable_out_at_a_time(a: Host, b: Host, lan: Segment) -> TestResult {
    let out = lan.unplugged(&b).await?;
    for second in [lan.unplugged(&b).await.map(drop), lan.flap(&b, "50ms", "50ms").await.map(drop)] {
        let error = second.unwrap_err().to_string();
        assert_eq!(error, "another guard has the cable of host `b` on segment `lan` out already");
    }
    a.assert_no_ping(&b).await;
    drop(out);
    drop(lan.unplugged(&b).await?);
    a.assert_ping(&b).await;
    Ok(())
}

#[derive(Topology)]
struct Moving {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.0.1.0/24")]
    spare: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
    #[router(lan, spare)]
    _router: Host,
}

#[netns_test]
async fn a_cable_that_was_moved_meanwhile_is_plugged_in_where_it_is(net: Moving) -> TestResult {
    let Moving { lan, spare, a, b, .. } = &net;
    let out = lan.unplugged(b).await?;
    lan.move_host(b, spare).await?;
    drop(out);
    b.wait_for_carrier(spare).await?;
    spare.move_host(b, lan).await?;
    a.assert_ping(b).await;
    Ok(())
}

#[netns_test(namespaces = 1)]
fn a_time_that_no_test_outlasts_is_refused(lab: Lab) {
    let far = Duration::MAX;
    for timeline in [lab.timeline().at(far, || ()), lab.timeline().every(far, || ()), lab.timeline().at("25h", || ())] {
        let error = timeline.start().unwrap_err().to_string();
        assert!(error.ends_with(" is out of range: it is at most 24h, which no test outlasts"), "{error}");
    }
    assert!(lab.timeline().during("1s", far, || ()).start().is_err());
}

#[netns_test(namespaces = 1)]
fn what_happens_again_and_again_has_no_end(lab: Lab) -> TestResult {
    let error = lab.timeline().every("1ms", || ()).start()?.finish().wait().unwrap_err();
    assert!(error.to_string().contains("no end to wait for: `stop` ends it"), "{error}");
    assert!(lab.timeline().start()?.finish().wait()?.is_empty());
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
fn what_would_be_over_at_once_is_not_waited_for(lab: Lab, a: Host, _b: Host, lan: Segment) -> TestResult {
    let impair = || lan.impair(Impairment::black_hole());
    let error = lab.timeline().at("1ms", || ()).at("2ms", impair()).start()?.finish().wait().unwrap_err().to_string();
    assert!(error.contains("would be over at once: `during` says until when"), "{error}");
    lab.timeline().at("1ms", impair()).at("2ms", || ()).start()?.finish().wait()?;
    lab.timeline().at("1ms", impair()).during("1ms", "5ms", lan.unplugged(&a)).start()?.finish().wait()?;
    Ok(())
}

#[netns_test(namespaces = 2, veth = true, engine = "relay")]
fn what_begins_late_lasts_as_long_as_it_is_to(lab: Lab, _a: Host, _b: Host, lan: Segment) -> TestResult {
    let slow = || std::thread::park_timeout(300 * MS);
    let timeline = lab.timeline().at("0s", slow).during("10ms", "110ms", lan.impair(Impairment::black_hole()));
    let happened = timeline.start()?.finish().wait()?;
    let [_, begun, ended] = &happened[..] else { panic!("{happened:?}") };
    assert!(ended.began >= begun.began + 100 * MS, "{begun}; {ended}");
    Ok(())
}
