//! What a lab was like when its test failed: collected before anything is taken down, shown, and written to files.
//!
//! Whatever happens here, the verdict stands: it takes its time and no more, and a panic in here stays in here.

mod capture;
mod files;
mod state;

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use files::{Artifact, Folder};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::__private::TestSpec;
use crate::Lab;
use crate::error::say;
use crate::harness::test_name;
use crate::program;
use crate::settings::Settings;

/// How long it may take to collect all that there is, before `time-scale`. Who waits for that from outside waits longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How many hosts are shown; the file has all of them.
const SHOWN: usize = 4;

/// What is left of a test that fails.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// The test's path, its crate's name first.
    test: String,
    folder: Folder,
    patience: Duration,
    /// Whether the lab has been shown; held meanwhile. At its deadline a test may just be failing.
    shown: Arc<Mutex<bool>>,
}

impl Evidence {
    /// That of the test whose thread this is: libtest has named it after the test.
    pub(crate) fn of(spec: &TestSpec, settings: &Settings) -> Self {
        let krate = spec.test.split("::").next().unwrap_or_default();
        let test = format!("{krate}::{}", test_name(spec));
        Self { folder: Folder::of(settings, &test), test, patience: settings.scaled(PATIENCE), shown: Arc::default() }
    }

    /// Removes what an earlier run of the test has left: what is there is always of the last one.
    pub(crate) fn forget(&self) {
        self.folder.forget();
    }

    /// Shows the state of the lab on standard error, and writes all of it to a file; once.
    pub(crate) fn show(&self, lab: &Lab) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *shown, true) {
            return;
        }
        let _ = catch_unwind(AssertUnwindSafe(|| self.collect_and_show(lab)));
    }

    fn collect_and_show(&self, lab: &Lab) {
        let until = Instant::now() + self.patience;
        let _room = Room::make();
        state::until(until, program::pass_on_logs);
        let labs = lab.all().all();
        // Before anything is asked that might send frames.
        let frames = self.keep_frames(&labs);
        let state = state::collect(&labs, until);
        let mut text = format!("\nthe lab when the test failed:\n{}", state::brief(&state, SHOWN));
        // Writing to a string cannot fail.
        let _ = match self.folder.write(Artifact::State, format!("{}\n{}", self.test, state::all(&state)).as_bytes()) {
            Ok(path) => write!(text, "  (all of it is in {}, {frames})", path.display()),
            Err(error) => {
                write!(text, "  (it is in no file: {error}; `NETNS_TEST_ARTIFACTS` names another place)")
            }
        };
        say(&text);
    }

    /// Writes the frames of all labs to a file, and answers with where they are, or why not.
    fn keep_frames(&self, labs: &[Lab]) -> String {
        let kept = capture::of(labs).and_then(|frames| self.folder.write(Artifact::Capture, &frames));
        match kept {
            Ok(path) => format!("the frames in {}", path.display()),
            Err(error) => format!("the frames nowhere: {error}"),
        }
    }

    /// Keeps the frames of a test that has passed.
    pub(crate) fn keep_frames_of(&self, lab: &Lab) {
        let labs = lab.all().all();
        if let Err(error) = capture::of(&labs).and_then(|frames| self.folder.write(Artifact::Capture, &frames)) {
            say(&format!("the frames were not kept: {error}"));
        }
    }

    /// Leaves how a test ended that could not say what its lab was like.
    pub(crate) fn note_ending(&self, how: &str) {
        if !self.folder.path(Artifact::State).exists() {
            // Whoever reads the output has read it.
            let _ = self.folder.write(Artifact::Ending, format!("{}\n{how}\n", self.test).as_bytes());
        }
    }
}

/// Room for files, up to what the machine allows, as long as this lives: a body may have used up what it was given.
struct Room(Option<(rlim_t, rlim_t)>);

impl Room {
    fn make() -> Self {
        let limits = getrlimit(Resource::RLIMIT_NOFILE).ok().filter(|(soft, hard)| soft < hard);
        // Where it is refused, what cannot be opened is said.
        Self(limits.filter(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, *hard, *hard).is_ok()))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some((soft, hard)) = self.0 {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
        }
    }
}
