//! Tests that are held for somebody to look at them: entered by the very lines that they print.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode as Permissions;

use crate::expect::{Fixture, Mode};
use crate::fixtures::Binary;
use crate::run::{self, Run, Running};
use crate::{leftovers, model};

/// What the last line of an announcement ends with.
const LAST: &str = "touch /run/netns-test/go-on\n\n";

/// What is told of a pause.
struct Announcement(String);

impl Announcement {
    /// Waits for the nth of a run.
    #[track_caller]
    fn of(running: &Running, nth: usize) -> Self {
        let told = running.until("stderr", LAST, nth);
        Self(told.split("netns-test: PAUSED ").nth(nth).expect("its last line was there").to_owned())
    }

    /// The line after the one that begins so.
    fn line_after(&self, beginning: &str) -> &str {
        let mut lines = self.0.lines().skip_while(|line| !line.starts_with(beginning));
        lines.nth(1).unwrap_or_else(|| panic!("no line after `{beginning}` in\n{}", self.0)).trim()
    }

    fn entering(&self) -> &str {
        self.line_after("to enter it, type in another terminal")
    }

    /// Types these lines in the shell that the printed line starts.
    fn type_inside(&self, lines: &str) -> Output {
        let mut shell = bounded(self.entering());
        shell.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        shell.wait_with_output().unwrap()
    }

    /// Has the test go on by the line that is printed for that.
    #[track_caller]
    fn let_go_on(&self) {
        let status = bounded(self.line_after("to let it go on,")).status().unwrap();
        assert!(status.success(), "{status} of the last line of\n{}", self.0);
    }
}

/// A line as it would be typed in another terminal, but not for ever.
fn bounded(line: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "60", "sh", "-c", line]);
    // An ordinary user's may lack where `ip` is.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

fn fixture() -> Fixture {
    model::paused_in_ci()
}

fn run(test: &str) -> Run {
    Run::binary(&Binary::of(&fixture()), &["--exact", test])
}

#[test]
fn a_test_that_fails_is_entered_by_the_line_that_it_prints() {
    // The second is what an ordinary user has in any case.
    for isolation in ["auto", "user"] {
        let run = run("fails_and_is_looked_at").env("NETNS_TEST_PAUSE", "on-failure");
        let running = run.env("NETNS_TEST_ISOLATION", isolation).start();
        let told = Announcement::of(&running, 1);
        let paused = Instant::now();
        let begins = "fails_and_is_looked_at: it has failed:\n  assertion `left == right` failed: it is looked at";
        assert!(told.0.starts_with(begins), "{}", told.0);
        assert!(told.0.contains("\nits hosts: alice, bob; in there"), "{}", told.0);
        // As printed, but for what would wait for packets.
        let examples: Vec<_> = told.0.lines().filter(|line| line.starts_with("  ip netns exec alice ")).collect();
        assert_eq!(examples.len(), 3, "{}", told.0);
        let examples = examples.into_iter().filter(|line| !line.contains("tcpdump"));
        for line in examples.chain(["ip netns exec bob ip -o address show dev eth0", "cat /etc/hosts"]) {
            let output = told.type_inside(&format!("{line}\n"));
            assert!(output.status.success(), "{line}: {output:?}");
            let (stdout, address) = (String::from_utf8(output.stdout).unwrap(), " 198.51.100.2/24 ");
            assert_eq!(stdout.contains("198.51.100.0/24 dev eth0"), line.ends_with("ip route"), "{line}: {stdout}");
            assert_eq!(stdout.contains(address), line.contains("exec bob"), "{line}: {stdout}");
            assert_eq!(stdout.contains("198.51.100.1\talice"), line.ends_with("hosts"), "{line}: {stdout}");
        }
        let ruleset = "table inet typed {\n}\n";
        let output =
            told.type_inside("ip netns exec bob nft add table inet typed\nip netns exec bob nft list ruleset\n");
        assert_eq!(String::from_utf8_lossy(&output.stdout), ruleset, "{output:?}");
        // Longer than the time that it has.
        std::thread::sleep(Duration::from_secs(4).saturating_sub(paused.elapsed()));
        told.let_go_on();
        let outcome = running.end();
        assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
        for says in ["it is looked at", "the lab when the test failed:", &fixture().place("fails_and_is_looked_at")] {
            assert!(outcome.stdout.contains(says), "no `{says}` in\n{}", outcome.all());
        }
        assert!(!outcome.stdout.contains("did not end within"), "{}", outcome.all());
    }
}

#[test]
fn a_test_at_its_deadline_is_looked_at() {
    let running = run("fails_at_its_deadline_and_is_looked_at").env("NETNS_TEST_PAUSE", "on-failure").start();
    let told = Announcement::of(&running, 1);
    let begins = "fails_at_its_deadline_and_is_looked_at: it is at its deadline\n";
    assert!(told.0.starts_with(begins), "{}", told.0);
    // Longer than its last words may take.
    std::thread::sleep(Duration::from_secs(2));
    let output = told.type_inside("ip netns exec alice hostname\n");
    assert!(output.status.success(), "{output:?}");
    told.let_go_on();
    let outcome = running.end();
    assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
    for says in ["at its deadline the test was running the body", "it did not end within 1s"] {
        assert!(outcome.stdout.contains(says), "no `{says}` in\n{}", outcome.all());
    }
}

#[test]
fn a_body_pauses_where_it_says_so() {
    let running = run("pauses_by_its_own_word").start();
    for nth in [1, 2] {
        let told = Announcement::of(&running, nth);
        let first = fixture().place("pauses_by_its_own_word");
        let begins = if nth == 1 { &first } else { "tests/fixtures/tests/paused.rs:" };
        assert!(told.0.starts_with(&format!("pauses_by_its_own_word: it is at {begins}")), "{}", told.0);
        // Both are longer than the time that it has.
        std::thread::sleep(Duration::from_secs(2));
        told.let_go_on();
    }
    let outcome = running.end();
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.all());
    assert!(outcome.stdout.contains("1 passed"), "{}", outcome.all());
}

#[test]
fn an_expected_panic_is_not_looked_at() {
    let outcome = run("passes_if_it_panics").env("NETNS_TEST_PAUSE", "on-failure").end();
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.all());
    assert!(outcome.stdout.contains("1 passed"), "{}", outcome.all());
    assert!(!outcome.all().contains("PAUSED"), "{}", outcome.all());
}

#[test]
fn nothing_pauses_in_ci() {
    let fixture = fixture();
    let run = Run::binary(&Binary::of(&fixture), &[]).env("NETNS_TEST_PAUSE", "on-failure").env("CI", "1");
    let outcome = run.end();
    fixture.check(&outcome, Mode::Captured);
    assert!(!outcome.all().contains("PAUSED"), "{}", outcome.all());
}

#[test]
fn nothing_pauses_inline() {
    let binary = Binary::of(&fixture());
    let test = ["--exact", "pauses_by_its_own_word", "fails_with_an_error_and_is_looked_at"];
    let unshare = Run::program("unshare", &["--user", "--map-root-user", "--net", "--mount", "--"]).arg(&binary.path);
    let unshare = unshare.args(&test).current_dir(&binary.directory).env("NETNS_TEST_ISOLATION", "inline");
    let outcome = unshare.env("NETNS_TEST_PAUSE", "on-failure").end();
    assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
    for says in ["could not pause the test: a test that runs `inline`", "asks for one: a test that runs `inline`"] {
        assert!(outcome.stdout.contains(says), "no `{says}` in\n{}", outcome.all());
    }
    assert!(!outcome.all().contains("PAUSED"), "{}", outcome.all());
}

/// Whoever looks is put out with everything else.
#[test]
fn a_paused_test_whose_parent_is_killed_leaves_nothing() {
    let running = run("fails_and_is_looked_at").env("NETNS_TEST_PAUSE", "on-failure").start();
    let told = Announcement::of(&running, 1);
    let mut inside = bounded(&format!("{} sh -c 'echo inside; exec sleep 1000'", told.entering()));
    let mut inside = inside.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = [0; 7];
    std::io::Read::read_exact(inside.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(&said, b"inside\n");
    running.signal(Signal::SIGKILL);
    let outcome = running.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&outcome.status), Some(Signal::SIGKILL as i32));
    let begun = Instant::now();
    while inside.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < leftovers::PATIENCE, "somebody is still inside");
        std::thread::sleep(run::PAUSE);
    }
}

/// On a terminal of its own: `script` has one.
#[test]
fn enter_lets_all_tests_go_on_that_are_paused() {
    let binary = Binary::of(&fixture());
    let line = format!("{} --test-threads=3 fails", binary.path.display());
    let run = Run::program("sh", &["-c", "exec script --quiet --return --command \"$0\" /dev/null <\"$1\"", &line]);
    let keyboard = run.directory().join("keyboard");
    nix::unistd::mkfifo(&keyboard, Permissions::S_IRWXU).unwrap();
    // Opened for both, a pipe waits for nobody.
    let mut keys = File::options().read(true).write(true).open(&keyboard).unwrap();
    // What was typed before is for nobody.
    keys.write_all(b"\n").unwrap();
    let run = run.arg(&keyboard).current_dir(&binary.directory).env("NETNS_TEST_PAUSE", "on-failure");
    let running = run.start();
    // A terminal ends its lines in its own way.
    let told = running.until("stdout", "touch /run/netns-test/go-on\r\n\r\n", 3);
    let offers = "to let it go on, press Enter here, for all that are paused, or type in another terminal";
    assert_eq!(told.matches(offers).count(), 3, "{told}");
    assert!(!told.contains("FAILED"), "one has gone on: {told}");
    keys.write_all(b"\n").unwrap();
    let outcome = running.end();
    assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
    assert!(outcome.stdout.contains("0 passed; 3 failed"), "{}", outcome.all());
}
