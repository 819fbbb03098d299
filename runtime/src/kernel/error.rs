//! Why a kernel did not answer.

use std::error::Error;
use std::io;

use super::dump::Attempt;
use crate::Host;
use crate::error::chain;
use crate::lab::{LabError, inside};

/// Why the kernel of a host did not say, or do, what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It cannot be asked.
    #[error("this kernel does not tell of its {of}: {remedy}")]
    Unsupported {
        /// Of what it does not tell.
        of: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// It refused, or its answer made no sense.
    #[error("could not {what} of host `{host}`")]
    Failed {
        /// What it was asked to do.
        what: &'static str,
        /// Name of the host.
        host: String,
        /// Why it did not.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Something that a kernel may lack.
pub(super) struct Subject {
    pub(super) of: &'static str,
    pub(super) remedy: &'static str,
    /// The error numbers that say so, and nothing else.
    pub(super) lacking: &'static [i32],
}

impl Subject {
    pub(super) fn is_lacking(&self, source: &io::Error) -> bool {
        source.raw_os_error().is_some_and(|code| self.lacking.contains(&code))
    }
}

/// Asks on a thread that is in the host.
pub(super) fn ask<T: Send>(
    host: &Host,
    what: &'static str,
    subject: &Subject,
    question: impl FnOnce() -> Attempt<T> + Send,
) -> Result<T, QueryError> {
    let asked: Result<Attempt<T>, LabError> = inside(host.netns(), || Ok(question()));
    let source: Box<dyn Error + Send + Sync> = match asked {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(source)) if subject.is_lacking(&source) => {
            return Err(QueryError::Unsupported { of: subject.of, remedy: subject.remedy, source });
        }
        Ok(Err(source)) => source.into(),
        Err(error) => error.into(),
    };
    let error = QueryError::Failed { what, host: host.name().to_owned(), source };
    // Nothing that a test could have expected, whatever becomes of the error.
    let _ = host.surroundings().broken.set(chain(&error));
    Err(error)
}
