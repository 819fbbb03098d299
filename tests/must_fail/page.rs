//! The pages that failed tests leave, in a real browser: Debian's Chromium, without a window.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::mkdtemp;

use crate::evidence::Artifacts;
use crate::run::Run;

/// What a browser makes of a page.
struct Shown {
    /// The document, after its scripts have run.
    document: String,
    /// What its console has.
    console: Vec<String>,
}

/// A directory for a browser, with a name so short that there is room for a socket's path in it (unix(7)).
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        Self(mkdtemp(&std::env::temp_dir().join("XXXXXX")).unwrap())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Opens a file and waits until it is shown.
#[track_caller]
fn show(path: &Path) -> Shown {
    const ARGUMENTS: [&str; 6] =
        ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr", "--dump-dom"];
    let home = Home::new();
    let at = home.0.display();
    // It leaves temporary files.
    let run = Run::program("env", &[format!("TMPDIR={at}"), format!("HOME={at}"), "chromium".to_owned()]);
    let run = run.args(&ARGUMENTS).arg(format!("--user-data-dir={at}")).arg(format!("file://{}", path.display()));
    let outcome = run.env("XDG_CONFIG_HOME", &home.0).env("XDG_CACHE_HOME", &home.0).end();
    assert!(outcome.status.success() && !outcome.stdout.is_empty(), "{}", outcome.all());
    let console = outcome.stderr.lines().filter(|line| line.contains(":CONSOLE:"));
    Shown { console: console.map(str::to_owned).collect(), document: outcome.stdout }
}

impl Shown {
    #[track_caller]
    fn is_silent(&self) {
        assert!(self.console.is_empty(), "{:#?}", self.console);
    }

    #[track_caller]
    fn has(&self, text: &str) {
        assert!(self.document.contains(text), "no `{text}` in\n{}", self.document);
    }

    fn count(&self, text: &str) -> usize {
        self.document.matches(text).count()
    }
}

/// A page of a test that has failed, after a script of this suite has run in it, which its own policy would not let.
#[track_caller]
fn show_after(artifacts: &Artifacts, test: &str, script: &str) -> Shown {
    let page = artifacts.read(test, "report.html");
    let (before, policy) = page.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let after = policy.split_once('>').unwrap().1;
    let copy = artifacts.path().join("copy.html");
    fs::write(&copy, format!("{before}{after}<script>{script}</script>")).unwrap();
    show(&copy)
}

/// Without that, a page without complaints would say nothing.
#[test]
fn what_a_page_complains_of_is_heard() {
    let artifacts = Artifacts::new();
    artifacts.fails("fails_unless_it_is_to_pass");
    let shown = show_after(&artifacts, "fails_unless_it_is_to_pass", "there_is_no_such_function()");
    assert_eq!(shown.console.len(), 1, "{:#?}", shown.console);
    assert!(shown.console[0].contains("there_is_no_such_function is not defined"), "{:#?}", shown.console);
}

#[test]
fn the_page_shows_the_way_and_where_it_ended() {
    let artifacts = Artifacts::new();
    let test = "fails_in_a_router";
    let outcome = artifacts.fails(test);
    let path = artifacts.of(test).join("report.html");
    assert!(outcome.stdout.contains(&format!("(walk through it in {})", path.display())), "{}", outcome.all());
    let shown = show(&path);
    shown.is_silent();
    shown.has("<title>evidence::fails_in_a_router (tests/fixtures) – netns-test</title>");
    shown.has("assertion failed: laptop can ping server\n");
    shown.has("\n  at tests/fixtures/tests/evidence.rs:");
    // The drawing, the way in it, and the host in which it ended, which is the only one.
    shown.has("class=\"netns-picture marked\"");
    let wires: Vec<_> =
        shown.document.split("<path class=\"wire ").skip(1).map(|wire| wire.split('>').next().unwrap()).collect();
    assert_eq!(wires.len(), 6);
    let on_the_way: Vec<&str> = wires.into_iter().filter(|wire| wire.contains(" way\"")).collect();
    assert_eq!(on_the_way.len(), 2, "{on_the_way:?}");
    for (host, step) in [("laptop", 1), ("router", 2)] {
        let place = format!("data-host=\"{host}\" data-interface=\"eth0\"");
        let wire = on_the_way.iter().find(|wire| wire.contains(&place));
        assert!(wire.is_some_and(|wire| wire.contains(&format!("data-steps=\"{step}\""))), "{on_the_way:?}");
    }
    shown.has("<g class=\"host router death\" data-host=\"router\">");
    assert_eq!(shown.count(" death\""), 1);
    // Its frames.
    assert_eq!(shown.count("<details class=\"frame asks\""), 1);
    shown.has("data-places=\"laptop eth0\nrouter eth0\"");
    let at = |what: &str| -> f64 {
        let (_, after) = shown.document.split_once(&format!("<p>{what} at +")).unwrap_or_else(|| panic!("no `{what}`"));
        after.split_once(" s</p>").unwrap().0.parse().unwrap()
    };
    assert!(at("left laptop:eth0") <= at("entered router:eth0"), "{}", shown.document);
    shown.has("echo request 0, 192.0.2.2 → 203.0.113.2, ttl 64, 84 bytes");
    shown.has("router does not forward (net.ipv4.conf.eth0.forwarding = 0)</span>");
    // What happened, in the order of time.
    let order = [
        "the lab was made",
        "laptop: `echo the way is open` said: the way is open",
        "impair segment `wan`: delay 5ms",
        "laptop asked 203.0.113.2 for an echo</td>",
        "laptop asked 203.0.113.2 for an echo, and got no answer</td>",
        "<td class=\"what\">assertion failed: laptop can ping server</td>",
    ];
    let at: Vec<_> =
        order.iter().map(|event| shown.document.find(event).unwrap_or_else(|| panic!("no `{event}`"))).collect();
    assert!(at.is_sorted(), "{at:?}");
    // The state of each host: of those open that had to do with it.
    for host in ["laptop", "router", "server"] {
        shown.has(&format!("<details class=\"host\" open=\"\"><summary>{host}</summary>"));
    }
}

#[test]
fn a_packet_is_followed_there_and_back_to_the_wire_that_it_died_on() {
    let artifacts = Artifacts::new();
    let test = "fails_on_the_last_wire";
    artifacts.fails(test);
    let shown = show(&artifacts.of(test).join("report.html"));
    shown.is_silent();
    shown.has("<g class=\"segment hue-0 death\" data-segment=\"lan\">");
    assert_eq!(shown.count(" death\""), 1);
    let frames: Vec<_> = shown.document.split("<details class=\"frame ").skip(1).collect();
    let frames: Vec<_> = frames.iter().filter(|frame| !frame.starts_with("neighbour")).collect();
    let ways = [
        "asks\" data-places=\"laptop eth0\nrouter eth0\"",
        "asks\" data-places=\"router eth1\nserver eth0\"",
        "answers\" data-places=\"server eth0\nrouter eth1\"",
        "answers lost\" data-places=\"router eth0\"",
    ];
    assert_eq!(frames.len(), ways.len(), "{frames:#?}");
    for (frame, way) in frames.iter().zip(ways) {
        assert!(frame.starts_with(way), "{frame}");
    }
    assert!(frames[3].contains("<span class=\"fate\">not seen again</span>"), "{}", frames[3]);
    // Its way in the drawing: there, and back by the same interfaces.
    for steps in ["1", "2 6", "3 5", "4"] {
        shown.has(&format!(" data-steps=\"{steps}\""));
    }
}

/// Whoever refuses is where it ended, and not who was refused.
#[test]
fn a_refusal_is_marked_where_it_comes_from() {
    let artifacts = Artifacts::new();
    let test = "fails_by_a_refusal";
    artifacts.fails(test);
    let shown = show(&artifacts.of(test).join("report.html"));
    shown.is_silent();
    shown.has("alice asked 198.51.100.2 for TCP port 80, and was refused</h3>");
    shown.has("<g class=\"host death\" data-host=\"bob\">");
    assert_eq!(shown.count(" death\""), 1);
    let (asks, answers) =
        (shown.count("<details class=\"frame asks\""), shown.count("<details class=\"frame answers\""));
    assert!(asks > 0 && asks == answers, "{asks} questions, {answers} answers");
}

/// Whoever does not take it refuses the answer, and not the question.
#[test]
fn an_answer_from_elsewhere_is_marked_where_it_comes_from() {
    let artifacts = Artifacts::new();
    let test = "fails_by_an_answer_from_elsewhere";
    artifacts.fails(test);
    let shown = show(&artifacts.of(test).join("report.html"));
    shown.is_silent();
    shown.has("<g class=\"host death\" data-host=\"bob\">");
    shown.has(", and got no answer</h3>");
    assert_eq!(shown.count(" death\""), 1);
}

/// Whatever is said: a sign of HTML is five times as long where it is text.
#[test]
fn a_page_has_bounds() {
    let artifacts = Artifacts::new();
    let test = "fails_at_length";
    artifacts.fails(test);
    for page in [artifacts.of(test).join("report.html"), artifacts.path().join("index.html")] {
        let length = fs::metadata(&page).unwrap().len();
        assert!(length < 400_000, "{} is {length} bytes long", page.display());
    }
    let shown = show(&artifacts.of(test).join("report.html"));
    shown.is_silent();
    shown.has("All of it is in <a href=\"failure.txt\">failure.txt</a>.");
}

#[test]
fn without_a_question_the_last_frames_are_there() {
    let artifacts = Artifacts::new();
    let test = "fails_by_its_own_words";
    artifacts.fails(test);
    let shown = show(&artifacts.of(test).join("report.html"));
    shown.is_silent();
    shown.has("<h3>The last frames</h3>");
    let frame = shown.document.rsplit("<details class=\"frame other").next().unwrap();
    assert!(frame.starts_with("\" data-places=\"alice eth0\nbob eth0\""), "{frame}");
    assert!(frame.contains("  st word\n"), "{frame}");
}

/// What is under way at the same time may look the same.
#[test]
fn what_is_sent_again_is_no_loss() {
    let artifacts = Artifacts::new();
    let test = "fails_far_away";
    artifacts.fails(test);
    let shown = show(&artifacts.of(test).join("report.html"));
    let asks = |frame: &&str| frame.contains("who has 198.51.100.2? asks 198.51.100.1");
    let frames: Vec<_> = shown.document.split("<details class=\"frame neighbour").filter(asks).collect();
    assert!(frames.len() >= 2, "{}", shown.document);
    // The last was under way.
    for frame in &frames[..2] {
        assert!(frame.starts_with("\" data-places=\"host1 eth0\nhost2 eth0\""), "{frame}");
    }
}

/// A broadcast is heard by all, and only some have a lane.
#[test]
fn of_many_hosts_those_have_a_lane_that_had_to_do_with_it() {
    let artifacts = Artifacts::new();
    let test = "fails_among_many";
    artifacts.fails(test);
    let shown = show(&artifacts.of(test).join("report.html"));
    shown.is_silent();
    let lanes = shown.document.split_once("<span class=\"names\">").unwrap().1.split_once("</span></span>").unwrap().0;
    assert!(lanes.starts_with("<span class=\"lane\">host1</span>"), "{lanes}");
    assert!(lanes.ends_with("<span class=\"lane\">host20"), "{lanes}");
    shown.has(" more hosts have seen some of it, and have no lane here.");
    assert_eq!(shown.count("<details class=\"host\" open=\"\"><summary>host"), 2);
}

#[test]
fn what_packets_programs_and_errors_say_stays_text() {
    let artifacts = Artifacts::new();
    let test = "fails_with_a_script_in_its_words";
    artifacts.fails(test);
    for page in [artifacts.of(test).join("report.html"), artifacts.path().join("index.html")] {
        let shown = show(&page);
        shown.is_silent();
        assert!(!shown.document.contains("<title>run"), "it was run\n{}", shown.document);
        assert_eq!((shown.count("<script"), shown.count("<img")), (1, 0), "{}", shown.document);
        shown.has("&lt;script&gt;document.title='run'&lt;/script&gt;");
    }
    let shown = show(&artifacts.of(test).join("report.html"));
    // By the program, by the error, and in the bytes of the packet.
    shown.has(" said: &lt;script&gt;document.title='run'&lt;/script&gt;&lt;img src=x onerror=");
    shown.has("<pre class=\"said\">&lt;script&gt;document.title='run'");
    shown.has("  &lt;script&gt;document\n");
    shown.has("alice asked 198.51.100.2 for UDP port ");
}

#[test]
fn one_can_walk_through_it_by_keys() {
    let artifacts = Artifacts::new();
    let test = "fails_on_the_last_wire";
    artifacts.fails(test);
    let script = "
        const says = (what) => document.body.append(`[${what}]`);
        const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const here = () => frames.findIndex((frame) => frame.querySelector('summary') === document.activeElement);
        const lit = () => [...document.querySelectorAll('.lit')].map((wire) => wire.dataset.host).join('+');
        says('before: ' + here() + lit());
        press('j'); says('j: ' + here() + ' ' + lit());
        document.activeElement.click(); says('Enter: ' + frames[0].open);
        press('j'); says('j j: ' + here() + ' ' + lit());
        press('k'); says('j j k: ' + here() + ' ' + lit());
        press('k'); says('k at the first: ' + here());
        press('t'); says('t: ' + document.documentElement.dataset.theme);
        press('t'); says('t again: ' + document.documentElement.dataset.theme);
        document.getElementById('theme').click(); says('by the button: ' + document.documentElement.dataset.theme);
        press('4');
        const there = scrollY;
        says('4: ' + (there > 0));
        press('1');
        says('1: ' + (scrollY < there));
    ";
    let shown = show_after(&artifacts, test, script);
    shown.is_silent();
    for says in [
        "[before: -1]",
        "[j: 0 laptop+router]",
        "[Enter: true]",
        "[j j: 1 router+server]",
        "[j j k: 0 laptop+router]",
        "[k at the first: 0]",
        "[t: dark]",
        "[t again: light]",
        "[by the button: dark]",
        "[4: true]",
        "[1: true]",
    ] {
        assert!(shown.document.contains(says), "no `{says}` in {}", shown.document.rsplit("</script>").next().unwrap());
    }
}

#[test]
fn all_failures_are_on_one_page_until_they_pass() {
    let artifacts = Artifacts::new();
    let index = artifacts.path().join("index.html");
    artifacts.fails("fails_in_a_router");
    artifacts.fails("fails_by_an_abort");
    artifacts.fails("fails_unless_it_is_to_pass");
    let shown = show(&index);
    shown.is_silent();
    let order = [
        "<h1>3 failed tests</h1>",
        "<h2><a href=\"evidence.fails_unless_it_is_to_pass%40tests.fixtures/report.html\">evidence::fails_unless_it_is_to_pass (tests/fixtures)</a></h2>",
        "<pre class=\"said\">it is to fail\n  at tests/fixtures/tests/evidence.rs:",
        "<h2>evidence::fails_by_an_abort (tests/fixtures)</h2>",
        "<a href=\"evidence.fails_by_an_abort%40tests.fixtures/failure.txt\">failure.txt</a>",
        "<pre class=\"said\">the test's process was ended by SIGABRT before the body had returned</pre>",
        "<h2><a href=\"evidence.fails_in_a_router%40tests.fixtures/report.html\">evidence::fails_in_a_router (tests/fixtures)</a></h2>",
        "<a href=\"evidence.fails_in_a_router%40tests.fixtures/capture.pcapng\">capture.pcapng</a>",
        "<pre class=\"said\">assertion failed: laptop can ping server\n",
    ];
    let at: Vec<_> = order
        .iter()
        .map(|text| shown.document.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{}", shown.document)))
        .collect();
    assert!(at.is_sorted(), "{at:?}\n{}", shown.document);
    let pass = artifacts.run("fails_unless_it_is_to_pass").env("IT_IS_TO_PASS", "1").end();
    assert!(pass.status.success(), "{}", pass.all());
    let listed = fs::read_to_string(&index).unwrap();
    assert!(listed.contains("<h1>2 failed tests</h1>") && !listed.contains("fails_unless_it_is_to_pass"), "{listed}");
}
