//! What a test that fails leaves: files that nobody else can read, whatever becomes of the test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use netns_test_tests::programs;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::blocks::section_header::SectionHeaderOption;
use pcap_file::pcapng::{Block, PcapNgReader};

use crate::fixtures::Binary;
use crate::run::{Directory, Outcome, Run};
use crate::{ends_as_the_model_says, model};

/// The place for the evidence of several runs.
pub(crate) struct Artifacts(Directory);

impl Artifacts {
    pub(crate) fn new() -> Self {
        let directory = Directory::new();
        fs::create_dir(directory.path().join("artifacts")).unwrap();
        Self(directory)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("artifacts")
    }

    /// The directory of a test.
    pub(crate) fn of(&self, test: &str) -> PathBuf {
        self.path().join(format!("evidence.{test}@tests.fixtures"))
    }

    /// What a test has left of this name.
    #[track_caller]
    pub(crate) fn read(&self, test: &str, file: &str) -> String {
        let path = self.of(test).join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// A run of one test, with a mask that forbids nothing.
    pub(crate) fn run(&self, test: &str) -> Run {
        let binary = Binary::of(&model::evidence());
        let run = Run::program("sh", &["-c", "umask 0 && exec \"$@\"", "sh"]);
        let run = run.arg(&binary.path).args(&["--exact", test]).current_dir(&binary.directory);
        run.env("CARGO_MANIFEST_DIR", &binary.directory).env("NETNS_TEST_ARTIFACTS", self.path())
    }

    #[track_caller]
    pub(crate) fn fails(&self, test: &str) -> Outcome {
        let outcome = self.run(test).end();
        assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
        outcome
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_test_that_fails_shows_its_lab() {
    ends_as_the_model_says(&model::evidence());
}

#[test]
fn all_that_there_is_to_tell_is_in_a_file_that_nobody_else_can_read() {
    let artifacts = Artifacts::new();
    let outcome = artifacts.fails("fails_with_a_lot_to_tell");
    let directory = artifacts.of("fails_with_a_lot_to_tell");
    let text = artifacts.read("fails_with_a_lot_to_tell", "state.txt");
    for says in [
        "evidence::fails_with_a_lot_to_tell (tests/fixtures)\n  alice\n    links\n",
        "\n      eth0   up, mtu 1500, veth, 02:00:00:00:00:01 ",
        "\n      203.0.113.0/24 via 198.51.100.2 dev eth0 table 77\n",
        "\n    rules\n      100: from all fwmark 0x7 lookup 77\n",
        "\n      198.51.100.99 dev eth0 02:00:00:00:00:99 permanent\n",
        "\n      net/ipv4/conf/all/rp_filter is 1, the lab has set 0\n",
        "\n      UdpNoPorts 1\n",
        "\n    sockets\n      tcp 198.51.100.1:",
        " Listen\n",
        "\n      udp 198.51.100.2:",
        " / 198.51.100.1:9 > 198.51.100.2:",
        "\n          tcp dport 4242 counter packets ",
        " of alice: up, forwarding, ",
        " of carol: down (unplugged), disabled, ",
        ": unplug host `carol` on segment `lan`, took ",
        "\n  ended in alice: `echo these are my last words` (pid ",
        "\n    | these are my last words\n",
    ] {
        assert!(text.contains(says), "no `{says}` in\n{text}");
    }
    let where_it_is = format!(
        "\n  (all of it is in {}, the frames in {})",
        directory.join("state.txt").display(),
        directory.join("capture.pcapng").display()
    );
    assert!(outcome.stdout.contains(&where_it_is), "{}", outcome.all());
    // The lab and no more than a screen.
    let shown = outcome.stdout.split_once("\nthe lab when the test failed:\n").unwrap().1;
    let lines = shown.split_once(&where_it_is).unwrap().0.lines().count();
    assert!((10..=40).contains(&lines), "{lines} lines\n{shown}");
    assert_eq!((mode(&directory), mode(&directory.join("state.txt"))), (0o700, 0o600));
    for file in ["capture.pcapng", "report.html", "failure.txt", "../index.html"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

/// What a capture says of a frame.
struct Frame {
    interface: String,
    comment: Option<String>,
    length: u32,
    bytes: Vec<u8>,
}

impl Frame {
    /// The protocol, if it is of IPv4 without options.
    fn protocol(&self) -> Option<u8> {
        (self.bytes[12..15] == [8, 0, 0x45]).then(|| self.bytes[23])
    }
}

/// What a capture says of its interfaces, and of its frames.
fn read_capture(path: &Path) -> (Vec<String>, Vec<Frame>) {
    let mut reader = PcapNgReader::new(fs::File::open(path).unwrap()).unwrap();
    let (mut interfaces, mut frames) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        match block.unwrap() {
            Block::InterfaceDescription(interface) => {
                let name = interface.options.iter().find_map(|option| match option {
                    InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
                    _ => None,
                });
                interfaces.push(name.unwrap());
            }
            Block::EnhancedPacket(packet) => {
                let comment = packet.options.iter().find_map(|option| match option {
                    EnhancedPacketOption::Comment(comment) => Some(comment.to_string()),
                    _ => None,
                });
                let interface = interfaces[packet.interface_id as usize].clone();
                let bytes = packet.data.into_owned();
                frames.push(Frame { interface, comment, length: packet.original_len, bytes });
            }
            other => panic!("{other:?}"),
        }
    }
    (interfaces, frames)
}

/// What is said of the whole file.
fn section_comment(path: &Path) -> String {
    let reader = PcapNgReader::new(fs::File::open(path).unwrap()).unwrap();
    let comments = reader.section().options.iter().filter_map(|option| match option {
        SectionHeaderOption::Comment(comment) => Some(comment.to_string()),
        _ => None,
    });
    comments.collect()
}

#[test]
fn the_frames_are_kept_and_those_of_the_question_are_marked() {
    let artifacts = Artifacts::new();
    let outcome = artifacts.fails("fails_by_a_question");
    let told = "echo request 1 of 1: left alice:eth0 → entered bob:eth0\n";
    assert!(outcome.all().contains(told), "no `{told}` in {}", outcome.all());
    let (mut interfaces, frames) = read_capture(&artifacts.of("fails_by_a_question").join("capture.pcapng"));
    interfaces.sort();
    assert_eq!(interfaces, ["alice:eth0", "bob:eth0"]);
    let marked: Vec<_> = frames.into_iter().filter_map(|frame| Some((frame.interface, frame.comment?))).collect();
    let comment = "the question of alice to 198.51.100.2, which failed";
    assert_eq!(marked, ["alice:eth0", "bob:eth0"].map(|interface| (interface.to_owned(), comment.to_owned())));
}

/// That nothing came there is something else than that nobody has heard.
#[test]
fn a_capture_tells_of_interfaces_without_frames() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_in_a_router");
    let (mut interfaces, frames) = read_capture(&artifacts.of("fails_in_a_router").join("capture.pcapng"));
    interfaces.sort();
    let all = ["laptop:eth0", "printer:eth0", "router:eth0", "router:eth1", "router:eth2", "server:eth0"];
    assert_eq!(interfaces, all);
    assert!(!frames.iter().any(|frame| frame.interface == "printer:eth0"), "it is to be one without");
}

/// What was sent to find out why is not the question.
#[test]
fn the_frames_of_a_question_that_was_asked_once_more_are_told_from_its_own() {
    let artifacts = Artifacts::new();
    let test = "fails_by_a_rule";
    artifacts.fails(test);
    let (_, frames) = read_capture(&artifacts.of(test).join("capture.pcapng"));
    let marked: Vec<_> = frames.into_iter().filter_map(|frame| Some((frame.interface, frame.comment?))).collect();
    let question = "the question of alice to 198.51.100.2, which failed";
    let again = format!("asked once more to find out why: {question}");
    let expected = [("alice:eth0", question), ("bob:eth0", question), ("alice:eth0", &again), ("bob:eth0", &again)];
    assert_eq!(marked, expected.map(|(interface, comment)| (interface.to_owned(), comment.to_owned())));
    let page = artifacts.read(test, "report.html");
    for class in ["asks", "again"] {
        assert_eq!(page.matches(&format!("<details class=\"frame {class}")).count(), 1, "{class}");
    }
}

/// Of 64 MB in frames of 64 kB at most there are a thousand at each end.
#[test]
fn of_a_transfer_little_is_kept_and_of_the_question_all() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_after_a_transfer");
    let (_, frames) = read_capture(&artifacts.of("fails_after_a_transfer").join("capture.pcapng"));
    let long: u64 = frames.iter().filter(|frame| frame.length > 2048).map(|frame| u64::from(frame.length)).sum();
    // One of 32, by chance: 2 MB at each end, and at most four times that, but never none of a thousand frames.
    assert!((1..=4 * (4 << 20)).contains(&long), "{long} bytes of long frames");
    assert_eq!(frames.iter().filter(|frame| frame.comment.is_some()).count(), 2);
}

const TCP: u8 = 6;

/// Of a hundred bytes one by one among many segments of another connection, and of twenty when those are over.
#[test]
fn in_a_rush_little_is_kept_of_a_connection_and_afterwards_all() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_after_a_rush");
    let path = artifacts.of("fails_after_a_rush").join("capture.pcapng");
    let (_, frames) = read_capture(&path);
    let of_a_byte = |byte: u8| {
        let is_of_it =
            |frame: &&Frame| frame.protocol() == Some(TCP) && frame.bytes[17] == 53 && frame.bytes[66] == byte;
        ["alice:eth0", "bob:eth0"]
            .map(|at| frames.iter().filter(is_of_it).filter(|frame| frame.interface == at).count())
    };
    let [in_a_rush, afterwards] = [b'!', b'?'].map(of_a_byte);
    // All are there for as long as it is not known to be one.
    assert!(in_a_rush.iter().all(|some| *some < 75), "{in_a_rush:?}");
    assert_eq!(afterwards, [20, 20]);
    let opens = frames.iter().filter(|frame| frame.protocol() == Some(TCP) && frame.bytes[47] & 2 == 2).count();
    assert_eq!(opens, 12 * 4, "SYN and SYN-ACK of twelve connections, at both ends");
    let about = section_comment(&path);
    assert!(
        about.contains(
            "more than 128 segments of TCP without SYN, FIN and RST in 10ms, one of 128 of them, until no more come in 50ms"
        ),
        "{about}"
    );
}

#[test]
fn frames_are_kept_as_the_setting_says() {
    let artifacts = Artifacts::new();
    let test = "fails_by_a_question";
    let capture = || artifacts.of(test).join("capture.pcapng").exists();
    let run = |setting: &str, passes: &str| {
        let run = artifacts.run(test).env("NETNS_TEST_CAPTURE", setting).env("IT_IS_TO_PASS", passes).end();
        assert_eq!(run.status.code(), Some(if passes.is_empty() { 101 } else { 0 }), "{}", run.all());
        run
    };
    let said = run("never", "").all();
    for says in
        ["the frames nowhere: the setting `capture` is `never`", "where it died is not known: no frames were recorded"]
    {
        assert!(said.contains(says), "no `{says}` in {said}");
    }
    assert!(!capture());
    assert!(artifacts.read(test, "report.html").contains("<p class=\"note\">No frames were recorded.</p>"));
    run("on-failure", "");
    assert!(capture());
    run("on-failure", "1");
    assert!(!capture());
    run("always", "1");
    assert!(capture());
}

#[test]
fn the_last_failure_stays_until_the_test_passes() {
    let artifacts = Artifacts::new();
    let test = "fails_unless_it_is_to_pass";
    let own = artifacts.of(test).join("notes");
    artifacts.fails(test);
    artifacts.fails(test);
    artifacts.fails("fails_by_an_abort");
    assert_eq!(fs::read_dir(artifacts.of(test)).unwrap().count(), 4);
    fs::write(&own, "the user's").unwrap();
    let pass = || artifacts.run(test).env("IT_IS_TO_PASS", "1").end();
    assert_eq!(pass().status.code(), Some(0));
    assert_eq!(fs::read_dir(artifacts.of(test)).unwrap().count(), 1, "what is not the test's stays");
    fs::remove_file(&own).unwrap();
    artifacts.fails(test);
    assert!(artifacts.of(test).join("state.txt").exists());
    assert_eq!(pass().status.code(), Some(0));
    assert!(!artifacts.of(test).exists());
    assert!(artifacts.of("fails_by_an_abort").exists(), "another test's stays");
}

#[test]
fn what_is_there_is_of_the_last_run() {
    let artifacts = Artifacts::new();
    let test = "fails_unless_it_is_to_pass";
    let aborts = || artifacts.run(test).env("IT_IS_TO_ABORT", "1").end();
    artifacts.fails(test);
    assert_eq!(aborts().status.code(), Some(101));
    assert!(!artifacts.of(test).join("state.txt").exists(), "it is of the run before");
    assert!(artifacts.read(test, "failure.txt").contains("was ended by SIGABRT"));
    artifacts.fails(test);
    assert!(!artifacts.read(test, "failure.txt").contains("SIGABRT"), "it is of the run before");
}

/// Also what was written while it ran.
#[test]
fn a_test_that_passes_leaves_nothing() {
    let artifacts = Artifacts::new();
    let arguments = ["--exact", "fails_unless_it_is_to_pass"];
    let run = Run::binary(&Binary::of(&model::evidence()), &arguments).env("IT_IS_TO_PASS", "1");
    let run = run.env("IT_LEAVES", artifacts.of("fails_unless_it_is_to_pass").join("state.txt"));
    let outcome = run.env("NETNS_TEST_ARTIFACTS", artifacts.path()).end();
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.all());
    assert_eq!(fs::read_dir(artifacts.path()).unwrap().count(), 0);
}

/// What else there is to tell is the original's to tell.
#[test]
fn of_a_copy_that_panics_its_panic_is_told() {
    let arguments = ["--exact", "--nocapture", "passes_if_only_a_copy_panics"];
    let outcome = Run::binary(&Binary::of(&model::ends()), &arguments).end();
    let said = outcome.all();
    assert_eq!(outcome.status.code(), Some(0), "{said}");
    assert!(said.contains("the copy panics") && !said.contains("the lab when the test failed"), "{said}");
}

#[test]
fn a_link_that_was_planted_is_not_followed_and_is_said() {
    let artifacts = Artifacts::new();
    let test = "fails_unless_it_is_to_pass";
    let victim = artifacts.0.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("state.txt"), "the victim's").unwrap();
    let said = |path: &Path| {
        let outcome = artifacts.fails(test);
        let says =
            format!("(it is in no file: {} is a symbolic link, which is not followed: remove it;", path.display());
        assert!(outcome.stdout.contains(&says), "no `{says}` in {}", outcome.all());
        assert!(outcome.stdout.contains("\nit is to fail\n"), "{}", outcome.all());
        assert_eq!(fs::read_to_string(victim.join("state.txt")).unwrap(), "the victim's");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
    };
    symlink(&victim, artifacts.of(test)).unwrap();
    said(&artifacts.of(test));
    fs::remove_file(artifacts.of(test)).unwrap();
    fs::create_dir(artifacts.of(test)).unwrap();
    symlink(victim.join("state.txt"), artifacts.of(test).join("state.txt")).unwrap();
    said(&artifacts.of(test).join("state.txt"));
}

/// The report is written where the page over all failures cannot be, and each is told.
#[test]
fn a_link_in_the_place_of_the_page_over_all_failures_is_no_reason_to_have_no_report() {
    let artifacts = Artifacts::new();
    let test = "fails_unless_it_is_to_pass";
    let index = artifacts.path().join("index.html");
    symlink("elsewhere", &index).unwrap();
    let outcome = artifacts.fails(test);
    let report = artifacts.of(test).join("report.html");
    let is_a_link = format!("{} is a symbolic link, which is not followed: remove it", index.display());
    for says in [
        format!("\n  (walk through it in {})\n", report.display()),
        format!("\n  (the page over all failures is not of this one: {is_a_link})\n"),
    ] {
        assert!(outcome.stdout.contains(&says), "no `{says}` in {}", outcome.all());
    }
    assert!(report.exists());
}

/// A lab's `/run` ends with it.
#[test]
fn nothing_is_written_where_it_would_vanish() {
    let binary = Binary::of(&model::evidence());
    let run = Run::binary(&binary, &["--exact", "fails_unless_it_is_to_pass"]);
    let outcome = run.env("NETNS_TEST_ARTIFACTS", "/run").end();
    let says = "/run: a lab has a directory of its own there, which nobody else sees; `NETNS_TEST_ARTIFACTS` names another place)";
    assert!(outcome.stdout.contains(says), "{}", outcome.all());
}

#[test]
fn a_body_that_has_used_up_its_files_is_told_of_all_the_same() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_without_room_for_files");
    let text = artifacts.read("fails_without_room_for_files", "state.txt");
    assert!(text.contains("\n  host2\n    links\n") && !text.contains("unknown"), "{text}");
}

#[test]
fn a_test_that_is_killed_at_its_deadline_has_left_its_state() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_at_its_deadline");
    let text = artifacts.read("fails_at_its_deadline", "state.txt");
    assert!(text.contains("\n  bob\n    links\n") && !text.contains("unknown"), "{text}");
    let how = artifacts.read("fails_at_its_deadline", "failure.txt");
    assert!(how.starts_with("evidence::fails_at_its_deadline (tests/fixtures)\nit did not end within 1s ("), "{how}");
    let page = artifacts.read("fails_at_its_deadline", "report.html");
    assert!(page.contains("at its deadline the test was running the body\n"), "{page}");
}

#[test]
fn of_a_test_that_aborts_it_is_left_how_it_ended() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_by_an_abort");
    let how = "evidence::fails_by_an_abort (tests/fixtures)\nthe test's process was ended by SIGABRT before the body had returned\n";
    assert_eq!(artifacts.read("fails_by_an_abort", "failure.txt"), how);
    let directory = artifacts.of("fails_by_an_abort");
    assert_eq!((mode(&directory), mode(&directory.join("failure.txt"))), (0o700, 0o600));
}

/// An `nft` that hangs when it is to list stands for whatever hangs in a host: a directory with it, to be looked in first.
fn nft_that_hangs(artifacts: &Artifacts) -> String {
    let real = programs::all("nft").into_iter().next().expect("there is `nft`");
    let bin = artifacts.0.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!("#!/bin/sh\n[ \"$1\" != list ] || exec sleep 1000\nexec {} \"$@\"\n", real.display());
    fs::write(bin.join("nft"), script).unwrap();
    fs::set_permissions(bin.join("nft"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// What is shown, and what is in the file, where `nft` hangs.
#[track_caller]
fn where_nft_hangs(test: &str) -> Outcome {
    let artifacts = Artifacts::new();
    let outcome = artifacts.run(test).env("PATH", nft_that_hangs(&artifacts)).end();
    assert_eq!(outcome.status.code(), Some(101), "{}", outcome.all());
    for says in ["\n    firewall: unknown: not collected in time\n", "\n  bob\n    eth0   up, "] {
        assert!(outcome.stdout.contains(says), "no `{says}` in {}", outcome.all());
    }
    // Wide: it waits for two seconds, and for a thousand if it waited for the program.
    assert!(outcome.took < Duration::from_secs(20), "{}", outcome.all());
    let state = artifacts.read(test, "state.txt");
    assert!(
        state.contains("\n    firewall, as `nft list ruleset` tells it: unknown: not collected in time\n"),
        "{state}"
    );
    assert!(state.contains("\n  bob\n    links\n"), "{state}");
    let page = artifacts.read(test, "report.html");
    assert!(page.contains("<p class=\"note\">unknown: not collected in time</p>"), "{page}");
    outcome
}

#[test]
fn a_host_that_hangs_keeps_nobody_else_from_being_told_of() {
    let outcome = where_nft_hangs("fails_with_a_ruleset");
    assert!(outcome.stdout.contains("\nthere is a ruleset\n"), "{}", outcome.all());
    assert!(!outcome.stdout.contains("is broken at"), "the panic is the verdict\n{}", outcome.all());
}

/// Who waits for it from outside waits longer than it takes.
#[test]
fn a_host_that_hangs_at_the_deadline_keeps_nobody_else_from_being_told_of() {
    let outcome = where_nft_hangs("fails_at_its_deadline");
    assert!(outcome.stdout.contains("it did not end within 1s"), "{}", outcome.all());
}
