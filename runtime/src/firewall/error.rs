//! Why a ruleset could not be loaded.

use std::io;

/// Why a ruleset could not be loaded. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NftError {
    /// The program `nft` is not there.
    #[error("{}", super::program::NOT_THERE)]
    NoProgram,
    /// `nft`, or the kernel through it, refused the ruleset.
    #[error("the ruleset is refused in host `{host}`:\n{message}")]
    Refused {
        /// Name of the host.
        host: String,
        /// The first line of the ruleset that was complained about, counted from 1; none if the complaint is not about a line.
        line: Option<usize>,
        /// All complaints, in nft's words, each with its line.
        message: String,
    },
    /// `nft` could not be run, or ended without a word.
    #[error("could not load a ruleset in host `{host}`")]
    Io {
        /// Name of the host.
        host: String,
        /// What went wrong.
        source: io::Error,
    },
}
