//! Firewalls and address translation inside a host, by nftables. The kernel is asked through the program `nft`.

mod error;
mod list;
mod nat;
mod program;
mod trace;
mod words;

pub use error::NftError;
pub(crate) use list::{list, list_with_handles, translates_sources};
pub(crate) use nat::{NatError, translate};
pub(crate) use trace::{Dropped, Traced, trace};

use crate::Host;

/// # Firewall
impl Host {
    /// Loads a ruleset in nft's language (nft(8)) into this host: all of it, or nothing.
    ///
    /// ```no_run
    /// # fn example(server: netns_test::Host) -> Result<(), netns_test::NftError> {
    /// server.nft(
    ///     "table inet filter {
    ///         chain input {
    ///             type filter hook input priority filter; policy accept;
    ///             ip saddr client tcp dport 80 drop
    ///         }
    ///     }",
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It needs the program `nft` (Debian's package `nftables`), which is looked for in `PATH`, `/usr/sbin` and `/sbin`, and which
    /// runs inside the host: the names of other hosts stand for their addresses. What was loaded before stays, so that what is
    /// written twice is there twice: `flush chain inet filter input` in front of it replaces a chain. The host's own address
    /// translation, if its topology asks for some, is the table `inet netns-test`; `flush ruleset` would take that away too.
    ///
    /// It blocks the thread, as [`Command::output`](crate::Command::output) does.
    ///
    /// # Errors
    /// [`NftError::Refused`] with nft's words and the line that they are about.
    #[track_caller]
    pub fn nft(&self, ruleset: impl AsRef<str>) -> Result<(), NftError> {
        let ruleset = ruleset.as_ref();
        if let Some(refused) = words::refused_before_asking(self.name(), ruleset) {
            return Err(refused);
        }
        let failed = |source| NftError::Io { host: self.name().to_owned(), source };
        let nft = program::find().ok_or(NftError::NoProgram)?;
        let stdin = program::file_with(ruleset).map_err(failed)?;
        let command =
            self.command(nft).args(program::FROM_STDIN).env(program::LOCALE.0, program::LOCALE.1).for_the_library();
        let said = command.stdin(stdin).output().map_err(|error| failed(error.into()))?;
        if said.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&said.stderr);
        if words.trim().is_empty() {
            return Err(failed(program::silent(said.status)));
        }
        Err(words::refused(self.name(), ruleset, &words))
    }
}
