//! Red means red: tests that fail on purpose, run from outside by `cargo test` and `cargo nextest run`, end as [`model`] says, and
//! nothing of them stays on the machine.
//!
//! The fixtures are built and run by cargo. Where cargo cannot be used, as in a process of another user than the one whose clone
//! it is, `MUST_FAIL_FIXTURES` names a file with what
//! `cargo test -p netns-test-fixtures --lib --test '*' --no-run --message-format=json` printed, and their binaries are run without it.

mod evidence;
mod expect;
mod fixtures;
mod leftovers;
mod model;
mod network;
mod page;
mod paused;
mod report;
mod run;

use std::time::{Duration, Instant};

use expect::{Fixture, Mode};
use fixtures::Binary;
use leftovers::Watch;
use netns_test::__private::Feature;
use netns_test_tests::programs;
use nix::sys::signal::Signal;
use run::Run;

/// Under `cargo test`: tests in parallel, then one after another, with the output of those that pass.
#[track_caller]
fn ends_as_the_model_says(fixture: &Fixture) {
    fixture.check(&Run::cargo_test(fixture, &[]).end(), Mode::Captured);
    let arguments = ["--test-threads=1", "--show-output"];
    fixture.check(&Run::cargo_test(fixture, &arguments).end(), Mode::Shown);
}

#[test]
fn every_binary_is_in_the_model() {
    let mut modelled: Vec<_> =
        model::all().iter().map(|fixture| fixture.name).chain(["killed", "kinds", "paused"]).collect();
    modelled.sort_unstable();
    assert_eq!(fixtures::binaries().keys().collect::<Vec<_>>(), modelled);
}

#[test]
fn a_body_fails_by_a_panic_or_an_error() {
    ends_as_the_model_says(&model::body());
}

#[test]
fn a_capture_fails_by_what_it_has_and_is_broken_by_what_it_has_not() {
    ends_as_the_model_says(&model::captures());
}

#[test]
fn every_case_of_rstest_is_a_test_of_its_own() {
    ends_as_the_model_says(&model::cases());
}

#[test]
fn a_body_that_hangs_fails_at_its_deadline() {
    let fixture = model::deadline();
    ends_as_the_model_says(&fixture);
    let binary = Binary::of(&fixture);
    let alone = Run::binary(&binary, &["--exact", "fails_if_a_future_is_never_ready"]).end();
    assert_eq!(alone.status.code(), Some(101), "{}", alone.all());
    // Wide: a second for the test, and whatever a busy machine takes to start and end it.
    let bounds = Duration::from_secs(1)..Duration::from_secs(10);
    assert!(bounds.contains(&alone.took), "it took {:?}\n{}", alone.took, alone.all());
}

#[test]
fn a_process_that_ends_before_its_body_fails() {
    ends_as_the_model_says(&model::ends());
}

#[test]
fn an_expected_panic_is_judged_as_in_any_test() {
    ends_as_the_model_says(&model::expected_panics());
}

#[test]
fn code_in_a_host_fails_as_code_in_the_body() {
    ends_as_the_model_says(&model::hosts());
}

#[test]
fn an_ignored_test_is_run_when_asked_for() {
    let fixture = model::ignored();
    ends_as_the_model_says(&fixture);
    fixture.check(&Run::cargo_test(&fixture, &["--include-ignored"]).end(), Mode::WithIgnored);
    fixture.check(&Run::cargo_test(&fixture, &["--ignored"]).end(), Mode::IgnoredOnly);
}

#[test]
fn a_unit_test_is_a_test() {
    ends_as_the_model_says(&model::lib());
}

#[test]
fn a_test_takes_everything_with_it() {
    ends_as_the_model_says(&model::left_behind());
}

#[test]
fn a_child_that_never_ran_the_test_fails() {
    ends_as_the_model_says(&model::never_reached());
}

#[test]
fn a_need_that_is_not_met_fails_with_the_remedy() {
    ends_as_the_model_says(&model::needs());
}

#[test]
fn a_need_that_is_not_met_is_a_loud_skip_where_that_is_asked_for() {
    let fixture = model::needs_skipped();
    let outcome = Run::cargo_test(&fixture, &[]).env("NETNS_TEST_ON_UNSUPPORTED", "skip").end();
    fixture.check(&outcome, Mode::Captured);
    for says in [
        "SKIPPED needs::fails_if_programs_are_missing (",
        "SKIPPED needs::needs_sctp (",
        "skipped in this process: 2",
        "\nthis test requires the program `netns-test-none-either`, which is not in PATH: install it\n",
        "\nthis test requires `sctp`, and this kernel has no such protocol: ",
    ] {
        assert!(outcome.stderr.contains(says), "no `{says}` on the real standard error\n{}", outcome.all());
    }
}

#[test]
fn a_need_that_is_not_met_skips_nothing_in_ci() {
    let fixture = model::needs_in_ci();
    let run = Run::cargo_test(&fixture, &[]).env("NETNS_TEST_ON_UNSUPPORTED", "skip").env("CI", "1");
    fixture.check(&run.end(), Mode::Captured);
}

/// A try that asks the kernel in a wrong way gets an error that is not for what is missing.
#[test]
fn every_kind_of_need_is_met_or_not_met() {
    let fixture = model::kinds();
    let outcome = Run::cargo_test(&fixture, &[]).env("NETNS_TEST_ON_UNSUPPORTED", "skip").end();
    fixture.check(&outcome, Mode::Captured);
    // Or one that is, though it is not missing. (IPv6 can be switched off.)
    let built_in = built_in();
    for need in Feature::ALL.iter().filter(|need| **need != Feature::Ipv6) {
        let mut options = need.remedy().split(' ').filter(|word| word.starts_with("CONFIG_"));
        if options.all(|option| built_in.contains(&format!("{option}=y"))) {
            let skipped = format!("SKIPPED kinds::{need} ");
            assert!(!outcome.stderr.contains(&skipped), "`{need}` is built into this kernel\n{}", outcome.all());
        }
    }
}

/// What this kernel says that it was built with, if it does: lines as `CONFIG_VETH=y`.
fn built_in() -> Vec<String> {
    let zcat = std::process::Command::new("zcat").arg("/proc/config.gz").output();
    let config = zcat.map_or_else(|_| Vec::new(), |output| output.stdout);
    String::from_utf8_lossy(&config).lines().map(str::to_owned).collect()
}

#[test]
fn output_is_shown_under_its_test() {
    ends_as_the_model_says(&model::output());
}

#[test]
fn a_test_is_found_wherever_it_is() {
    ends_as_the_model_says(&model::placed());
}

#[test]
fn a_probe_fails_or_is_broken() {
    ends_as_the_model_says(&model::probes());
}

#[test]
fn a_network_that_makes_no_sense_is_broken() {
    ends_as_the_model_says(&model::topology());
}

#[test]
#[ignore = "needs cargo-nextest; run it with --include-ignored"]
fn nextest_sees_what_libtest_sees() {
    let fixtures = model::all();
    let outcome = Run::nextest(&fixtures).end();
    let reports = report::Report::of_junit(&outcome);
    for fixture in &fixtures {
        fixture.check_report(&reports[fixture.name], Mode::Nextest, &outcome);
    }
    let tests: Vec<_> = fixtures.iter().flat_map(|fixture| &fixture.tests).collect();
    let count = |wanted: fn(&expect::Test) -> bool| tests.iter().filter(|test| wanted(test)).count();
    let (passed, failed) = (count(|test| !test.ignored && test.passes), count(|test| !test.ignored && !test.passes));
    let ignored = count(|test| test.ignored);
    let summary = format!("{} tests run: {passed} passed, {failed} failed, {ignored} skipped", passed + failed);
    assert!(outcome.stderr.contains(&summary), "no `{summary}` in\n{}", outcome.stderr);
    assert_eq!(outcome.status.code(), Some(100), "nextest's exit code for failed tests\n{}", outcome.stderr);
}

#[test]
fn what_passes_is_shown_only_where_it_is_asked_for() {
    let fixture = model::settings();
    let captured = Run::cargo_test(&fixture, &[]).end();
    fixture.check(&captured, Mode::Captured);
    assert!(!captured.all().contains("stdout of passes"), "{}", captured.all());
    let shown = Run::cargo_test(&fixture, &["--nocapture"]).end();
    assert!(shown.stdout.contains("stdout of passes\n"), "{}", shown.all());
    assert!(shown.stderr.contains("stderr of passes\n"), "{}", shown.all());
    assert_eq!(shown.status.code(), Some(0));
}

#[test]
fn a_bad_setting_fails_with_its_name_its_source_and_its_range() {
    let bad = |variable, value, says: &[&str]| {
        let fixture = model::settings_broken(says);
        fixture.check(&Run::cargo_test(&fixture, &[]).env(variable, value).end(), Mode::Captured);
    };
    let environment = "`NETNS_TEST_TIMEOUT` in the environment: ";
    bad("NETNS_TEST_TIMEOUT", "abc", &[environment, "`abc` is not a duration"]);
    bad("NETNS_TEST_TIMEOUT", "0s", &[environment, "between 10ms and 24h"]);
    bad("NETNS_TEST_X", "1", &["`NETNS_TEST_X` in the environment: there is no such setting"]);
}

#[test]
fn a_time_scale_stretches_every_wait() {
    let fixture = model::waits();
    fixture.check(&Run::cargo_test(&fixture, &[]).env("NETNS_TEST_TIME_SCALE", "4").end(), Mode::Captured);
}

#[test]
fn a_bad_file_of_settings_fails_with_its_path() {
    for (text, says) in [
        ("timeout = \"0s\"", "netns-test.toml: `0s` is out of range: a timeout is between 10ms and 24h"),
        ("time-out = \"1s\"", "netns-test.toml: there is no such setting; did you mean `timeout`?"),
        ("timeout = ", "netns-test.toml is not valid TOML"),
    ] {
        let fixture = model::settings_broken(&[says]);
        let run = Run::binary(&Binary::of(&fixture), &[]);
        std::fs::write(run.directory().join("netns-test.toml"), text).unwrap();
        let directory = run.directory().to_owned();
        fixture.check(&run.env("CARGO_MANIFEST_DIR", directory).end(), Mode::Captured);
    }
}

#[test]
fn a_seed_is_a_chance() {
    let fixture = model::chance();
    let arrived = |seed| {
        let outcome = Run::cargo_test(&fixture, &["--show-output"]).env("NETNS_TEST_SEED", seed).end();
        let report = report::Report::of_libtest(&outcome);
        let section = &report.sections["passes_and_tells_what_arrived"];
        let arrived = section.lines().find_map(|line| line.strip_prefix("arrived: "));
        arrived.unwrap_or_else(|| panic!("nothing arrived in\n{section}")).to_owned()
    };
    let (first, other) = (arrived("1"), arrived("2"));
    assert!(first.len() > 50, "{first}");
    assert_ne!(first, other);
    assert_eq!(first, arrived("1"));
}

/// `%p` is the same number in every test, since each is the second process of its namespace.
#[test]
fn two_tests_do_not_write_their_coverage_to_one_file() {
    let fixture = model::settings();
    let run = Run::cargo_test(&fixture, &["--show-output"]).env("LLVM_PROFILE_FILE", "none/%m-%p.profraw");
    let outcome = run.end();
    let report = report::Report::of_libtest(&outcome);
    let profile = |test: &str| {
        let section = &report.sections[test];
        let profile = section.lines().find_map(|line| line.strip_prefix("profile: "));
        profile.unwrap_or_else(|| panic!("no profile in\n{section}")).to_owned()
    };
    let (one, other) = (profile("passes"), profile("passes_too"));
    assert!(one.starts_with("Some(\"none/%m-") && !one.contains("%p"), "{one}");
    assert_ne!(one, other);
}

/// A user namespace with a quota of no network namespaces stands for a machine that refuses them.
fn where_the_machine_refuses(fixture: &Fixture, arguments: &[&str]) -> Run {
    let binary = Binary::of(fixture);
    let script = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" \"$@\"";
    let unshare = ["--user", "--map-root-user", "--", "sh", "-c", script];
    Run::program("unshare", &unshare).arg(&binary.path).args(arguments).current_dir(&binary.directory)
}

#[test]
fn a_machine_that_refuses_makes_every_test_fail_with_the_remedy() {
    let says =
        ["tried:  making a network namespace", "remedy: a quota of namespaces is 0", "user.max_net_namespaces=10000"];
    let fixture = model::settings_broken(&says);
    fixture.check(&where_the_machine_refuses(&fixture, &[]).end(), Mode::Captured);
}

#[test]
fn a_machine_that_refuses_skips_tests_loudly_where_that_is_asked_for() {
    let fixture = model::settings();
    let outcome = where_the_machine_refuses(&fixture, &[]).env("NETNS_TEST_ON_UNSUPPORTED", "skip").end();
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.all());
    for says in
        ["SKIPPED settings::passes (", "SKIPPED settings::passes_too (", "skipped in this process: 2", "remedy: "]
    {
        assert!(outcome.stderr.contains(says), "no `{says}` on the real standard error\n{}", outcome.all());
    }
    assert!(!outcome.all().contains("stdout of"), "a test that was skipped has run\n{}", outcome.all());
}

#[test]
fn a_machine_that_refuses_skips_nothing_in_ci() {
    let fixture = model::settings_broken(&["remedy: ", "nothing is skipped where `CI` is set"]);
    let run = where_the_machine_refuses(&fixture, &[]).env("NETNS_TEST_ON_UNSUPPORTED", "skip").env("CI", "1");
    fixture.check(&run.end(), Mode::Captured);
}

/// File systems of its own, in which the program is covered, stand for a machine that does not have it.
fn without_nft(fixture: &Fixture) -> Run {
    let script = r#"while [ "$1" != -- ]; do mount --bind /dev/null "$1" || exit; shift; done; shift; exec "$@""#;
    let binary = Binary::of(fixture);
    let unshare = Run::program("unshare", &["--user", "--map-root-user", "--mount", "--", "sh", "-c", script, "sh"]);
    let programs = programs::all("nft");
    assert!(!programs.is_empty(), "there is no `nft` to be hidden");
    unshare.args(&programs).arg("--").arg(&binary.path).current_dir(&binary.directory)
}

#[test]
fn a_router_translates_addresses() {
    ends_as_the_model_says(&model::translating());
}

#[test]
fn a_router_that_needs_a_program_which_is_not_there_fails_with_its_package() {
    let says = [
        "could not build the lab: host router translates addresses (masquerade on `wan`), and the program `nft` is",
        "on Debian `apt install nftables`",
    ];
    let fixture = model::translating_broken(&says);
    fixture.check(&without_nft(&fixture).end(), Mode::Captured);
}

#[test]
fn a_router_that_needs_a_program_which_is_not_there_is_skipped_where_that_is_asked_for() {
    let outcome = without_nft(&model::translating()).env("NETNS_TEST_ON_UNSUPPORTED", "skip").end();
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.all());
    for says in ["SKIPPED translating::passes_if_addresses_can_be_translated (", "apt install nftables"] {
        assert!(outcome.stderr.contains(says), "no `{says}` on the real standard error\n{}", outcome.all());
    }
}

/// In a world of its own, with no other processes, users or files: whatever is there afterwards is of the tests.
#[test]
fn tests_run_inside_an_outer_unshare_and_leave_it_as_it_was() {
    const SCRIPT: &str = r#"
        look() {
            cat /proc/[0-9]*/comm
            readlink /proc/[0-9]*/ns/* | sort -u
            cat /proc/self/mountinfo /proc/net/if_inet6 /proc/net/fib_trie
            ls -l /sys/class/net
            find $places
            grep -rs . /proc/sys/net
        }
        for place in /tmp /run /dev/shm; do
            # Not over the clone itself.
            case "$0" in $place/*) continue; esac
            mount -t tmpfs tmpfs $place || exit
            places="$places $place"
        done
        mount -t sysfs sysfs /sys || exit
        before=$(look)
        "$0" --show-output
        code=$?
        after=$(look)
        echo "$before" > /run/before
        echo "$after" > /run/after
        diff /run/before /run/after && echo 'left as it was'
        exit $code"#;
    let unshare = "--user --map-root-user --net --mount --ipc --uts --pid --fork --mount-proc -- sh -c";
    let unshare: Vec<_> = unshare.split(' ').chain([SCRIPT]).collect();
    for fixture in [model::left_behind(), model::ends()] {
        let binary = Binary::of(&fixture);
        let outcome = Run::program("unshare", &unshare).arg(&binary.path).current_dir(&binary.directory).end();
        fixture.check(&outcome, Mode::Shown);
        assert!(outcome.stdout.contains("\nleft as it was\n"), "{}", outcome.all());
    }
}

/// The tests are red and green by their exit codes even if nobody can read what they print.
#[test]
fn a_run_with_closed_streams_ends_as_any_other() {
    for (fixture, code) in [(model::settings(), 0), (model::body(), 101)] {
        let binary = Binary::of(&fixture);
        let closing = Run::program("sh", &["-c", "exec \"$0\" <&- >&- 2>&-"]);
        let outcome = closing.arg(&binary.path).current_dir(&binary.directory).end();
        assert_eq!(outcome.status.code(), Some(code), "{}", fixture.name);
    }
}

#[test]
fn a_test_whose_pid_1_is_killed_fails() {
    let fixture = model::killed(&["pid 1 of the test's namespaces was killed", "SIGKILL"]);
    let run = Run::binary(&Binary::of(&fixture), &["--nocapture"]);
    let running = run.start().until_it_says("stdout of waits_with_a_daemon");
    let init = leftovers::children_of(running.id());
    assert_eq!(init.len(), 1, "a parent has one child, pid 1");
    nix::sys::signal::kill(init[0], Signal::SIGKILL).unwrap();
    let outcome = running.end();
    assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
    for says in &fixture.tests[0].says {
        assert!(outcome.stderr.contains(says), "no `{says}` in\n{}", outcome.stderr);
    }
    assert!(outcome.stderr.contains(&fixture.place("waits_with_a_daemon")), "{}", outcome.stderr);
}

/// However the parent ends, everything of its test ends with it. (An interrupt is the same, but a shell that starts this suite in
/// the background has it ignored.)
#[test]
fn a_test_whose_parent_is_killed_leaves_nothing() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let run = Run::binary(&Binary::of(&model::killed(&[])), &["--nocapture"]);
        let running = run.start().until_it_says("stdout of waits_with_a_daemon");
        running.signal(signal);
        let outcome = running.end();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&outcome.status), Some(signal as i32));
    }
}

/// A watch that never complains would prove nothing.
#[test]
fn the_watch_sees_what_stays() {
    let watch = Watch::begin();
    let mut sleep = std::process::Command::new("sleep").arg("1000").env(leftovers::MARK, watch.mark()).spawn().unwrap();
    // The environment of a new program can be read a moment after it has been started.
    let begun = Instant::now();
    let seen = |complaint: &str| complaint.contains("sleep 1000") && complaint.contains("net:[");
    while !watch.complaint(Duration::ZERO).is_some_and(|complaint| seen(&complaint)) {
        assert!(begun.elapsed() < leftovers::PATIENCE, "a process that stays is not seen");
        std::thread::sleep(run::PAUSE);
    }
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert_eq!(watch.complaint(leftovers::PATIENCE), None, "it has gone");
    let file = std::path::Path::new("/dev/shm").join(format!("netns-test-{}", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let complaint = watch.complaint(Duration::ZERO);
    std::fs::remove_file(&file).unwrap();
    assert!(complaint.is_some_and(|complaint| complaint.contains(&file.display().to_string())));
}
