//! What becomes of every test of `netns-test-fixtures`: all of them are here, and no others.

use std::fs::File;
use std::io::ErrorKind;

use netns_test::__private::Feature;

use crate::expect::{Fixture, Test, fails, passes};

/// All that are run as they are.
pub(crate) fn all() -> Vec<Fixture> {
    vec![
        body(),
        captures(),
        cases(),
        chance(),
        deadline(),
        ends(),
        evidence(),
        expected_panics(),
        hosts(),
        ignored(),
        left_behind(),
        lib(),
        needs(),
        never_reached(),
        output(),
        placed(),
        probes(),
        settings(),
        topology(),
        translating(),
        waits(),
    ]
}

fn fixture(name: &'static str, tests: impl IntoIterator<Item = Test>) -> Fixture {
    Fixture { name, is_lib: false, tests: tests.into_iter().collect() }
}

pub(crate) fn body() -> Fixture {
    fixture(
        "body",
        [
            passes("passes_if_the_body_returns"),
            passes("passes_if_the_body_returns_ok"),
            fails("fails_if_the_body_panics")
                .says("thread 'fails_if_the_body_panics'")
                .says("\nthe body panics\n")
                .here(),
            fails("fails_if_an_async_body_panics").says("the async body panics").here(),
            fails("fails_if_a_task_of_the_body_panics").says("the task panics").says("JoinError").here(),
            fails("fails_if_the_body_returns_an_error").says("Error: invalid digit found in string").here(),
            fails("fails_if_an_async_body_returns_an_error").says("Error: the async body returns an error").here(),
            fails("fails_if_the_body_returns_an_error_of_its_own").says("Error: unlucky number 13"),
        ],
    )
}

pub(crate) fn captures() -> Fixture {
    let not_expected = "not the panic that `#[should_panic]` waits for";
    fixture(
        "captures",
        [
            fails("fails_if_there_is_a_frame")
                .says("assertion failed: no frames of segment `lan`: UDP, at port 53\n  found 1 among ")
                .says("  UDP, 10 bytes, DSCP 0\n")
                .here(),
            fails("fails_if_there_is_no_frame")
                .says("assertion failed: exactly 1 frame of host `client`: as the filter at ")
                .says("found none among ")
                .here(),
            passes("passes_if_there_is_a_frame_as_expected"),
            fails("is_broken_if_frames_are_missing")
                .says("the capture of segment `lan` is not complete: ")
                .says(not_expected)
                .here(),
            fails("fails_if_frames_are_missing")
                .says("Error: the capture of segment `lan` is not complete: ")
                .says(" more than there is room for in its budget of 1 bytes; give it more by `.budget(bytes)`")
                .here(),
            fails("is_broken_if_there_is_nothing_to_capture")
                .says("there is nothing to capture of host `alone`: it has no interface")
                .says(not_expected)
                .here(),
            fails("is_broken_if_an_error_is_ignored")
                .says("is_broken_if_an_error_is_ignored' is broken at ")
                .says("the capture of segment `lan` is not complete: "),
            fails("is_broken_by_one_frame_too_many").says(" more than there is room for in its budget of 8000 bytes"),
            fails("is_broken_if_an_interface_has_gone")
                .says("the capture of segment `lan` has lost the interface `eth0` of host `b`"),
            fails("is_broken_if_an_interface_was_away")
                .says("the capture of segment `lan` has lost the interface `eth0` of host `a`"),
            fails("is_broken_if_another_interface_has_the_index")
                .says("the capture of host `a` has lost the interface `eth0` of host `a`"),
            fails("fails_after_bulk_that_is_whole_or_an_error").says("it is known what became of all bytes"),
            fails("is_broken_if_fragments_cross_a_router")
                .says("the capture of host `client` is not certain: fragments were heard, and host `router` forwards"),
            fails("is_broken_at_a_host_that_is_not_heard")
                .says("host `server` is not heard by the capture of segment `near`, ")
                .says("those that are: `client`, `router`\n")
                .says(not_expected)
                .here(),
            fails("fails_if_there_is_no_connection")
                .says(
                    "assertion failed: exactly 1 TCP connection among the frames of host `client`\n  found none among ",
                )
                .here(),
            fails("is_broken_if_there_are_fragments_and_a_host_forwards")
                .says("the capture of segment `lan` is not certain: fragments were heard, and host `c` forwards"),
        ],
    )
}

pub(crate) fn cases() -> Fixture {
    fixture(
        "cases",
        [
            passes("two_hosts::case_1"),
            fails("two_hosts::case_2_too_many").says("3 hosts are wanted").here(),
            passes("pings::case_1_answered"),
            fails("pings::case_2_unanswered").says("assertion failed: host1 can ping 192.0.2.1").here(),
        ],
    )
}

pub(crate) fn deadline() -> Fixture {
    let killed = |name| {
        fails(name).says("it did not end within 1s (`timeout` in the attribute, time-scale 1) and was killed").here()
    };
    let asked = |name| killed(name).says("at its deadline the test was running the body\n").says("\n  thread fails_if");
    fixture(
        "deadline",
        [
            asked("fails_if_the_body_spins"),
            asked("fails_if_the_body_sleeps"),
            asked("fails_if_a_future_is_never_ready"),
            asked("fails_if_a_closure_in_a_host_sleeps")
                .says("waiting for a closure in host `alice`, started at tests/fixtures/tests/deadline.rs:"),
            asked("fails_if_a_paused_host_is_waited_for")
                .says("waiting for the end of `sleep` in host `alice`")
                .says("\n  host alice is paused, for ")
                .says("\n  stopped in alice: `sleep 1000` (pid "),
            killed("fails_if_the_process_is_stopped"),
            fails("fails_if_the_body_never_stops_printing").says("it did not end within 300ms").here(),
            asked("fails_if_an_expected_panic_does_not_come_in_time")
                .says("not the panic that `#[should_panic]` waits for"),
        ],
    )
}

pub(crate) fn ends() -> Fixture {
    let ended =
        |name, how: &str| fails(name).says(&format!("the test's process {how} before the body had returned")).here();
    fixture(
        "ends",
        [
            ended("fails_if_the_body_aborts", "was ended by SIGABRT"),
            ended("fails_if_the_body_exits_with_0", "left with exit code 0"),
            ended("fails_if_an_expected_panic_is_an_exit", "left with exit code 101")
                .says("not the panic that `#[should_panic]` waits for"),
            ended("fails_if_a_thread_exits_with_0", "left with exit code 0"),
            ended("fails_if_the_body_leaves_at_once", "left with exit code 0"),
            ended("fails_if_the_body_becomes_another_program", "left with exit code 0"),
            ended("fails_if_the_process_kills_itself", "was ended by SIGKILL"),
            fails("fails_if_the_process_dies_on_its_way_out")
                .says("the body returned, but then the test's process was ended by SIGABRT")
                .here(),
            fails("fails_if_the_process_dies_after_an_expected_panic")
                .says("the body failed, but then the test's process was ended by SIGABRT")
                .says("not the panic that `#[should_panic]` waits for")
                .here(),
            passes("passes_if_only_a_copy_panics").says("the copy panics"),
            passes("passes_if_a_copy_returns_too"),
            fails("fails_if_only_a_copy_returns").says("the original panics").here(),
            ended("fails_if_the_original_is_killed_and_a_copy_returns", "was ended by SIGKILL"),
        ],
    )
}

pub(crate) fn evidence() -> Fixture {
    let in_full = |name| fails(name).says("\n  host1\n    eth0   up, mtu 1500, ").says("\n  host2\n    eth0   up, ");
    fixture(
        "evidence",
        [
            fails("fails_with_a_lot_to_tell")
                .says("\n  alice\n    eth0   up, mtu 1500, ")
                .says("\n    route  198.51.100.0/24, ")
                .says("\n    route  203.0.113.0/24 via 198.51.100.2 dev eth0 table 77\n")
                .says("\n    rule   100: from all fwmark 0x7 lookup 77\n")
                .says("\n    lost   ")
                .says("UdpNoPorts 1")
                .says("\n    nft    tcp dport 4242 counter packets ")
                .says("\n    sysctl net/ipv4/conf/all/rp_filter is 1, the lab has set 0\n")
                .says("\n  switch lan, port ")
                .says(" of carol: down (unplugged), disabled, ")
                .says(": unplug host `carol` on segment `lan`, took ")
                .says("\n  ended in alice: `echo these are my last words`")
                .here(),
            fails("fails_unless_it_is_to_pass").says("it is to fail").says("\n  host1\n").here(),
            fails("fails_by_a_question").says("bob, which answers no echo requests").here(),
            fails("fails_by_a_rule").says("it died in bob by the nft rule `icmp type echo-request drop`").here(),
            fails("fails_after_a_transfer").says("bob, which answers no echo requests").here(),
            fails("fails_after_a_rush").says("it is over").here(),
            fails("fails_in_a_router").says("router does not forward (net.ipv4.conf.eth0.forwarding = 0)").here(),
            fails("fails_with_a_script_in_its_words")
                .says("\nError: <script>document.title='run'</script>")
                .says("it answered"),
            fails("fails_on_the_last_wire")
                .says("\n    its answer: left server:eth0 → entered router:eth1 → left router:eth0\n")
                .here(),
            fails("fails_at_length").says("&&&&").here(),
            fails("fails_by_its_own_words").says("it is too long").here(),
            fails("fails_by_an_answer_from_elsewhere").says("bob answered from 198.51.100.2:").here(),
            fails("fails_by_a_refusal").says("nobody listens on TCP port 80 of bob").here(),
            fails("fails_far_away").here(),
            fails("fails_among_many")
                .says("host20, which answers no echo requests")
                .says("\n  host1\n    eth0")
                .says("\n  host20\n    eth0")
                .says("\n  and 16 more hosts\n")
                .here(),
            in_full("fails_without_room_for_files").here(),
            fails("fails_where_nothing_can_be_opened")
                .says("\nthere will be no room\n")
                .says("\n  host1\n    unknown: Too many open files (os error 24)\n")
                .says("\n  (it is in no file: cannot write ")
                .here(),
            fails("fails_at_its_deadline")
                .says("\n  alice\n    eth0   up, mtu 1500, ")
                .says("it did not end within 1s")
                .here(),
            fails("fails_by_an_abort").says("the test's process was ended by SIGABRT").here(),
            fails("fails_with_a_ruleset").says("\nthere is a ruleset\n").says("\n  alice\n    eth0 ").here(),
        ],
    )
}

pub(crate) fn expected_panics() -> Fixture {
    let other_text = |name| {
        let fails = fails(name).says("panic did not contain expected string").says("\na wrong text\n");
        fails.says("\"the right text\"").here()
    };
    let not_asked = |name| {
        let fails = fails(name).says("could not ask whether alice cannot ping nobody");
        fails.says("there is no host `nobody`").says("not the panic that `#[should_panic]` waits for").here()
    };
    let misused =
        |name, what: &str| fails(name).says(what).says("not the panic that `#[should_panic]` waits for").here();
    fixture(
        "expected_panics",
        [
            passes("passes_if_it_panics").says("any text"),
            passes("passes_if_it_panics_with_this_text").says("the right text"),
            passes("passes_if_it_panics_with_a_formatted_text").says("the right text of number 2"),
            passes("passes_if_the_assertion_fails").says("assertion failed: alice can ping 192.0.2.1"),
            passes("passes_if_it_panics_with_a_value"),
            fails("fails_if_it_does_not_panic").says("test did not panic as expected"),
            other_text("fails_if_it_panics_with_another_text"),
            other_text("fails_if_an_async_body_panics_with_another_text"),
            fails("fails_if_a_text_is_expected_and_a_value_comes").says("expected panic with string value").here(),
            fails("fails_if_it_panics_with_a_value_unexpectedly").here(),
            not_asked("fails_if_the_question_cannot_be_asked"),
            not_asked("fails_if_the_question_cannot_be_asked_as_expected"),
            not_asked("fails_if_a_task_cannot_ask_its_question"),
            fails("fails_if_a_lab_cannot_be_built")
                .says("it is on `nowhere`, which is no segment")
                .says("not the panic that `#[should_panic]` waits for")
                .here(),
            misused("fails_if_a_task_watches_what_it_blocks", "could not watch whether it comes: "),
            misused(
                "fails_if_there_is_no_such_host",
                "\nthere is no host `bob` in this lab; there are `host1`, `host2`\n",
            ),
            misused("fails_if_there_is_no_such_segment", "\nthere is no segment `wan` in this lab; there are `lan`\n"),
            misused("fails_if_a_probe_would_wait_for_itself", "blocks the thread that the probe of `alice` runs on"),
            misused("fails_if_a_flow_would_wait_for_its_server", "blocks the thread that the probe of `bob` runs on"),
            misused("fails_if_all_would_wait_for_a_peer", "blocks the thread that the probe of `bob` runs on"),
            fails("fails_if_a_wait_cannot_ask")
                .says("target: \"bob\"")
                .says("not the panic that `#[should_panic]` waits for"),
            misused(
                "fails_if_a_lab_would_wait_for_one_of_its_hosts",
                "blocks the thread that the probe of `bob` runs on",
            ),
        ],
    )
}

pub(crate) fn hosts() -> Fixture {
    fixture(
        "hosts",
        [
            fails("fails_if_a_closure_in_a_host_panics").says("thread 'alice'").says("\nthe closure panics\n").here(),
            fails("fails_if_an_awaited_future_of_a_host_panics").says("\nthe future panics\n").says("JoinError").here(),
            passes("passes_if_a_dropped_future_of_a_host_panics").says("\nthe future panics\n").here(),
            passes("passes_if_a_detached_thread_of_a_host_panics").says("\nthe thread panics\n").here(),
            fails("fails_if_a_joined_thread_of_a_host_panics").says("\nthe thread panics\n").here(),
            fails("is_broken_if_nothing_can_run_in_a_host")
                .says("\ncannot run anything in host `alice`: Too many open files (os error 24)")
                .here(),
            fails("is_broken_if_no_other_thread_can_run_in_a_host")
                .says("\ncannot run anything in host `alice`: ")
                .here(),
        ],
    )
}

pub(crate) fn ignored() -> Fixture {
    fixture(
        "ignored",
        [
            passes("passes"),
            fails("fails_when_asked_for").says("it was asked for").here().ignored(),
            passes("passes_when_asked_for").ignored(),
            fails("fails_without_a_panic_when_asked_for").says("test did not panic as expected").ignored(),
        ],
    )
}

/// It waits to be killed, so it is not run as it is.
pub(crate) fn killed(says: &[&str]) -> Fixture {
    fixture("killed", [says.iter().fold(fails("waits_with_a_daemon").here(), |test, text| test.says(text))])
}

pub(crate) fn left_behind() -> Fixture {
    fixture(
        "left_behind",
        [
            passes("passes_with_a_daemon"),
            passes("passes_with_a_daemon_that_forked_twice"),
            passes("passes_with_a_grandchild_that_keeps_the_output_open"),
            passes("passes_with_a_program_that_will_not_be_asked_to_leave"),
            passes("passes_with_forty_two_programs_of_all_kinds"),
            passes("passes_with_a_paused_host"),
            fails("fails_with_a_paused_host").says("the body panics").here(),
            fails("fails_with_a_daemon").says("the body panics").here(),
            passes("passes_with_changes_to_its_world"),
        ],
    )
}

pub(crate) fn lib() -> Fixture {
    let tests =
        [fails("tests::fails_in_a_unit_test").says("left: \"alice\"").here(), passes("tests::passes_in_a_unit_test")];
    Fixture { is_lib: true, ..fixture("netns_test_fixtures", tests) }
}

/// What becomes of a test for each kind of need depends on the machine, so it is not run as it is. Where a skip is asked for, all of them
/// pass, but for one that this user may not ask for.
pub(crate) fn kinds() -> Fixture {
    let tun = File::options().read(true).write(true).open("/dev/net/tun");
    let tun_is_forbidden = tun.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    let test = |need: &Feature| match need {
        Feature::Tap if tun_is_forbidden => fails("tap").says(
            "cannot find out whether this machine has `tap`, which this test requires: cannot open /dev/net/tun: \
             Permission denied (os error 13)",
        ),
        _ => passes(need.name()),
    };
    fixture("kinds", Feature::ALL.iter().map(test).map(Test::says_nothing))
}

const NOT_SKIPPED: &str = "note: nothing is skipped where `CI` is set";

pub(crate) fn needs() -> Fixture {
    needs_where(fails)
}

/// The same where a skip is asked for.
pub(crate) fn needs_skipped() -> Fixture {
    needs_where(passes)
}

/// The same where one is asked for, but not given.
pub(crate) fn needs_in_ci() -> Fixture {
    needs_where(|name| fails(name).says(NOT_SKIPPED))
}

/// If this becomes of a test whose needs are not met.
fn needs_where(unmet: fn(&'static str) -> Test) -> Fixture {
    let unmet = |name, says: &[&str]| {
        let test = unmet(name).says_nothing();
        if test.passes { test } else { says.iter().fold(test.here(), |test, text| test.says(text)) }
    };
    let broken = |name| fails(name).says("is broken at").says_nothing().here();
    fixture(
        "needs",
        [
            passes("passes_if_its_needs_are_met"),
            unmet(
                "fails_if_programs_are_missing",
                &[
                    "\nthis test requires the program `netns-test-none`, which is not in PATH: install it\n",
                    "\nthis test requires the program `netns-test-none-either`, which is not in PATH: install it\n",
                ],
            ),
            unmet(
                "fails_if_the_kernel_lacks_a_protocol",
                &["\nthis test requires `sctp`, and this kernel has no such protocol: `sudo modprobe sctp`, or choose a kernel with \
                   CONFIG_IP_SCTP: cannot open an SCTP socket: Protocol not supported (os error 93)\n"],
            ),
            unmet(
                "fails_if_the_kernel_lacks_a_kind_of_namespace",
                &["\nthis test requires `time_namespace`, and this kernel has no such namespaces: boot Linux 5.6 or later (`uname -r` says \
                   which this is), or choose a kernel with CONFIG_TIME_NS: cannot make a time namespace: Invalid argument (os error 22)\n"],
            ),
            broken("is_broken_if_the_kernel_cannot_be_asked").says(
                "\ncannot find out whether this machine has `sctp`, which this test requires: cannot open an SCTP socket: \
                 Operation not permitted (os error 1)\n",
            ),
            broken("is_broken_if_nothing_can_be_asked")
                .says("\nthis test requires the program `netns-test-none`, which is not in PATH: install it\n")
                .says("\ncannot find out whether this machine has `vlan`, which this test requires: cannot open a routing socket: "),
            passes("needs_sctp").ignored(),
            passes("needs_a_time_namespace").ignored(),
            passes("needs_a_vlan_and_a_program").ignored(),
        ],
    )
}

pub(crate) fn never_reached() -> Fixture {
    let never = |name, thread: &str| {
        let fails = fails(name).says(&format!("never reached `{thread}`: it left with exit code 0"));
        fails.at("passes").says_nothing()
    };
    fixture(
        "never_reached",
        [
            passes("passes"),
            passes("does_nothing").says_nothing(),
            passes("passes_if_the_function_is_called_by_a_test").speaks_as("passes"),
            passes("passes_if_the_case_is_not_2"),
            fails("fails_if_a_later_call_fails").speaks_as("passes_if_the_case_is_not_2").here(),
            never("fails_if_the_thread_has_no_test_s_name", "no_such_test"),
            never("fails_if_the_thread_has_another_test_s_name", "does_nothing"),
        ],
    )
}

pub(crate) fn output() -> Fixture {
    let lines = (0..16_384).map(|line| format!("line {line:05} of many, up to the sixty-fourth byte, this newline:\n"));
    fixture(
        "output",
        [
            fails("fails_with_output_of_every_kind")
                .says("from a closure in a host")
                .says("from a program\n")
                .says("from a program, as an error")
                .says("from a thread")
                .here(),
            fails("fails_with_logged_programs")
                .says("[alice] one\n")
                .says("[alice] two\n")
                .says("[alice] three\n")
                .says("[alice] no end\n")
                .here(),
            fails("fails_with_bytes_that_are_no_text")
                .says("a byte \u{fffd}, half a letter \u{fffd} and a whole one \u{f6}")
                .says("at the end \u{fffd}"),
            fails("fails_with_a_megabyte").says(&lines.collect::<String>()).says("after the last line").here(),
            fails("fails_with_an_unfinished_line").says("the end of this line is missing"),
            fails("fails_after_closing_its_output").says("after closing its output").here(),
            passes("passes_after_closing_its_output"),
            fails("fails_next_to_another").says("one of two").here(),
            fails("fails_next_to_one").says("the other of two").here(),
        ],
    )
}

/// Where they are not looked at, as nobody is there.
pub(crate) fn paused_in_ci() -> Fixture {
    let in_ci = "`CI` is set, and a test that pauses would wait for ever where nobody is";
    let not_looked_at = |name| {
        fails(name)
            .here()
            .says(&format!("note: no pause, though `NETNS_TEST_PAUSE` in the environment asks for one: {in_ci}"))
    };
    fixture(
        "paused",
        [
            not_looked_at("fails_and_is_looked_at").says("it is looked at"),
            not_looked_at("fails_with_an_error_and_is_looked_at").says("an error to be looked at"),
            not_looked_at("fails_at_its_deadline_and_is_looked_at").says("it did not end within 1s"),
            passes("passes_if_it_panics"),
            fails("pauses_by_its_own_word")
                .here()
                .says(&format!("could not pause the test: {in_ci}; remove this call")),
        ],
    )
}

pub(crate) fn placed() -> Fixture {
    let in_the_file = |name| fails(name).says("in a file of another name").at("fails_in_a_file_of_another_name");
    fixture(
        "placed",
        [
            fails("nested::deeper::fails_in_a_nested_module").says("\nnested\n").here(),
            passes("nested::deeper::passes_in_a_nested_module"),
            in_the_file("another_name::fails_in_a_file_of_another_name"),
            passes("another_name::r#while").speaks_as("another_name::while"),
            in_the_file("r#type::fails_in_a_file_of_another_name"),
            passes("r#type::r#while").speaks_as("r#type::while"),
        ],
    )
}

/// Probes of a network that is not well, or was not.
fn faults() -> Vec<Test> {
    vec![
        fails("fails_in_bad_weather")
            .says("assertion failed: alice can ping bob")
            .says("\n  segment lan is relayed, seed 0: ")
            .says("\n    delay 1ms: ")
            .says("\n    loss 100%, from alice: ")
            .says("\n    decided about at tests/fixtures/tests/probes.rs:")
            .says(" duplicated; ended ")
            .says("\n  timeline\n    1ms: tests/fixtures/tests/probes.rs:")
            .says("\n    3600s: tests/fixtures/tests/probes.rs:")
            .says(", not reached\n")
            .here(),
        fails("fails_in_a_flood")
            .says("it is full")
            .says(" came too fast, ")
            .says(" found no room while under way")
            .here(),
        fails("fails_with_a_host_that_was_paused")
            .says("assertion failed: alice cannot ping bob")
            .says("\n  host alice was paused for ")
            .says("\n  host bob was paused for ")
            .says("\n  running in alice: `sleep 1000` (pid ")
            .here(),
        fails("is_broken_if_a_paused_host_does_not_go_on")
            .says("is broken at")
            .says("\ncould not continue the programs of host `alice`: cannot signal `sleep 1000` (pid ")
            .says("): Operation not permitted (os error 1)\n")
            .says("\n  stopped in alice: `sleep 1000` (pid "),
        fails("is_broken_if_a_host_cannot_be_paused")
            .says("could not pause host `alice`: cannot signal `sleep 1000` (pid ")
            .says("\n  running in alice: `sleep 1000` (pid ")
            .here(),
        fails("fails_with_a_clock_that_was_skewed")
            .says("\n  host alice started programs with a clock 200ms ahead, until ")
            .here(),
        passes("passes_if_a_kernel_without_time_namespaces_is_told_from_one_that_fails"),
        fails("is_broken_if_what_decides_about_frames_panics")
            .says("what is this")
            .says("the relay of segment `lan` has failed: what decides about a frame has panicked: what is this"),
        fails("is_broken_if_what_was_to_happen_fails")
            .says("\n    1ms: unplug host `bob` on segment `lan`, tests/fixtures/tests/probes.rs:")
            .says("what was to happen at 1ms (tests/fixtures/tests/probes.rs:")
            .says(" failed: host `bob` has no cable of its own on segment `lan`: "),
        fails("is_broken_if_a_guard_of_what_happens_panics")
            .says("what has happened at tests/fixtures/tests/probes.rs:")
            .says(" could not be undone: it has panicked: ")
            .says("what was checked"),
        fails("is_broken_if_a_guard_of_the_last_time_panics")
            .says("what was to happen at ")
            .says(" failed: it has panicked: ")
            .says("what was checked"),
        fails("is_broken_if_what_happens_panics")
            .says("what was to happen at 1ms (tests/fixtures/tests/probes.rs:")
            .says(" failed: it has panicked: ")
            .says("what is this"),
    ]
}

pub(crate) fn probes() -> Fixture {
    let unanswered = |name| {
        let fails = fails(name).says("assertion failed: alice can ping 198.51.100.77");
        fails.says("no answer from 198.51.100.77: ").says("\nthe lab when the test failed:\n  alice\n").here()
    };
    let not_asked = |name, why: &str| fails(name).says("could not ask whether alice cannot ping").says(why).here();
    fixture(
        "probes",
        [
            unanswered("fails_if_nobody_answers"),
            unanswered("fails_if_nobody_answers_who_waits"),
            fails("fails_if_there_is_no_way")
                .says("assertion failed: alice can ping 192.0.2.1")
                .says("no route to")
                .here(),
            fails("fails_if_somebody_answers")
                .says("assertion failed: alice cannot ping bob")
                .says("it answered: ")
                .here(),
            fails("fails_if_somebody_answers_who_waits")
                .says("assertion failed: alice cannot ping 2001:db8::2")
                .says("it answered: ")
                .here(),
            passes("passes_if_nobody_answers"),
            not_asked(
                "is_broken_if_nobody_has_the_name",
                "there is no host `bobby` in the lab; there are `alice`, `bob`",
            ),
            not_asked("is_broken_if_the_target_has_no_address", "bob has no address"),
            not_asked("is_broken_if_the_source_is_nobody_s", "could not send from 203.0.113.7: "),
            not_asked("is_broken_if_there_is_no_socket", "could not open a raw ICMP socket: Too many open files"),
            not_asked("is_broken_if_there_is_no_thread", "could not run anything in host `alice`: ")
                .says("Too many open files")
                .says("\n  bob\n    eth0   up, "),
            not_asked("is_broken_if_the_request_cannot_be_sent", "could not send 65535 bytes to 198.51.100.2: "),
            fails("fails_if_nobody_listens")
                .says("assertion failed: alice reaches bob, TCP port 80")
                .says("the last word is: TCP to 198.51.100.2:80 is refused")
                .here(),
            fails("fails_if_somebody_listens")
                .says("assertion failed: alice does not reach bob, TCP port 80")
                .says("198.51.100.2:80 answered 198.51.100.1:")
                .here(),
            fails("fails_if_a_flow_is_alive")
                .says("assertion failed: the TCP flow from alice (198.51.100.1:")
                .says(" is cut\n  an answer came after ")
                .here(),
            fails("is_broken_if_the_server_is_busy")
                .says("could not ask whether the UDP flow from alice (198.51.100.1:")
                .says("does not work: the runtime of host `bob` is busy with something else")
                .here(),
            fails("fails_if_it_does_not_come")
                .says("assertion failed: eventually a number")
                .says(": invalid digit found in string")
                .here(),
            passes("passes_if_a_kernel_that_cannot_be_asked_is_told_from_one_that_fails"),
            fails("fails_if_it_comes").says("assertion failed: never within 200ms a number").says(": 7").here(),
            fails("is_broken_if_what_is_watched_stands_still").says("could not watch whether a number: ").here(),
        ]
        .into_iter()
        .chain(faults()),
    )
}

pub(crate) fn chance() -> Fixture {
    fixture("chance", [passes("passes_and_tells_what_arrived")])
}

pub(crate) fn settings() -> Fixture {
    fixture("settings", [passes("passes"), passes("passes_too")])
}

/// The same where no test can run.
pub(crate) fn settings_broken(says: &[&str]) -> Fixture {
    let broken = |name| says.iter().fold(fails(name).says("is broken at").says_nothing(), |test, text| test.says(text));
    fixture("settings", [broken("passes").here(), broken("passes_too")])
}

pub(crate) fn topology() -> Fixture {
    let not_there = |name, what: &str| {
        let broken = fails(name).says(what).says("is broken: it could not do or ask what it wanted to");
        broken.says_nothing()
    };
    let makes_no_sense = |name, what: &str| {
        fails(name).says("the network cannot be built as it is described:\n").says(what).says_nothing()
    };
    let none = "this test requires the program `netns-test-none`, which is not in PATH: install it\n";
    let none_either = "this test requires the program `netns-test-none-either`, which is not in PATH: install it\n";
    fixture(
        "topology",
        [
            passes("passes_if_the_network_is_there"),
            passes("passes_if_the_parameters_are_there"),
            not_there(
                "is_broken_if_a_host_is_missing",
                "\nthere is no host `middle` in this lab; there are `left`, `right`\n",
            )
            .here(),
            not_there(
                "is_broken_if_a_segment_is_missing",
                "\nthere is no segment `wan` in this lab; there are `lan`\n",
            )
            .here(),
            not_there(
                "is_broken_if_a_panic_is_expected_and_a_host_is_missing",
                "there is no host `middle` in this lab",
            )
            .says("not the panic that `#[should_panic]` waits for"),
            makes_no_sense("is_broken_if_there_are_no_hosts", "a test network needs at least one host\n"),
            passes("passes_if_there_are_to_be_no_hosts"),
            passes("passes_if_an_array_is_not_too_long"),
            makes_no_sense(
                "is_broken_if_an_array_is_too_long",
                "`10.0.0.0/29` has addresses for 6 hosts, 7 are on it\n",
            )
            .here(),
            makes_no_sense("is_broken_if_a_nested_topology_does_not_fit", "`right` has no segment `uplink`\n").here(),
            fails("fails_if_its_topology_s_needs_are_not_met").says(none).says(none_either).says_nothing().here(),
            fails("fails_if_the_needs_of_the_option_s_topology_are_not_met").says(none).says_nothing().here(),
        ],
    )
}

pub(crate) fn translating() -> Fixture {
    fixture("translating", [passes("passes_if_addresses_can_be_translated")])
}

/// The same where addresses cannot be translated.
pub(crate) fn translating_broken(says: &[&str]) -> Fixture {
    let broken = fails("passes_if_addresses_can_be_translated").says("is broken at").says_nothing().here();
    fixture("translating", [says.iter().fold(broken, |test, text| test.says(text))])
}

pub(crate) fn waits() -> Fixture {
    fixture("waits", [passes("passes_if_every_wait_is_stretched")])
}
