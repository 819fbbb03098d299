//! A host whose programs are started with another clock.

use std::fmt;
use std::fs;
use std::io;
use std::process::{self, Child};
use std::sync::{MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use netns_test_topology::Feature;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use crate::change::{Change, LinkError};
use crate::{Host, sys};

/// How far a clock is from the machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew {
    is_behind: bool,
    by: Duration,
}

impl ClockSkew {
    /// It shows what the machine's will show after this time.
    pub const fn ahead(by: Duration) -> Self {
        Self { is_behind: false, by }
    }

    /// It shows what the machine's showed this time ago, after the machine was started.
    pub const fn behind(by: Duration) -> Self {
        Self { is_behind: true, by }
    }
}

/// `3600s ahead`.
impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.by, if self.is_behind { "behind" } else { "ahead" })
    }
}

impl Host {
    /// Has the programs that are started in this host by [`Host::command`] see another time, until the guard that this
    /// ends with is dropped; with all that descends from them, and for as long as they run. (The kernel does it by a
    /// time namespace for each: `time_namespaces(7)`.)
    ///
    /// **Only `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME` are skewed**, with their variants and the timers on them, and what
    /// tells of them: `/proc/uptime`. That is [`Instant`](std::time::Instant). `CLOCK_REALTIME`, the time of day,
    /// [`SystemTime`](std::time::SystemTime), is the machine's in all of them: Linux cannot give a program another. Nor
    /// do programs that run already, closures of [`Host::run`], futures of [`Host::spawn`] or the host's kernel see
    /// anything of it.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(requires(time_namespace))]
    /// fn a_program_believes_to_run_for_a_year(server: Host) -> TestResult {
    ///     let year = Duration::from_secs(365 * 24 * 3600);
    ///     let _skewed = server.skew_clock(ClockSkew::ahead(year)).wait()?;
    ///     let uptime = String::from_utf8(server.command("cat").arg("/proc/uptime").output()?.stdout)?;
    ///     assert!(uptime.split('.').next().unwrap_or_default().parse::<u64>()? >= year.as_secs());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`LinkError::Unsupported`] where the kernel has no time namespaces (Linux 5.6), [`LinkError::NoSuchTime`] if the
    /// clocks would be before the machine's start, or so far ahead that the kernel cannot count it (146 years),
    /// [`LinkError::Senseless`] if the clock of the host is skewed already.
    pub fn skew_clock(&self, skew: ClockSkew) -> Change<SkewedClock> {
        let host = self.clone();
        let what = format!("skew the clock of host `{}`: {skew}", self.name());
        Change::in_lab(what.clone(), self.surroundings().clone(), move |_| {
            let mut clock = host.machine().faults().clock();
            if let Some(skewed) = clock.skew {
                let why = format!("the clock of host `{}` is skewed already: {skewed}", host.name());
                return Err(LinkError::Senseless { why });
            }
            // A program could not be started otherwise, and here it can be told why.
            on_thread_of_its_own(|| enter(skew)).map_err(|refused| refused.explain(&what, skew))?;
            clock.skew = Some(skew);
            drop(clock);
            Ok(SkewedClock { host, skew })
        })
    }
}

/// Programs of a host are started with another clock as long as this lives.
#[must_use = "programs are started with the machine's clock when this is dropped"]
pub struct SkewedClock {
    host: Host,
    skew: ClockSkew,
}

impl Drop for SkewedClock {
    fn drop(&mut self) {
        let mut clock = self.host.machine().faults().clock();
        (clock.skew, clock.ended) = (None, Some((self.skew, Instant::now())));
    }
}

impl fmt::Debug for SkewedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkewedClock").field("host", &self.host.name()).field("skew", &self.skew).finish()
    }
}

/// The clock that programs of a host are started with, if it is not the machine's.
#[derive(Default)]
pub(super) struct Clock {
    skew: Option<ClockSkew>,
    /// What it was last, and until when.
    ended: Option<(ClockSkew, Instant)>,
}

impl Clock {
    /// What it is, or was, if it ever was another.
    pub(super) fn describe(&self) -> Option<String> {
        match (self.skew, self.ended) {
            (Some(skew), _) => Some(format!("starts programs with a clock {skew}")),
            (None, Some((skew, ended))) => {
                Some(format!("started programs with a clock {skew}, until {:?} ago", ended.elapsed()))
            }
            (None, None) => None,
        }
    }
}

impl super::Faults {
    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a program, with the clock that programs of the host have now. It inherits all else from this thread.
    pub(crate) fn spawn(&self, command: &mut process::Command) -> io::Result<Child> {
        let Some(skew) = self.clock().skew else { return command.spawn() };
        // Before Linux 6.2 nobody enters a time namespace who shares memory with his parent, as a child of
        // posix_spawn(3) does.
        sys::start_by_fork(command);
        on_thread_of_its_own(|| {
            enter(skew).map_err(|refused| refused.source)?;
            command.spawn()
        })
    }
}

/// Whether the kernel lets programs have another clock.
pub(crate) fn try_out() -> io::Result<()> {
    on_thread_of_its_own(|| enter(ClockSkew::ahead(Duration::from_secs(1))).map_err(|refused| refused.source))
}

/// Runs something on a thread that is not needed afterwards, and begins in the namespaces of this one. One whose
/// children are in another time namespace may not start threads (before Linux 6.2), and does not come back (setns(2)).
fn on_thread_of_its_own<T: Send, E: From<io::Error> + Send>(f: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns-test-clock".to_owned()).spawn_scoped(scope, f);
        thread?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What the kernel would not do.
struct Refused {
    step: Step,
    source: io::Error,
}

enum Step {
    Thread,
    Unshare,
    Offsets,
}

impl From<io::Error> for Refused {
    fn from(source: io::Error) -> Self {
        Self { step: Step::Thread, source }
    }
}

impl Refused {
    fn explain(self, what: &str, skew: ClockSkew) -> LinkError {
        let Self { step, source } = self;
        match (step, source.raw_os_error().map(Errno::from_raw)) {
            (Step::Unshare, Some(Errno::EINVAL)) | (Step::Offsets, Some(Errno::ENOENT)) => {
                LinkError::Unsupported { what: "time namespaces", remedy: Feature::TimeNamespace.remedy(), source }
            }
            (Step::Offsets, Some(Errno::ERANGE)) => LinkError::NoSuchTime { skew },
            (Step::Offsets, Some(Errno::EPERM)) => {
                let hint =
                    "it takes CAP_SYS_TIME, which root of a container may lack (`docker run --cap-add SYS_TIME`)";
                LinkError::failed(what, format!("{source}: {hint}"))
            }
            _ => LinkError::failed(what, source),
        }
    }
}

/// Has the children of this thread begin in a new time namespace with a skewed clock.
fn enter(skew: ClockSkew) -> Result<(), Refused> {
    let unshared = unshare(CloneFlags::from_bits_retain(libc::CLONE_NEWTIME));
    unshared.map_err(|error| Refused { step: Step::Unshare, source: error.into() })?;
    // A thread has these files as a process has, by its own number: `/proc/self` is that of the first thread.
    let offsets = format!("/proc/{}/timens_offsets", nix::unistd::gettid());
    let skewed = fs::read_to_string(&offsets).and_then(|before| fs::write(&offsets, skewed(&before, skew)));
    skewed.map_err(|source| Refused { step: Step::Offsets, source })
}

/// The offsets of a namespace (`time_namespaces(7)`), and these skewed. Those of the test's own need not be 0.
fn skewed(before: &str, skew: ClockSkew) -> String {
    const SECOND: i128 = 1_000_000_000;
    // The kernel refuses far less, but would take what overflows.
    let by = skew.by.min(Duration::from_secs(u64::MAX / 4)).as_nanos().cast_signed();
    let by = if skew.is_behind { -by } else { by };
    // By number: names came later.
    let clocks = [("monotonic", libc::CLOCK_MONOTONIC), ("boottime", libc::CLOCK_BOOTTIME)];
    let line = |(name, number): (&str, libc::clockid_t)| {
        let mut lines = before.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let line = lines.find(|words| words.first().is_some_and(|word| *word == name || *word == number.to_string()));
        let word = |nth: usize| line.as_ref()?.get(nth)?.parse::<i128>().ok();
        let offset = word(1).unwrap_or(0) * SECOND + word(2).unwrap_or(0) + by;
        format!("{number} {} {}\n", offset.div_euclid(SECOND), offset.rem_euclid(SECOND))
    };
    clocks.map(line).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_added_and_their_nanoseconds_are_never_negative() {
        let before = "monotonic           0         0\nboottime           -5 700000000\n";
        let ms = Duration::from_millis;
        assert_eq!(skewed(before, ClockSkew::ahead(ms(1500))), "1 1 500000000\n7 -3 200000000\n");
        assert_eq!(skewed(before, ClockSkew::behind(ms(1500))), "1 -2 500000000\n7 -6 200000000\n");
        assert_eq!(skewed("1 2 0\n7 3 0\n", ClockSkew::behind(ms(1000))), "1 1 0\n7 2 0\n");
        let ever = skewed("", ClockSkew::ahead(Duration::MAX));
        assert_eq!(ever.split(' ').nth(1).map(str::parse), Some(Ok(i64::MAX / 2)));
    }
}
