//! Why a router does not translate addresses.

use std::io;

use netns_test_topology::{HostName, IfName};

use super::super::program::NOT_THERE;
use super::kernel::Lack;

/// Why a router does not translate addresses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NatError {
    /// The program `nft` is not there.
    #[error("host {host} translates addresses ({work}), and {NOT_THERE}")]
    NoProgram { host: HostName, work: String },
    /// The program, or the kernel, cannot do it.
    #[error("host {host} translates addresses ({work}), and {lack}")]
    Lacking { host: HostName, work: String, lack: Lack },
    /// An interface has a name that means something else in a ruleset.
    #[error(
        "in host {host}: nft takes `{interface}` for the name of a set: address translation needs another name for it"
    )]
    Name { host: HostName, interface: IfName },
    /// The ruleset is wrong: that is a mistake of ours.
    #[error("in host {host}: nft refuses the lab's own ruleset: {words}")]
    Refused { host: HostName, words: String },
    /// The program could not be run.
    #[error("in host {host}: cannot run `nft`")]
    Run { host: HostName, source: io::Error },
}

impl NatError {
    /// Whether the machine lacks what is needed, rather than something having gone wrong.
    pub(crate) fn is_unmet_need(&self) -> bool {
        matches!(self, Self::NoProgram { .. } | Self::Lacking { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::Part;
    use super::*;

    #[test]
    fn what_the_machine_lacks_is_no_mistake_of_ours() {
        const PART: Part = Part { what: "", module: "", config: "" };
        let host: HostName = "router".parse().unwrap();
        let lacking = |lack| NatError::Lacking { host: "router".parse().unwrap(), work: String::new(), lack };
        assert!(NatError::NoProgram { host: host.clone(), work: String::new() }.is_unmet_need());
        assert!(lacking(Lack::Part(&PART, String::new())).is_unmet_need());
        assert!(lacking(Lack::Json(String::new())).is_unmet_need());
        let words = "Error: Could not process rule: Operation not supported".to_owned();
        assert!(!NatError::Refused { host: host.clone(), words }.is_unmet_need());
        assert!(!NatError::Run { host, source: io::ErrorKind::NotFound.into() }.is_unmet_need());
    }
}
