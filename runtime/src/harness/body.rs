//! The test itself: its world, its lab, its body. The same in a child and inline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use netns_test_topology::Drawing;

use super::conclusion::Conclusion;
use super::{current, pause, phase};
use crate::__private::{Outcome, TestSpec};
use crate::Lab;
use crate::error::{place_of_panic, say};
use crate::evidence::Evidence;
use crate::isolation::Mode;
use crate::lab::world;
use crate::needs::{self, Tried};
use crate::program;
use crate::settings::{Capture, Settings};

/// Builds the lab in the namespaces that this thread is in, runs the body in it, and shows what went wrong while the lab is
/// still there.
pub(super) fn execute<R: Outcome>(
    spec: &'static TestSpec,
    settings: &Settings,
    mode: Mode,
    body: impl FnOnce(&Lab) -> R,
) -> Conclusion {
    let evidence = Evidence::of(spec, settings);
    phase::set("building the lab");
    let (lab, _tried) = match build(spec, settings, mode) {
        Ok(built) => built,
        Err(conclusion) => return conclusion,
    };
    if mode != Mode::Inline {
        current::set(&lab);
        let (lab, evidence) = (lab.clone(), evidence.clone());
        phase::set_lab(move || evidence.show(&lab, &phase::describe()));
    }
    phase::set("running the body");
    let pid = std::process::id();
    let mut returned = None;
    let conclusion = match catch_unwind(AssertUnwindSafe(|| lab.as_current(body).error())) {
        Ok(None) => Conclusion::Passed,
        Ok(Some(error)) => {
            say(&format!("Error: {}", returned.insert(error)));
            Conclusion::Error
        }
        Err(payload) => Conclusion::of_panic(payload),
    };
    // A body that forks comes here twice. What there is to tell is the original's to tell; and what other threads had locked, the copy would wait for in vain.
    if std::process::id() != pid {
        return conclusion;
    }
    let conclusion = match (conclusion, lab.all().broken()) {
        // The panic may be what became of it on the way.
        (Conclusion::Panic(_), Some(what)) if spec.should_panic => Conclusion::Unasked(what),
        (conclusion, _) => conclusion,
    };
    // Whatever the body has made of a network that was not the one it thought.
    let conclusion = lab.all().spoiled().map_or(conclusion, Conclusion::Broken);
    program::pass_on_logs();
    if !matches!(conclusion, Conclusion::Passed) && !spec.should_panic {
        phase::set("describing the lab");
        let words = conclusion.words().or(returned.as_deref()).unwrap_or_default();
        let place = place_of_panic(words).map(|at| format!("\n  at {at}"));
        evidence.show(&lab, &format!("{words}{}", place.unwrap_or_default()));
    }
    if !conclusion.is_expected(spec) {
        let words = conclusion.words().or(returned.as_deref());
        pause::on_failure(words.unwrap_or_default(), evidence.directory().as_deref(), settings, &lab);
    }
    if matches!(conclusion, Conclusion::Passed) {
        evidence.forget();
        if settings.capture == Capture::Always {
            evidence.keep_frames_of(&lab);
        }
    }
    if mode == Mode::Inline {
        lab.all().forget();
    }
    phase::set("leaving");
    conclusion
}

/// The lab and what it took to know that there can be one, or the conclusion that there is none.
fn build(spec: &TestSpec, settings: &Settings, mode: Mode) -> Result<(Lab, Tried), Conclusion> {
    let drawing = spec.drawing.map(|drawing| drawing());
    let plan = drawing.as_ref().map_or_else(|| spec.lan.plan(), Drawing::plan);
    let plan = plan.map_err(|complaints| {
        Conclusion::Broken(format!("the network cannot be built as it is described:\n{complaints}"))
    })?;
    world::enter(mode).map_err(|refusal| Conclusion::of_refusal(&refusal))?;
    phase::set("trying out what it requires of the machine");
    let drawn = drawing.as_ref().map(Drawing::all_needs);
    let needs = [spec.requires, &drawn.unwrap_or_default()].concat();
    let tried = needs::check(&needs).map_err(|unmet| Conclusion::of_unmet_needs(&unmet))?;
    phase::set("building the lab");
    let lab = Lab::build(plan, settings, Arc::default()).map_err(|error| {
        let text = format!("could not build the lab: {}", crate::error::chain(&error));
        if error.is_unmet_need() { Conclusion::Unsupported(text) } else { Conclusion::Broken(text) }
    })?;
    Ok((lab, tried))
}
