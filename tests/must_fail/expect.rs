//! What is expected of a fixture, and the comparison with what came.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::report::Report;
use crate::run::Outcome;

/// A test binary of `netns-test-fixtures` and all of its tests.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// What cargo calls its target.
    pub(crate) name: &'static str,
    /// Whether it is the library with its unit tests.
    pub(crate) is_lib: bool,
    /// The tests.
    pub(crate) tests: Vec<Test>,
}

/// What becomes of one test when it is run.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) passes: bool,
    pub(crate) ignored: bool,
    /// What is shown under its name.
    pub(crate) says: Vec<String>,
    /// The comment `// here: …` on the line that is shown.
    pub(crate) here: Option<&'static str>,
    /// The name under which it speaks, unless its body is never reached.
    speaker: Option<&'static str>,
}

/// Expects a test to pass.
pub(crate) fn passes(name: &'static str) -> Test {
    Test { name, passes: true, ignored: false, says: Vec::new(), here: None, speaker: Some(name) }
}

/// Expects a test to fail.
pub(crate) fn fails(name: &'static str) -> Test {
    Test { passes: false, ..passes(name) }
}

impl Test {
    /// It shows this text.
    pub(crate) fn says(mut self, text: &str) -> Self {
        self.says.push(text.to_owned());
        self
    }

    /// It shows the line with the comment `// here: NAME` with its own name.
    pub(crate) fn here(self) -> Self {
        let name = self.name;
        self.at(name)
    }

    /// It shows the line with this comment.
    pub(crate) fn at(mut self, place: &'static str) -> Self {
        self.here = Some(place);
        self
    }

    /// It has `#[ignore]`.
    pub(crate) fn ignored(mut self) -> Self {
        self.ignored = true;
        self
    }

    /// Its body is never reached.
    pub(crate) fn says_nothing(mut self) -> Self {
        self.speaker = None;
        self
    }

    /// Its body is that of another test.
    pub(crate) fn speaks_as(mut self, speaker: &'static str) -> Self {
        self.speaker = Some(speaker);
        self
    }
}

/// How tests were run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The output of those that pass is not shown.
    Captured,
    /// All output is shown.
    Shown,
    /// Ignored ones too.
    WithIgnored,
    /// Ignored ones and no other.
    IgnoredOnly,
    /// By nextest, which keeps all output.
    Nextest,
}

impl Mode {
    fn runs(self, test: &Test) -> bool {
        match self {
            Self::Captured | Self::Shown | Self::Nextest => !test.ignored,
            Self::WithIgnored => true,
            Self::IgnoredOnly => test.ignored,
        }
    }

    fn shows(self, test: &Test) -> bool {
        matches!(self, Self::Shown | Self::Nextest) || !test.passes
    }
}

/// How one test ended, as the harness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

impl Fixture {
    /// Compares a run by libtest: verdicts, output, counts, exit code.
    #[track_caller]
    pub(crate) fn check(&self, outcome: &Outcome, mode: Mode) {
        let report = Report::of_libtest(outcome);
        self.check_report(&report, mode, outcome);
        let verdicts = self.verdicts(mode);
        let count = |wanted| verdicts.values().filter(|verdict| **verdict == wanted).count();
        let (passed, failed, ignored) = (count(Verdict::Passed), count(Verdict::Failed), count(Verdict::Ignored));
        let result = if failed == 0 { "ok" } else { "FAILED" };
        let filtered = self.tests.len() - verdicts.len();
        let summary = format!(
            "test result: {result}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered} filtered out"
        );
        let text = outcome.all();
        assert!(text.contains(&summary), "{}, {mode:?}: no `{summary}` in\n{text}", self.name);
        let code = if failed == 0 { 0 } else { 101 };
        assert_eq!(outcome.status.code(), Some(code), "{}, {mode:?}: exit code\n{text}", self.name);
    }

    /// Compares verdicts and output.
    #[track_caller]
    pub(crate) fn check_report(&self, report: &Report, mode: Mode, outcome: &Outcome) {
        let mut complaints = String::new();
        let verdicts = self.verdicts(mode);
        for name in verdicts.keys().chain(report.verdicts.keys()) {
            let (expected, got) = (verdicts.get(name), report.verdicts.get(name));
            if expected != got {
                writeln!(complaints, "- `{name}`: {expected:?} was expected, {got:?} came").unwrap();
            }
        }
        for test in self.tests.iter().filter(|test| mode.runs(test)) {
            match report.sections.get(test.name) {
                Some(section) if mode.shows(test) => self.check_section(test, section, &mut complaints),
                Some(_) => writeln!(complaints, "- `{}` passes, and yet its output is shown", test.name).unwrap(),
                None if mode.shows(test) && (test.speaker.is_some() || !test.passes) => {
                    writeln!(complaints, "- no output of `{}`", test.name).unwrap();
                }
                None => {}
            }
        }
        assert!(complaints.is_empty(), "{}, {mode:?}:\n{complaints}\n{}", self.name, outcome.all());
    }

    fn verdicts(&self, mode: Mode) -> BTreeMap<String, Verdict> {
        let verdict = |test: &Test| match (mode.runs(test), test.passes) {
            (true, true) => Some(Verdict::Passed),
            (true, false) => Some(Verdict::Failed),
            // What nextest does not run it does not mention.
            (false, _) => (test.ignored && mode != Mode::Nextest).then_some(Verdict::Ignored),
        };
        self.tests.iter().filter_map(|test| Some((test.name.to_owned(), verdict(test)?))).collect()
    }

    fn check_section(&self, test: &Test, section: &str, complaints: &mut String) {
        let speech =
            |line: &str| line.strip_prefix("stdout of ").or_else(|| line.strip_prefix("stderr of ")).map(str::to_owned);
        // The streams are put together as they arrive: a line on one may stand between any two of the other.
        let rest: String = section.split_inclusive('\n').filter(|line| speech(line).is_none()).collect();
        for text in test.says.iter().cloned().chain(test.here.map(|place| self.place(place))) {
            if !rest.contains(&text) {
                writeln!(complaints, "- `{}` does not say `{text}`", test.name).unwrap();
            }
        }
        for line in test.speaker.into_iter().flat_map(|name| [format!("stdout of {name}"), format!("stderr of {name}")])
        {
            if !section.lines().any(|said| said == line) {
                writeln!(complaints, "- `{}` does not say `{line}`", test.name).unwrap();
            }
        }
        for speaker in section.lines().filter_map(speech).filter(|speaker| Some(&**speaker) != test.speaker) {
            writeln!(complaints, "- `{}` is shown what `{speaker}` has said", test.name).unwrap();
        }
    }

    /// The line with the comment `// here: NAME` in the fixture's sources, as the compiler names it.
    pub(crate) fn place(&self, name: &str) -> String {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let main = if self.is_lib { "src/lib.rs".to_owned() } else { format!("tests/{}.rs", self.name) };
        let modules = std::fs::read_dir(package.join("tests").join(self.name)).into_iter().flatten();
        let modules = modules.map(|entry| PathBuf::from("tests").join(self.name).join(entry.unwrap().file_name()));
        let mut found = Vec::new();
        for path in modules.chain([PathBuf::from(main)]) {
            let source = std::fs::read_to_string(package.join(&path)).unwrap();
            for (number, line) in (1..).zip(source.lines()) {
                let names = line.split_once("// here: ").map_or("", |(_, names)| names);
                if names.split(", ").any(|named| named == name) {
                    found.push(format!("tests/fixtures/{}:{number}:", path.display()));
                }
            }
        }
        assert_eq!(found.len(), 1, "one line of `{}` has the comment `// here: {name}`", self.name);
        found.remove(0)
    }
}
