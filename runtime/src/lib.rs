//! A network of its own for every Rust test.

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod error;
mod evidence;
mod harness;
mod host;
mod isolation;
mod lab;
mod probe;
mod result;
mod settings;
mod sys;

pub use host::{Command, Host, Process};
pub use lab::Lab;
pub use netns_test_macros::{netns_test, netns_test as test};
pub use probe::{AssertNoPing, AssertPing, Ping, PingError, PingReport, Target, UnreachableCode};
pub use result::{TestError, TestResult};

/// What a test file needs: `use netns_test::prelude::*;`.
pub mod prelude {
    pub use std::time::Duration;

    pub use crate::{Host, Lab, PingError, TestError, TestResult, netns_test};
}
