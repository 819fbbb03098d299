//! What befalls the programs of a host: all of them are paused, or they are started with another clock.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use netns_test::prelude::*;
use netns_test::{Command, LinkError, Process, ProgramError};
use netns_test_tests::programs::few_process_numbers;
use nix::time::ClockId;

/// What no test waits for in vain, nor for long.
const AMPLE: Duration = Duration::from_secs(20);

/// What is waited for to see that nothing comes.
const SHORT: Duration = Duration::from_millis(20);

const KILL: i32 = 9;
const CONT: i32 = 18;
const STOP: i32 = 19;

fn program(host: &Host) -> Command {
    host.command(env!("CARGO_BIN_EXE_netns-test-program"))
}

fn sh(host: &Host, script: &str) -> Command {
    host.command("sh").args(["-c", script])
}

/// A program that answers, unless it has stopped.
fn echo(host: &Host) -> TestResult<Process> {
    let mut echo = host.command("cat").piped().spawn()?;
    assert!(answers(&mut echo)?);
    Ok(echo)
}

/// Whether a program answers, in the time that it takes one that does.
fn answers(echo: &mut Process) -> TestResult<bool> {
    echo.write_line("hello")?;
    heard(echo, AMPLE)
}

fn heard(echo: &mut Process, patience: Duration) -> TestResult<bool> {
    match echo.read_line(patience) {
        Ok(line) => Ok(line.as_deref() == Some("hello")),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The states of all threads of all processes of a host.
fn states(host: &Host) -> BTreeSet<char> {
    host.processes().iter().flat_map(|process| states_of(process.id())).collect()
}

fn states_of(id: u32) -> Vec<char> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    stats.filter_map(|stat| stat.rsplit(')').next()?.trim().chars().next()).collect()
}

/// So many rounds, or as many as there is time for: each may take long on a machine that is busy.
fn rounds(count: u32) -> impl Iterator<Item = u32> {
    let begun = Instant::now();
    (0..count).take_while(move |_| begun.elapsed() < Duration::from_secs(5))
}

fn numbers(host: &Host) -> Vec<u32> {
    host.processes().iter().map(netns_test::HostProcess::id).collect()
}

#[netns_test(namespaces = 2, veth = true)]
async fn programs_stand_still_until_the_guard_is_dropped(a: Host, b: Host) -> TestResult {
    let (mut here, mut there) = (echo(&a)?, echo(&b)?);
    let paused = a.pause().await?;
    assert_eq!(states_of(here.id()), ['T']);
    here.write_line("hello")?;
    assert!(!heard(&mut here, SHORT)?);
    assert!(answers(&mut there)?, "the other host is not paused");
    drop(paused);
    assert!(heard(&mut here, AMPLE)?);
    assert!(answers(&mut here)?);

    // By `resume`, too, which says that it has happened; not before it is waited for.
    let resume = a.pause().await?.resume();
    assert_eq!(states_of(here.id()), ['T']);
    resume.await?;
    assert!(answers(&mut here)?);
    drop(a.pause().await?.resume());
    assert!(answers(&mut here)?, "nobody has the guard any more");
    Ok(())
}

/// And have when the pause is begun: none is on its way.
#[netns_test(timeout = "60s")]
fn all_threads_and_all_descendants_stop(a: Host) -> TestResult {
    let daemons = "setsid sleep 1000 & (setsid sleep 1000 &); sleep 1000 & exec sleep 1000";
    sh(&a, daemons).spawn()?;
    program(&a).args(["spin", "4"]).ready_on_line("here").spawn()?;
    // These are never done with starting others, by fork(2) and, in many a shell, by vfork(2).
    for _ in 0..2 {
        sh(&a, "while :; do sleep 0 & sleep 0; done").spawn()?;
        sh(&a, "while :; do (true); done").spawn()?;
    }
    while a.processes().iter().filter(|process| process.command() == ["sleep", "1000"]).count() < 4 {
        std::thread::yield_now();
    }
    for _ in rounds(100) {
        let paused = a.pause().wait()?;
        let (seen, then) = (states(&a), numbers(&a));
        // One that waits for its child's exec, which has stopped, is `D`.
        assert!(seen.is_subset(&['T', 'D'].into()) && seen.contains(&'T'), "{seen:?}");
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(numbers(&a), then, "nobody starts anything");
        drop(paused);
        while states(&a).contains(&'T') {
            std::thread::yield_now();
        }
    }
    Ok(())
}

/// The kernel does not let such a parent stop before the child, which has stopped, is another program.
#[netns_test(timeout = "20s")]
fn a_parent_that_waits_in_vfork_has_stopped(a: Host) -> TestResult {
    let parent = program(&a).arg("vfork").ready_on_line("here").spawn()?;
    let paused = a.pause().wait()?;
    assert_eq!(states(&a), ['T', 'D'].into());
    assert_eq!(states_of(parent.id()), ['D']);
    drop(paused);
    assert!(!states(&a).contains(&'T'));
    Ok(())
}

/// It may not be half of it that stands still.
#[netns_test(timeout = "60s")]
fn a_host_that_cannot_be_paused_goes_on(a: Host) -> TestResult {
    let mut echo = echo(&a)?;
    let away = program(&a).arg("vfork-away").ready_on_line("here").spawn()?;
    let error = a.pause().wait().unwrap_err();
    assert!(matches!(error, LinkError::Failed { .. }), "{error:?}");
    let text = std::error::Error::source(&error).ok_or("why")?.to_string();
    assert!(text.contains(&format!("vfork-away` (pid {}) has not stopped within ", away.id())), "{text}");
    assert!(text.ends_with(": the states of its threads are D (proc_pid_stat(5))"), "{text}");
    assert!(answers(&mut echo)?);
    assert!(a.command("true").status()?.success());
    Ok(())
}

#[netns_test]
fn the_last_of_two_guards_continues_the_programs(a: Host) -> TestResult {
    let mut echo = echo(&a)?;
    let first = a.pause().wait()?;
    let second = a.pause().wait()?;
    drop(first);
    echo.write_line("hello")?;
    assert!(!heard(&mut echo, SHORT)?);
    let third = a.pause().wait()?;
    second.resume().wait()?;
    assert!(!heard(&mut echo, SHORT)?);
    drop(third);
    assert!(heard(&mut echo, AMPLE)?);
    Ok(())
}

/// Also one that the test has continued by itself meanwhile.
#[netns_test]
fn a_second_pause_finds_all_stopped(a: Host) -> TestResult {
    let mut echo = echo(&a)?;
    let _first = a.pause().wait()?;
    echo.signal(CONT)?;
    assert!(answers(&mut echo)?);
    let _second = a.pause().wait()?;
    assert_eq!(states_of(echo.id()), ['T']);
    Ok(())
}

#[netns_test(namespaces = 2, veth = true)]
async fn the_kernel_and_the_test_go_on_in_a_paused_host(a: Host, b: Host) -> TestResult {
    let _server = program(&b).args(["tcp", "[::]:80"]).ready_when_listening(80).spawn()?;
    let mine = b.run(|| TcpListener::bind("[::]:81"))?;
    let _paused = b.pause().await?;
    a.assert_ping(&b).await;
    a.assert_tcp(&b, 80).await;
    let _stream = a.tcp_connect((b.addr(), 81).into())?;
    mine.accept()?;
    assert_eq!(b.spawn(async { 7 }).await?, 7);
    a.open_tcp(&b).await?.assert_alive().await;
    // What the library runs for the test is no program of the host's.
    b.nft(
        "table inet filter {
            chain input {
                type filter hook input priority filter; policy accept;
                tcp dport 80 drop
            }
        }",
    )?;
    a.assert_no_tcp(&b, 80).await;
    Ok(())
}

/// Nor does the end of a ruleset wait for the pause, whichever was first.
#[netns_test(timeout = "30s")]
fn a_ruleset_is_loaded_whenever_a_host_is_paused(a: Host) -> TestResult {
    let ruleset = "table inet t {\n}\ndelete table inet t";
    a.nft(ruleset)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let loaded = (0..30).try_for_each(|_| a.nft(ruleset));
            done.store(true, Ordering::Release);
            loaded
        });
        while !done.load(Ordering::Acquire) {
            let paused = a.pause().wait()?;
            assert!(!states(&a).contains(&'T'), "{:?}", a.processes());
            paused.resume().wait()?;
        }
        loading.join().unwrap().map_err(TestError::from)
    })
}

#[netns_test(namespaces = 2, veth = true)]
async fn nothing_is_started_in_a_paused_host(a: Host, b: Host) -> TestResult {
    let paused = a.pause().await?;
    let refused = |error: ProgramError| {
        assert!(matches!(error, ProgramError::Paused { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert_eq!(error.to_string(), "cannot run `true` in host `a`: the host is paused");
    };
    let command = || a.command("true");
    refused(command().spawn().unwrap_err());
    refused(command().ready_on_notify().started().await.unwrap_err());
    refused(command().status().unwrap_err());
    refused(command().output().unwrap_err());
    refused(command().listen_fd(a.tcp_listener()?).spawn().unwrap_err());
    assert!(b.command("true").status()?.success());
    drop(paused);
    assert!(command().status()?.success());
    Ok(())
}

/// A fork takes a while, and to look at many programs does so, too: a child that comes in between is none that was looked at.
#[netns_test(timeout = "60s")]
fn a_child_that_comes_while_its_parent_stops_is_stopped(a: Host) -> TestResult {
    for _ in 0..100 {
        a.command("sleep").arg("1000").spawn()?;
    }
    for _ in 0..2 {
        program(&a).args(["fork", "64"]).ready_on_line("here").spawn()?;
    }
    for _ in rounds(30) {
        let paused = a.pause().wait()?;
        let seen = states(&a);
        assert!(seen.is_subset(&['T'].into()), "{seen:?}");
        drop(paused);
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A program that is being started when the host is paused is either refused or stopped, and its start does not hang.
#[netns_test(timeout = "60s")]
fn a_start_and_a_pause_at_once_are_one_after_the_other(a: Host) -> TestResult {
    // Its start takes a while: that of one which has another user is a fork(2).
    let slow = || a.command("sleep").args(vec!["1000"; 10_000]).user(0);
    let stop = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            let tell = tell;
            while !stop.load(Ordering::Acquire) {
                match slow().spawn() {
                    Ok(sleep) => _ = tell.send(sleep),
                    Err(ProgramError::Paused { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
        let paused = rounds(200).try_for_each(|nth| -> TestResult {
            // One has been started, and the next is about to be: it comes more or less far.
            told.recv()?.kill()?;
            std::thread::sleep(nth % 20 * Duration::from_micros(100));
            let paused = a.pause().wait()?;
            std::thread::sleep(Duration::from_millis(2));
            let seen = states(&a);
            assert!(seen.is_subset(&['T'].into()), "{seen:?}");
            paused.resume().wait()?;
            told.try_iter().try_for_each(|sleep: Process| sleep.kill().map(drop))?;
            Ok(())
        });
        stop.store(true, Ordering::Release);
        starting.join().unwrap()?;
        paused
    })
}

#[netns_test]
fn a_program_that_is_paused_can_be_killed(a: Host) -> TestResult {
    let sleep = || a.command("sleep").arg("1000").spawn();
    let (killed, terminated, by_its_group, mut left) = (sleep()?, sleep()?, sleep()?, echo(&a)?);
    let paused = a.pause().wait()?;
    assert_eq!(killed.kill()?.signal(), Some(KILL));
    assert_eq!(terminated.terminate(SHORT)?.signal(), Some(KILL), "it cannot do as it is asked");
    by_its_group.signal(15)?;
    assert!(by_its_group.wait_timeout(SHORT)?.is_none());
    paused.resume().wait()?;
    assert_eq!(by_its_group.wait_timeout(AMPLE)?.and_then(|status| status.signal()), Some(15), "it is asked now");
    assert!(answers(&mut left)?);
    Ok(())
}

#[netns_test]
fn a_program_that_had_been_stopped_stays_so(a: Host) -> TestResult {
    let (mut stopped, mut runs) = (echo(&a)?, echo(&a)?);
    stopped.signal(STOP)?;
    while states_of(stopped.id()) != ['T'] {
        std::thread::yield_now();
    }
    a.pause().wait()?.resume().wait()?;
    assert!(answers(&mut runs)?);
    stopped.write_line("hello")?;
    assert!(!heard(&mut stopped, SHORT)?);
    stopped.signal(CONT)?;
    assert!(heard(&mut stopped, AMPLE)?);
    Ok(())
}

/// The number of a program that ends while its host is paused is another's, which is not continued.
#[netns_test(namespaces = 2, veth = true, timeout = "60s")]
fn a_signal_never_goes_to_another_with_the_same_number(a: Host, b: Host) -> TestResult {
    let few = few_process_numbers();
    let sleep = |host: &Host| host.command("sleep").arg("1000").spawn().unwrap();
    let mut old = sleep(&a);
    while few && old.id() < 300 {
        old.kill()?;
        old = sleep(&a);
    }
    let paused = a.pause().wait()?;
    old.kill()?;
    let another = || {
        if !few {
            fs::write("/proc/sys/kernel/ns_last_pid", (old.id() - 2).to_string()).unwrap();
        }
        sleep(&b)
    };
    let new = (0..10_000).map(|_| another()).find(|new| new.id() == old.id() || new.kill().is_err());
    let new = new.ok_or("the number has not come again")?;
    new.signal(STOP)?;
    while states_of(new.id()) != ['T'] {
        std::thread::yield_now();
    }
    drop(paused);
    assert_eq!(states_of(new.id()), ['T']);
    Ok(())
}

/// It is what the test itself does there, be it on its way to become a program: whoever waits for that would wait in
/// vain.
#[netns_test]
fn a_copy_of_the_test_is_not_paused(a: Host) -> TestResult {
    let copy = a.run(fork);
    let another = a.command("/proc/self/exe").arg("--help").stdout(std::process::Stdio::piped()).spawn()?;
    let paused = a.pause().wait()?;
    assert!(numbers(&a).contains(&copy.as_raw().unsigned_abs()), "it is in there");
    assert!(!states_of(copy.as_raw().unsigned_abs()).contains(&'T'));
    // One that the test has been started as is a program.
    assert!(!another.is_running() || states_of(another.id()).iter().all(|state| "TZ".contains(*state)));
    drop(paused);
    nix::sys::signal::kill(copy, nix::sys::signal::Signal::SIGKILL)?;
    nix::sys::wait::waitpid(copy, None)?;
    Ok(())
}

/// A copy of this process that waits to be killed.
#[allow(unsafe_code)]
fn fork() -> nix::unistd::Pid {
    // SAFETY: the copy makes a system call, again and again, and nothing else.
    match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Parent { child } => child,
        nix::unistd::ForkResult::Child => loop {
            nix::unistd::pause();
        },
    }
}

#[netns_test]
async fn a_pause_whose_future_is_dropped_ends_by_itself(a: Host) -> TestResult {
    let mut echo = echo(&a)?;
    for _ in 0..20 {
        let mut pause = a.pause().into_future();
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(pause.as_mut().poll(context))).await;
        drop(pause);
        drop(polled);
        assert!(answers(&mut echo)?);
    }
    Ok(())
}

/// The time of day, since the start and since the start with the time asleep, in nanoseconds.
type Clocks = [i128; 3];

fn my_clocks() -> TestResult<Clocks> {
    let now = |clock: ClockId| clock.now().map(|now| i128::try_from(Duration::from(now).as_nanos()).unwrap());
    Ok([now(ClockId::CLOCK_REALTIME)?, now(ClockId::CLOCK_MONOTONIC)?, now(ClockId::CLOCK_BOOTTIME)?])
}

/// Whether what a program says of the time differs by so much from what the machine says, but for the time of day.
fn assert_skew(command: Command, by: i128) -> TestResult {
    let before = my_clocks()?;
    let output = command.output()?;
    assert!(output.status.success(), "{output:?}");
    let after = my_clocks()?;
    let said = String::from_utf8(output.stdout)?;
    let said: Vec<i128> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    for (nth, skew) in [0, by, by].into_iter().enumerate() {
        let (said, from, to) = (said[nth], before[nth] + skew, after[nth] + skew);
        assert!((from..=to).contains(&said), "clock {nth} says {said}, not {from} to {to}");
    }
    Ok(())
}

const HOUR: Duration = Duration::from_secs(3600);
const HOUR_NS: i128 = 3600 * 1_000_000_000;

#[netns_test(namespaces = 2, veth = true, requires(time_namespace))]
async fn programs_see_the_clock_that_they_were_started_with(a: Host, b: Host) -> TestResult {
    let clocks = |host: &Host| program(host).arg("clocks");
    // One that was started before, and starts others when it is told to.
    let script = "while read -r x; do \"$0\" clocks; done";
    let mut before = sh(&a, script).arg(env!("CARGO_BIN_EXE_netns-test-program")).piped().spawn()?;
    let monotonic = |program: &mut Process| -> TestResult<i128> {
        program.write_line("")?;
        let line = program.read_line(AMPLE)?.ok_or("a line")?;
        Ok(line.split(' ').nth(1).ok_or("a clock")?.parse()?)
    };
    let mine = || my_clocks().map(|clocks| clocks[1]);

    assert_skew(clocks(&a), 0)?;
    let skewed = a.skew_clock(ClockSkew::ahead(HOUR)).await?;
    assert_skew(clocks(&a), HOUR_NS)?;
    assert_skew(clocks(&b), 0)?;
    assert_skew(sh(&a, "setsid -w \"$0\" clocks").arg(env!("CARGO_BIN_EXE_netns-test-program")), HOUR_NS)?;
    // As any other, however it is started.
    assert_skew(clocks(&a).listen_fd(a.tcp_listener()?), HOUR_NS)?;
    assert_skew(clocks(&a).user(0), HOUR_NS)?;
    let mut during = sh(&a, script).arg(env!("CARGO_BIN_EXE_netns-test-program")).piped().spawn()?;
    let mut logged = sh(&a, "echo up; cat").logged().ready_on_line("up").stdin(std::process::Stdio::piped()).spawn()?;
    assert!(logged.wait()?.success());
    assert!(monotonic(&mut before)? < mine()? + HOUR_NS / 2, "it runs already");
    let here = Instant::now();
    let there = a.run(Instant::now);
    assert!(there.duration_since(here) < HOUR / 2, "the test has its own");

    drop(skewed);
    assert_skew(clocks(&a), 0)?;
    assert!(monotonic(&mut during)? > mine()? + HOUR_NS / 2, "for as long as it runs");
    // Behind, as far as there is time: some milliseconds are.
    let ms = Duration::from_micros(1500);
    let _skewed = a.skew_clock(ClockSkew::behind(ms)).await?;
    assert_skew(clocks(&a), -1_500_000)?;
    Ok(())
}

#[netns_test(requires(time_namespace))]
fn a_clock_that_there_cannot_be_is_refused(a: Host) -> TestResult {
    let year = Duration::from_secs(365 * 24 * 3600);
    for skew in [ClockSkew::behind(100 * year), ClockSkew::ahead(200 * year), ClockSkew::ahead(Duration::MAX)] {
        let refused = a.skew_clock(skew).wait().unwrap_err();
        assert!(matches!(refused, LinkError::NoSuchTime { skew: of } if of == skew), "{refused:?}");
    }
    let text = a.skew_clock(ClockSkew::behind(100 * year)).wait().unwrap_err().to_string();
    assert!(text.starts_with("no clock can be 3153600000s behind: "), "{text}");
    // None of them is in the way of one that there can be.
    let _skewed = a.skew_clock(ClockSkew::ahead(year)).wait()?;
    let again = a.skew_clock(ClockSkew::ahead(HOUR)).wait().unwrap_err();
    assert!(matches!(again, LinkError::Senseless { .. }), "{again:?}");
    assert_eq!(again.to_string(), "the clock of host `a` is skewed already: 31536000s ahead");
    Ok(())
}
