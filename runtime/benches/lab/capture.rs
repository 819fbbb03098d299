//! What it costs that a lab's frames are recorded, against a lab whose are not.

use std::process::Command;
use std::time::Duration;

use super::relay::bytes_per_second;
use super::shape::Shape;
use super::{LABS, a_whole_test_from_outside, in_turn, median, process, report, timed};
use netns_test::__private::bench;

/// How often a whole test is measured, and a transfer: one differs from the next by much more than by what is looked for.
const TESTS: usize = 100;
const TRANSFERS: usize = 121;

/// Labs, a whole test, and throughput, of which more is better.
pub(super) fn compare() {
    for (hosts, rounds) in LABS {
        let lab = |capture| measure(&["ours", "wires", &hosts.to_string()], capture, hosts);
        let (on, off) = in_turn(rounds, || nanoseconds(lab("on-failure")), || nanoseconds(lab("never")));
        report(&format!("capture/none lab hosts={hosts}"), on, off);
    }
    let test = |capture| measure(&["test"], capture, 2);
    let (on, off) = in_turn(TESTS, || nanoseconds(test("on-failure")), || nanoseconds(test("never")));
    let more = median(on.clone()).saturating_sub(median(off.clone()));
    report("capture/none test", on, off);
    println!("capture/none test more={more:?}");
    let transfer = |capture| measure(&["transfer"], capture, 2);
    let rates: Vec<_> = (0..TRANSFERS).map(|_| (transfer("on-failure"), transfer("never"))).collect();
    let [on, off] = [0, 1].map(|which| {
        let mut rates: Vec<_> = rates.iter().map(|rates| [rates.0, rates.1][which]).collect();
        rates.sort_unstable();
        rates[rates.len() / 2]
    });
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are shown")]
    let ratio = on as f64 / off as f64;
    println!("capture/none throughput ratio={ratio:.2} (medians of {TRANSFERS}: {on} against {off} bytes/s)");
}

/// A whole test, in nanoseconds. The first finds cold caches.
pub(super) fn one_test() {
    a_whole_test_from_outside();
    println!("{}", timed(a_whole_test_from_outside).as_nanos());
}

/// Bytes per second over TCP between two hosts.
pub(super) fn one_transfer() {
    process::leave_machine();
    bench::enter_world().expect("a world");
    let (_, shape) = Shape::ALL.into_iter().find(|(name, _)| *name == "wires").expect("a shape");
    let lab = bench::build(&shape.draw(2)).expect("a lab");
    let [first, second] = lab.hosts() else { unreachable!("there are two") };
    println!("{}", bytes_per_second(first, second, second.addr()));
}

/// What a process of this program prints with a value of the setting.
fn measure(arguments: &[&str], capture: &str, hosts: usize) -> u64 {
    let output = Command::new("/proc/self/exe").args(arguments).env("NETNS_TEST_CAPTURE", capture).output();
    let output = output.expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    // The kernel takes namespaces apart in the background, which would be at the cost of the next round.
    std::thread::sleep(Duration::from_millis(5 + hosts as u64));
    text.trim().parse().unwrap_or_else(|_| panic!("{arguments:?}: {output:?}"))
}

fn nanoseconds(count: u64) -> Duration {
    Duration::from_nanos(count)
}
