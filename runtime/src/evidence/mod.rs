//! What a lab was like when its test failed: collected before anything is taken down, shown, and written to files.
//!
//! Whatever happens here, the verdict stands: it takes its time and no more, and a panic in here stays in here.

mod capture;
mod files;
mod report;
mod state;

use std::fmt::Write;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use files::{Artifact, Folder};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use state::LabState;

use crate::__private::TestSpec;
use crate::Lab;
use crate::capture::Recorded;
use crate::error::say;
use crate::harness::test_name;
use crate::program;
use crate::settings::Settings;

/// How long it may take to collect all that there is, before `time-scale`; and with what is made of it. Who waits for that from outside waits longer.
const COLLECTING: Duration = Duration::from_secs(2);
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// How many hosts are shown; the file has all of them.
const SHOWN: usize = 4;

/// What is left of a test that fails.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// The test's path, its crate's name first.
    test: String,
    folder: Folder,
    time_scale: f64,
    /// Whether the lab has been shown; held meanwhile. At its deadline a test may just be failing.
    shown: Arc<Mutex<bool>>,
}

impl Evidence {
    /// That of the test whose thread this is: libtest has named it after the test.
    pub(crate) fn of(spec: &TestSpec, settings: &Settings) -> Self {
        let krate = spec.test.split("::").next().unwrap_or_default();
        let test = format!("{krate}::{}", test_name(spec));
        Self { folder: Folder::of(settings, &test), test, time_scale: settings.time_scale, shown: Arc::default() }
    }

    /// Removes what an earlier run of the test has left: what is there is always of the last one.
    pub(crate) fn forget(&self) {
        if self.folder.forget() {
            let _ = self.list(Instant::now() + self.scaled(COLLECTING));
        }
    }

    /// Shows the state of the lab on standard error, and writes all that is known to files; once. `said` is what the test says of its failure.
    pub(crate) fn show(&self, lab: &Lab, said: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *shown, true) {
            return;
        }
        let _ = catch_unwind(AssertUnwindSafe(|| self.collect_and_show(lab, said)));
    }

    fn collect_and_show(&self, lab: &Lab, said: &str) {
        let at = Instant::now();
        let until = at + self.scaled(COLLECTING);
        let _room = Room::make();
        state::until(until, program::pass_on_logs);
        let labs = lab.all().all();
        // Before anything is asked that might send frames.
        let recorded = capture::recorded(&labs);
        let frames = self.keep_frames(&labs, &recorded);
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
        self.note_failure(said);
        let failure = Failure { evidence: self.clone(), at, said: said.to_owned(), labs, recorded, state };
        match soon(at + self.scaled(PATIENCE), move || failure.report()) {
            Some(Ok(path)) => say(&format!("  (walk through it in {})", path.display())),
            Some(Err(error)) => say(&format!("  (there is no page to walk through: {error})")),
            None => say("  (there is no page to walk through: it was not made in time)"),
        }
    }

    /// Writes the frames of all labs to a file, and answers with where they are, or why not.
    fn keep_frames(&self, labs: &[Lab], recorded: &io::Result<Vec<Recorded>>) -> String {
        let recorded = recorded.as_ref().map_err(|error| io::Error::other(error.to_string()));
        let file = recorded.and_then(|recorded| capture::file(labs, recorded));
        match file.and_then(|file| self.folder.write(Artifact::Capture, &file)) {
            Ok(path) => format!("the frames in {}", path.display()),
            Err(error) => format!("the frames nowhere: {error}"),
        }
    }

    /// Keeps the frames of a test that has passed.
    pub(crate) fn keep_frames_of(&self, lab: &Lab) {
        let labs = lab.all().all();
        let file = capture::recorded(&labs).and_then(|recorded| capture::file(&labs, &recorded));
        if let Err(error) = file.and_then(|file| self.folder.write(Artifact::Capture, &file)) {
            say(&format!("the frames were not kept: {error}"));
        }
    }

    /// Leaves how a test ended that could not say so itself.
    pub(crate) fn note_ending(&self, how: &str) {
        self.note_failure(how);
        let _ = self.list(Instant::now() + self.scaled(COLLECTING));
    }

    fn note_failure(&self, said: &str) {
        // Whoever reads the output has read it.
        let _ = self.folder.write(Artifact::Failure, format!("{}\n{said}\n", self.test).as_bytes());
    }

    /// Writes the page over all failures, unless that takes too long.
    fn list(&self, until: Instant) -> Option<io::Result<PathBuf>> {
        let folder = self.folder.clone();
        soon(until, move || folder.write_index(report::index))
    }

    fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(self.time_scale)
    }
}

/// A failure, and all that is known of it.
struct Failure {
    evidence: Evidence,
    /// When the test had failed.
    at: Instant,
    /// What it said.
    said: String,
    labs: Vec<Lab>,
    recorded: io::Result<Vec<Recorded>>,
    state: LabState,
}

impl Failure {
    /// Writes the page to walk through it, and the one over all failures.
    fn report(&self) -> io::Result<PathBuf> {
        let folder = &self.evidence.folder;
        let path = folder.write(Artifact::Report, report::page(self).as_bytes())?;
        folder.write_index(report::index)?;
        Ok(path)
    }
}

/// What comes of some work on a thread that can be left behind, unless it takes too long or panics.
fn soon<T: Send + 'static>(until: Instant, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = mpsc::channel();
    // Whoever waits may have stopped.
    state::until(until, move || _ = tell.send(work()));
    told.try_recv().ok()
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
