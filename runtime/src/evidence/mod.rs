//! What a lab was like when its test failed: collected before anything is taken down, shown, and written to files.
//!
//! Whatever happens here, the verdict stands: it takes its time and no more, and a panic in here stays in here.

mod capture;
mod files;
mod report;
mod state;

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use files::{Artifact, Folder};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use state::LabState;

use crate::__private::TestSpec;
use crate::Lab;
use crate::aside::aside;
use crate::capture::Recorded;
use crate::error::say;
use crate::harness::test_name;
use crate::program;
use crate::settings::Settings;
use crate::trail;

/// How long it may take to collect all that there is, before `time-scale`; and with what is made of it. Who waits for that from outside waits longer.
const COLLECTING: Duration = Duration::from_secs(2);
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// How many hosts are shown; the file has all of them.
const SHOWN: usize = 4;

/// What is left of a test that fails.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// The test's path, its crate's name first, and its package.
    test: String,
    folder: Folder,
    /// How long collecting may take, and all of it.
    collecting: Duration,
    patience: Duration,
    /// Whether the lab has been shown; held meanwhile. At its deadline a test may just be failing.
    shown: Arc<Mutex<bool>>,
}

impl Evidence {
    /// That of the test whose thread this is: libtest has named it after the test.
    pub(crate) fn of(spec: &TestSpec, settings: &Settings) -> Self {
        let krate = spec.test.split("::").next().unwrap_or_default();
        let test = format!("{krate}::{}", test_name(spec));
        let folder = Folder::of(settings, &test);
        let test = if settings.package.is_empty() { test } else { format!("{test} ({})", settings.package) };
        let (collecting, patience) = (settings.scaled(COLLECTING), settings.scaled(PATIENCE));
        Self { folder, test, collecting, patience, shown: Arc::default() }
    }

    /// Removes what an earlier run of the test has left: what is there is always of the last one.
    pub(crate) fn forget(&self) {
        if self.folder.forget() {
            let folder = self.folder.clone();
            let _ = aside(Instant::now() + self.patience, move || folder.write_index(report::index));
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
        let begun = Instant::now();
        let (until, end) = (begun + self.collecting, begun + self.patience);
        let _room = Room::make();
        state::until(until, program::pass_on_logs);
        let labs = lab.all().all();
        // Before anything is asked that might send frames.
        let recorded = capture::recorded(&labs);
        let state = state::collect(&labs, until);
        say(&format!("\nthe lab when the test failed:\n{}", state::brief(&state, SHOWN, &concerned(&labs)).trim_end()));
        let failure =
            Arc::new(Failure { evidence: self.clone(), at: begun, said: said.to_owned(), labs, recorded, state });
        // What is most important first; whatever hangs keeps nothing that was written before from being told.
        let write = |write: fn(&Failure) -> io::Result<PathBuf>| {
            let failure = Arc::clone(&failure);
            aside(end, move || write(&failure))?
        };
        // Whoever reads the output has read it.
        let _ = write(Failure::write_words);
        let state = write(Failure::write_state);
        let frames = match write(Failure::write_frames) {
            Ok(path) => format!("the frames in {}", path.display()),
            Err(error) => format!("the frames nowhere: {error}"),
        };
        say(&match state {
            Ok(path) => format!("  (all of it is in {}, {frames})", path.display()),
            Err(error) => format!("  (it is in no file: {error}; `NETNS_TEST_ARTIFACTS` names another place)"),
        });
        match write(Failure::write_page) {
            Ok(path) => say(&format!("  (walk through it in {})", path.display())),
            Err(error) => say(&format!("  (there is no page to walk through: {error})")),
        }
        if let Err(error) = write(Failure::list) {
            say(&format!("  (the page over all failures is not of this one: {error})"));
        }
    }

    /// Where what the test has left is, if it has left something.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        let directory = self.folder.path(Artifact::State).parent()?.to_owned();
        directory.exists().then_some(directory)
    }

    /// Keeps the frames of a test that has passed.
    pub(crate) fn keep_frames_of(&self, lab: &Lab) {
        let (folder, labs) = (self.folder.clone(), lab.all().all());
        let keep = move || {
            let file = capture::recorded(&labs).and_then(|recorded| capture::file(&labs, &recorded))?;
            folder.write(Artifact::Capture, &file)
        };
        let end = Instant::now() + self.patience;
        if let Err(error) = aside(end, keep).map_err(io::Error::from).and_then(|kept| kept) {
            say(&format!("the frames were not kept: {error}"));
        }
    }

    /// Leaves how a test ended, in the place of what it has said itself unless this is its own word.
    pub(crate) fn note_ending(&self, said: &str, is_its_own: bool) {
        let (evidence, said) = (self.clone(), said.to_owned());
        let note = move || {
            if !is_its_own || !evidence.folder.path(Artifact::Failure).exists() {
                let _ = evidence.write_words(&said);
            }
            evidence.folder.write_index(report::index)
        };
        // Whoever reads the output has read it.
        let _ = aside(Instant::now() + self.patience, note);
    }

    fn write_words(&self, said: &str) -> io::Result<PathBuf> {
        self.folder.write(Artifact::Failure, format!("{}\n{said}\n", self.test).as_bytes())
    }
}

/// The names of the hosts that the last question was between which was followed.
fn concerned(labs: &[Lab]) -> BTreeSet<String> {
    let last = |lab: &&Lab| lab.surroundings().followed.all().last().map(|question| question.failed);
    let lab = labs.iter().max_by_key(last);
    lab.map(|lab| trail::concerned(lab.surroundings())).unwrap_or_default()
}

/// A failure, and all that is known of it.
struct Failure {
    evidence: Evidence,
    /// When it was begun to be told.
    at: Instant,
    /// What the test said.
    said: String,
    labs: Vec<Lab>,
    recorded: io::Result<Vec<Recorded>>,
    state: LabState,
}

impl Failure {
    fn write_words(&self) -> io::Result<PathBuf> {
        self.evidence.write_words(&self.said)
    }

    fn write_state(&self) -> io::Result<PathBuf> {
        let text = format!("{}\n{}", self.evidence.test, state::all(&self.state));
        self.evidence.folder.write(Artifact::State, text.as_bytes())
    }

    fn write_frames(&self) -> io::Result<PathBuf> {
        let recorded = self.recorded.as_ref().map_err(|error| io::Error::other(error.to_string()))?;
        self.evidence.folder.write(Artifact::Capture, &capture::file(&self.labs, recorded)?)
    }

    fn write_page(&self) -> io::Result<PathBuf> {
        self.evidence.folder.write(Artifact::Report, report::page(self).as_bytes())
    }

    fn list(&self) -> io::Result<PathBuf> {
        self.evidence.folder.write_index(report::index)
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
