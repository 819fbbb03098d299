//! Why a program did not do what it was started for.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use crate::error::chain;

/// Why a program could not be started, or was not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// No program can be started like this: a NUL byte, a user that the test does not have.
    #[error("cannot run {program}: {why}")]
    Invalid {
        /// Its name and its host.
        program: String,
        /// What is wrong.
        why: String,
    },
    /// Its host is [paused](crate::Host::pause): no program would run there.
    #[error("cannot run {program}: the host is paused")]
    Paused {
        /// Its name and its host.
        program: String,
    },
    /// The kernel did not start it: it is not there, or must not be run.
    #[error("cannot run {program}")]
    Start {
        /// Its name and its host.
        program: String,
        /// What the kernel says.
        source: io::Error,
    },
    /// It ended instead of being ready.
    #[error("{program} ended before it was ready, with {status}: {waited_for} was waited for{said}")]
    Ended {
        /// Its name and its host.
        program: String,
        /// What it was waited for.
        waited_for: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines, as far as they were read here; with what is known besides.
        said: String,
    },
    /// It was not ready in time, and has been killed.
    #[error("{program} was not ready within {waited:?} and was killed: {waited_for} was waited for{said}")]
    NotReady {
        /// Its name and its host.
        program: String,
        /// What it was waited for.
        waited_for: String,
        /// For how long.
        waited: Duration,
        /// Its last lines, as far as they were read here; with what is known besides.
        said: String,
    },
    /// It was started, but could not be watched.
    #[error("cannot watch {program}")]
    Watch {
        /// Its name and its host.
        program: String,
        /// What the kernel says.
        source: io::Error,
    },
}

impl ProgramError {
    /// The kind that an [`io::Error`] of the same meaning has.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Invalid { .. } => io::ErrorKind::InvalidInput,
            Self::Paused { .. } => io::ErrorKind::ResourceBusy,
            Self::Start { source, .. } | Self::Watch { source, .. } => source.kind(),
            Self::Ended { .. } => io::ErrorKind::UnexpectedEof,
            Self::NotReady { .. } => io::ErrorKind::TimedOut,
        }
    }
}

/// With the same text and [kind](ProgramError::kind).
impl From<ProgramError> for io::Error {
    fn from(error: ProgramError) -> Self {
        Self::new(error.kind(), chain(&error))
    }
}
