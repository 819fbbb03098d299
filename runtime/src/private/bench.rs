//! What the benchmarks measure, without the harness around it.

use std::sync::Arc;

use netns_test_topology::Drawing;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sched::{CloneFlags, unshare};

use super::TestSpec;
use crate::Lab;
use crate::isolation::{Mode, NAMESPACES};
use crate::lab::{Baseline, world};
use crate::settings::Settings;
use crate::sys::DESCRIPTORS;

/// The namespaces of a test, as flags of clone(2).
pub fn namespaces() -> i32 {
    Mode::choose(settings().isolation).namespaces().bits()
}

/// Makes the files of a lab this process's own. It is in namespaces of its own already, but for those that a thread can leave.
pub fn enter_world() -> Result<(), String> {
    // As a test's process has it from its beginning.
    let last =
        fcntl(std::io::stdin(), FcntlArg::F_DUPFD_CLOEXEC(DESCRIPTORS - 1)).map_err(|error| error.to_string())?;
    nix::unistd::close(last).map_err(|error| error.to_string())?;
    unshare(NAMESPACES.difference(CloneFlags::CLONE_NEWPID)).map_err(|error| error.to_string())?;
    world::enter(Mode::Inline).map_err(|refusal| refusal.to_string())
}

/// Builds a lab in this thread's namespaces.
pub fn build(drawing: &Drawing) -> Result<Lab, String> {
    let plan = drawing.plan().map_err(|complaints| complaints.to_string())?;
    Lab::build(plan, &settings(), Arc::default()).map_err(|error| crate::error::chain(&error))
}

/// The sysctls that have to be written in a fresh namespace of a dual-stack host: path and value.
pub fn baseline() -> Result<Vec<(String, &'static str)>, String> {
    let read = || {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string())?;
        Baseline::of_hosts(true).map(|baseline| baseline.writes()).map_err(|error| error.to_string())
    };
    std::thread::scope(|scope| scope.spawn(read).join().map_err(|_| "a thread panicked".to_owned())?)
}

fn settings() -> Settings {
    const SPEC: TestSpec = TestSpec::new("bench", env!("CARGO_MANIFEST_DIR"));
    Settings::resolve(&SPEC).expect("a benchmark has no settings of its own")
}
