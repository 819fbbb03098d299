//! A run of fixtures: started, watched, brought to an end in time, and nothing of it left.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::expect::Fixture;
use crate::fixtures::{self, Binary, PACKAGE};
use crate::leftovers::{self, Watch};

/// Far more than any run takes: one that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// The pause between two looks at something that tells nobody when it changes.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// A run to be.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    directory: Directory,
}

/// A run that is under way.
#[derive(Debug)]
pub(crate) struct Running {
    id: Pid,
    begun: Instant,
    ended: Receiver<ExitStatus>,
    has_ended: bool,
    directory: Directory,
    watch: Watch,
}

/// A test of this suite that fails leaves nothing running.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = killpg(self.id, Signal::SIGKILL);
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// nextest's report.
    pub(crate) junit: Option<String>,
}

impl Outcome {
    /// All that was printed.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}\n({} after {:?})", self.stdout, self.stderr, self.status, self.took)
    }
}

/// A run's own directory, or several runs', removed with it.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let mark = leftovers::fresh_mark();
        let path = std::env::temp_dir().join(format!("{}{mark}", leftovers::OURS_IN_TEMP));
        std::fs::create_dir_all(path.join("tmp")).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.0.join(name)).unwrap_or_default()).into_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Run {
    /// `cargo test --test NAME -- ARGUMENTS`.
    pub(crate) fn cargo_test(fixture: &Fixture, arguments: &[&str]) -> Self {
        let binary = Binary::of(fixture);
        if fixtures::without_cargo() {
            return Self::binary(&binary, arguments);
        }
        let run = Self::program(env!("CARGO"), &["test", "--package", PACKAGE]);
        run.args(&fixtures::targets(std::slice::from_ref(fixture))).arg("--").args(arguments)
    }

    /// `cargo nextest run` of all these fixtures.
    pub(crate) fn nextest(fixtures: &[Fixture]) -> Self {
        assert!(!fixtures::without_cargo(), "nextest needs cargo");
        let run = Self::program(env!("CARGO"), &["nextest", "run", "--package", PACKAGE]);
        let config = run.directory().join("nextest.toml");
        let report = run.directory().join("junit.xml");
        let profile = format!(
            "[profile.must-fail]\nfail-fast = false\n[profile.must-fail.junit]\npath = {:?}\nstore-success-output = true\n",
            report.display().to_string()
        );
        std::fs::write(&config, profile).unwrap();
        let run = run.args(&fixtures::targets(fixtures)).args(&["--profile", "must-fail", "--config-file"]);
        run.arg(&config)
    }

    /// A test binary, run as cargo does it.
    pub(crate) fn binary(binary: &Binary, arguments: &[&str]) -> Self {
        let run = Self::program(&binary.path, arguments).current_dir(&binary.directory);
        run.env("CARGO_MANIFEST_DIR", &binary.directory)
    }

    /// Any program.
    pub(crate) fn program<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[S]) -> Self {
        let mut command = Command::new(program);
        clean_environment(&mut command);
        let run = Self { command, directory: Directory::new() };
        run.args(arguments)
    }

    /// The run's own directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory.0
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: &[S]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn current_dir(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Starts it. Its output goes to files: whoever keeps them open keeps nobody waiting.
    pub(crate) fn start(mut self) -> Running {
        let file = |name| Stdio::from(File::create(self.directory.0.join(name)).unwrap());
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        let watch = Watch::begin();
        self.command.env(leftovers::MARK, watch.mark()).env("TMPDIR", self.directory.0.join("tmp"));
        self.command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
        let program = self.command.get_program().to_owned();
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let (tell, ended) = channel();
        std::thread::spawn(move || tell.send(child.wait().unwrap()));
        Running { id, begun: Instant::now(), ended, has_ended: false, directory: self.directory, watch }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn end(self) -> Outcome {
        self.start().end()
    }
}

impl Running {
    pub(crate) fn id(&self) -> Pid {
        self.id
    }

    /// Waits until this has been printed.
    #[track_caller]
    pub(crate) fn until_it_says(self, text: &str) -> Self {
        self.until("stdout", text, 1);
        self
    }

    /// Waits until one of its streams has so often been told this. Answers with all that was told there.
    #[track_caller]
    pub(crate) fn until(&self, stream: &str, text: &str, times: usize) -> String {
        loop {
            let told = self.directory.read(stream);
            if told.matches(text).count() >= times {
                return told;
            }
            let early = self.ended.recv_timeout(PAUSE);
            assert!(
                early == Err(RecvTimeoutError::Timeout) && self.begun.elapsed() < DEADLINE,
                "it does not say `{text}`: {early:?}\n{}\n{}",
                self.directory.read("stdout"),
                self.directory.read("stderr")
            );
        }
    }

    /// Sends it a signal. To be called before its end only.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.id, signal).unwrap();
    }

    /// Waits for its end, and for everything of it to be gone.
    #[track_caller]
    pub(crate) fn end(mut self) -> Outcome {
        let status = self.ended.recv_timeout(DEADLINE).unwrap_or_else(|_| {
            let (stdout, stderr) = (self.directory.read("stdout"), self.directory.read("stderr"));
            panic!("it has not ended after {DEADLINE:?}\n{stdout}\n{stderr}")
        });
        self.has_ended = true;
        let took = self.begun.elapsed();
        let (stdout, stderr) = (self.directory.read("stdout"), self.directory.read("stderr"));
        if let Some(complaint) = self.watch.complaint(leftovers::PATIENCE) {
            panic!("it has left something:\n{complaint}\nand had said\n{stdout}\n{stderr}");
        }
        let temporary: Vec<_> = std::fs::read_dir(self.directory.0.join("tmp")).unwrap().flatten().collect();
        assert!(temporary.is_empty(), "temporary files are left: {temporary:?}");
        let junit = std::fs::read_to_string(self.directory.0.join("junit.xml")).ok();
        Outcome { status, took, stdout, stderr, junit }
    }
}

/// Removes what this process was told about its own tests.
pub(crate) fn clean_environment(command: &mut Command) {
    const PREFIXES: [&str; 3] = ["NETNS_TEST_", "NEXTEST", "RUST_TEST_"];
    const NAMES: [&str; 7] = [
        "CI",
        "CARGO_TERM_QUIET",
        "CARGO_TERM_VERBOSE",
        "RUST_BACKTRACE",
        "RUST_LIB_BACKTRACE",
        "TMPDIR",
        "__RUST_TEST_INVOKE",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        // A runner, as one that changes the user, has done its work on this process.
        let runner = text.starts_with("CARGO_TARGET_") && text.ends_with("_RUNNER");
        if runner || NAMES.contains(&&*text) || PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.env("CARGO_TERM_COLOR", "never");
}
