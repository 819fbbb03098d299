//! A test in the process that libtest runs it in: for debuggers, and where everything is isolated already.
//!
//! Nothing is enforced from outside: a test that hangs hangs, and a program that it leaves behind stays.

use nix::sched::{CloneFlags, unshare};

use super::body::execute;
use super::conclusion::Conclusion;
use crate::__private::{Outcome, TestSpec};
use crate::Lab;
use crate::isolation::{Mode, NAMESPACES, Refusal};
use crate::settings::Settings;

/// Runs the body on a thread in namespaces of its own. libtest's capture and the name of its thread come along.
pub(super) fn run<R: Outcome>(
    spec: &'static TestSpec,
    settings: &Settings,
    body: impl FnOnce(&Lab) -> R + Send,
) -> Conclusion {
    let name = std::thread::current().name().unwrap_or(spec.test).to_owned();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name).spawn_scoped(scope, || {
            // A thread cannot be in another pid namespace than its process.
            match unshare(NAMESPACES.difference(CloneFlags::CLONE_NEWPID)) {
                Ok(()) => execute(spec, settings, Mode::Inline, body),
                Err(error) => Conclusion::of_refusal(&Refusal::of_inline(error)),
            }
        });
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(conclusion)) => conclusion,
            Ok(Err(payload)) => Conclusion::of_panic(payload),
            Err(error) => Conclusion::Broken(format!("could not start the test's thread: {error}")),
        }
    })
}
