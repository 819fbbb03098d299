//! How a test ended, and how libtest is told.

use std::any::Any;
use std::io::Write;
use std::panic::{Location, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::__private::{Outcome, TestSpec, Verdict};
use crate::error::{panic_message, say};
use crate::isolation::Refusal;
use crate::needs::Unmet;
use crate::settings::{OnUnsupported, SettingsError};

/// How a test ended.
#[derive(Debug)]
pub(super) enum Conclusion {
    Passed,
    /// The body returned an error, which has been shown.
    Error,
    /// The body panicked, which has been shown.
    Panic(Box<dyn Any + Send>),
    /// The test could not be carried out: neither red nor green is known, so it is red.
    Broken(String),
    /// The test could not do or ask what it wanted to, and has said so at its own line: broken as well.
    Unasked(String),
    /// The machine lacks what the test needs.
    Unsupported(String),
    /// The same, where the workspace asked for a skip.
    Skipped(String),
}

/// The payload of a panic that says: the question was never asked. It is no test's expected panic.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

impl Conclusion {
    /// What it means that a setting cannot be used.
    pub(super) fn of_settings(error: &SettingsError) -> Self {
        Self::Broken(format!("a setting cannot be used\n  {}", crate::error::chain(error)))
    }

    /// What it means that the machine refused something.
    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        if refusal.is_unmet_need() { Self::Unsupported(refusal.to_string()) } else { Self::Broken(refusal.to_string()) }
    }

    /// What it means that the machine lacks something that the test requires, or may lack it.
    pub(super) fn of_unmet_needs(unmet: &Unmet) -> Self {
        if unmet.is_certain() { Self::Unsupported(unmet.to_string()) } else { Self::Broken(unmet.to_string()) }
    }

    /// What the settings make of a machine that lacks what the test needs.
    pub(super) fn by(self, policy: OnUnsupported) -> Self {
        let Self::Unsupported(why) = self else { return self };
        match policy {
            OnUnsupported::Fail => Self::Broken(why),
            OnUnsupported::Skip if std::env::var_os("CI").is_none() => Self::Skipped(why),
            OnUnsupported::Skip => Self::Broken(format!("{why}\nnote: nothing is skipped where `CI` is set")),
        }
    }

    /// Whether it is what the test says that it ends with. (Which panic it is to be, libtest judges.)
    pub(super) fn is_expected(&self, spec: &TestSpec) -> bool {
        match self {
            Self::Passed => true,
            Self::Panic(_) => spec.should_panic,
            _ => false,
        }
    }

    /// What is said of it, but for an error, which has been shown.
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Self::Passed | Self::Error => None,
            Self::Panic(payload) => Some(panic_message(&**payload)),
            Self::Broken(what) | Self::Unasked(what) | Self::Unsupported(what) | Self::Skipped(what) => Some(what),
        }
    }

    /// What a caught panic means.
    pub(super) fn of_panic(payload: Box<dyn Any + Send>) -> Self {
        match payload.downcast::<Broken>() {
            Ok(broken) => Self::Unasked(broken.0),
            Err(payload) => Self::Panic(payload),
        }
    }
}

/// Tells libtest.
pub(super) fn conclude<R: Outcome>(
    spec: &TestSpec,
    conclusion: Conclusion,
    at: &'static Location<'static>,
) -> R::Returned {
    match conclusion {
        Conclusion::Passed => Verdict::Passed.into(),
        Conclusion::Error => Verdict::Failed.into(),
        // The child's hook has printed it: unwind without a second message, for libtest to judge.
        Conclusion::Panic(payload) => resume_unwind(payload),
        Conclusion::Broken(what) | Conclusion::Unsupported(what) => {
            say(&format!("\ntest '{}' is broken at {at}:\n{what}", spec.test));
            fail_broken::<R>(spec, what)
        }
        Conclusion::Unasked(what) => {
            say(&format!("\ntest '{}' is broken: it could not do or ask what it wanted to", spec.test));
            fail_broken::<R>(spec, what)
        }
        Conclusion::Skipped(why) => {
            tell_of_skip(spec, &why);
            Verdict::Passed.into()
        }
    }
}

/// Makes a broken test red, whatever libtest waits for.
fn fail_broken<R: Outcome>(spec: &TestSpec, what: String) -> R::Returned {
    if spec.should_panic {
        // A panic now would be taken for the expected one.
        say("note: this is not the panic that `#[should_panic]` waits for");
        return Verdict::Failed.into();
    }
    resume_unwind(Box::new(what))
}

/// On the real standard error, past libtest's capture: a skip that nobody sees is a false green.
fn tell_of_skip(spec: &TestSpec, why: &str) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let text = format!("\nnetns-test: SKIPPED {} (skipped in this process: {count})\n{why}\n", spec.test);
    // If standard error is closed there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
