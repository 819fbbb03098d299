//! The life of one test, from the call by libtest to the verdict.
//!
//! [`run`] is entered twice: by the parent, which starts this program again and watches, and by that child, which runs the body.
//! `docs/design.md` tells the story.

mod announcement;
mod body;
mod child;
mod conclusion;
mod current;
mod deadline;
mod inline;
mod marker;
mod parent;
mod pause;
mod phase;
mod protocol;
mod relay;
mod waiting;

use std::panic::Location;

pub(crate) use conclusion::Broken;
use conclusion::{Conclusion, conclude};
pub(crate) use current::lab;
use marker::{Call, Role};
pub(crate) use parent::test_name;
pub(crate) use pause::pause;
pub(crate) use waiting::Waiting;

use crate::__private::{Outcome, TestSpec, Verdict};
use crate::Lab;
use crate::evidence::Evidence;
use crate::isolation::Mode;
use crate::settings::Settings;

/// Runs a test: in a child if this is the parent, here if this is the child.
#[track_caller]
pub(crate) fn run<R: Outcome>(spec: &'static TestSpec, body: impl FnOnce(&Lab) -> R + Send) -> R::Returned {
    let at = Location::caller();
    let call = Call::count(spec.test);
    match marker::role(call) {
        Role::Child(inheritance) => child::run(spec, inheritance, body),
        Role::Passing => return Verdict::Passed.into(),
        Role::Parent => {}
    }
    let conclusion = match Settings::resolve(spec) {
        Err(error) => Conclusion::of_settings(&error),
        Ok(settings) => {
            let evidence = Evidence::of(spec, &settings);
            evidence.forget();
            let conclusion = match Mode::choose(settings.isolation) {
                Mode::Inline => inline::run(spec, &settings, body),
                mode => parent::run(spec, call, &settings, mode),
            };
            let conclusion = conclusion.by(settings.on_unsupported);
            if !conclusion.is_expected(spec) && !matches!(conclusion, Conclusion::Skipped(_)) {
                // What the test has said itself, it has written down with its place.
                let is_its_own = matches!(conclusion, Conclusion::Panic(_) | Conclusion::Error);
                evidence.note_ending(conclusion.words().unwrap_or_default(), is_its_own);
            }
            conclusion
        }
    };
    conclude::<R>(spec, conclusion, at)
}
