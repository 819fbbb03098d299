//! What a machine lacks that does not load our ruleset.
//!
//! A kernel without a part of nftables answers with the same words as to a ruleset that is wrong: `No such file or directory`,
//! `Operation not supported`. So it is given small samples that are right; a kernel that has all of them has not refused for what it
//! lacks.

use std::fmt;

use nftables::schema::Nftables;

use super::ruleset;
use crate::lab::LabError;

/// What a machine lacks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// A part of the kernel, and what it said.
    Part(&'static Part, String),
    /// A program that understands JSON, and what it said.
    Json(String),
}

/// A part of nftables that a kernel may lack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it brings.
    pub(super) what: &'static str,
    /// The module.
    pub(super) module: &'static str,
    /// The option of the kernel's configuration.
    pub(super) config: &'static str,
}

/// What the kernel says where a part is missing: `EOPNOTSUPP`, `ENOENT`, `EAFNOSUPPORT`, `EPROTONOSUPPORT`.
const MISSING: [&str; 4] = [
    "Operation not supported",
    "No such file or directory",
    "Address family not supported by protocol",
    "Protocol not supported",
];

/// What a program says that was built without it.
const NO_JSON: &str = "JSON support not compiled-in";

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(Part { what, module, config }, words) => write!(
                f,
                "this kernel has no {what} of nftables: `sudo modprobe {module}`, or choose a kernel with {config}: {words}"
            ),
            Self::Json(words) => write!(f, "the program `nft` does not read JSON: install one that does: {words}"),
        }
    }
}

/// What the machine lacks, as far as samples tell. `check` answers with what there is to say against one.
pub(super) fn lacks(
    mut check: impl FnMut(&Nftables<'_>) -> Result<Option<String>, LabError>,
) -> Result<Option<Lack>, LabError> {
    for (part, sample) in ruleset::samples() {
        let Some(words) = check(&sample)? else { continue };
        if words.contains(NO_JSON) {
            return Ok(Some(Lack::Json(words)));
        }
        let missing = MISSING.iter().any(|missing| words.contains(missing));
        return Ok(missing.then_some(Lack::Part(part, words)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer where every sample that has one of these words in it is refused.
    fn lacks_where(refused: &[&str], words: &str) -> Option<Lack> {
        let check = |sample: &Nftables<'_>| {
            let json = serde_json::to_string(sample).unwrap();
            Ok(refused.iter().any(|word| json.contains(word)).then(|| words.to_owned()))
        };
        lacks(check).unwrap()
    }

    #[test]
    fn what_is_missing_is_found_by_its_sample() {
        let missing = |word| match lacks_where(&[word], "Error: Could not process rule: No such file or directory") {
            Some(Lack::Part(part, _)) => Some(part.module),
            _ => None,
        };
        assert_eq!(missing("inet"), Some("nf_tables"));
        assert_eq!(missing("postrouting"), Some("nft_chain_nat"));
        assert_eq!(missing("\"fib\""), Some("nft_fib_inet"));
        assert_eq!(missing("masquerade"), Some("nft_masq"));
        assert_eq!(missing("dnat"), Some("nft_nat"));
        assert_eq!(missing("\"ct\""), Some("nft_ct"));
    }

    #[test]
    fn a_machine_that_takes_all_samples_lacks_nothing() {
        assert_eq!(lacks_where(&[], ""), None);
    }

    #[test]
    fn a_sample_that_is_refused_for_another_reason_proves_no_lack() {
        assert_eq!(lacks_where(&["inet"], "Error: Could not process rule: Operation not permitted"), None);
    }

    #[test]
    fn a_lack_is_told_with_its_remedy() {
        let words = "Error: Could not process rule: Operation not supported";
        assert_eq!(
            lacks_where(&["masquerade"], words).unwrap().to_string(),
            "this kernel has no statement `masquerade` of nftables: `sudo modprobe nft_masq`, or choose a kernel with \
             CONFIG_NFT_MASQ: Error: Could not process rule: Operation not supported"
        );
        let lack = lacks_where(&["inet"], "JSON support not compiled-in").unwrap();
        assert!(matches!(lack, Lack::Json(_)), "{lack}");
    }
}
