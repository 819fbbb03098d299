//! Why a test's needs are not met.

use std::fmt;
use std::io;

use netns_test_topology::Feature;
use nix::errno::Errno;

use crate::isolation::is_unmet_need;
use crate::lab::{NetlinkError, quota};
use crate::path::Missing;

/// Something that was asked of the kernel and failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}")]
pub(super) struct Attempt {
    pub(super) what: &'static str,
    pub(super) source: io::Error,
}

impl From<NetlinkError> for Attempt {
    fn from(NetlinkError { what, source }: NetlinkError) -> Self {
        Self { what, source }
    }
}

impl Attempt {
    /// What it means, if these errors and no others say that the kernel does not have what it was asked for.
    pub(super) fn lacking_if(self, errors: &[Errno]) -> Obstacle {
        let lacking = self.source.raw_os_error().is_some_and(|code| errors.contains(&Errno::from_raw(code)));
        if lacking { Obstacle::Lacking(self) } else { Obstacle::Other(self) }
    }
}

/// Why a feature could not be tried out to the end.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The kernel does not have it.
    Lacking(Attempt),
    /// The kernel does not have the veth that it is tried out on.
    LackingVeth(Attempt),
    /// Anything else: it may have it or not.
    Other(Attempt),
}

/// Why one need is not met, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum NeedError {
    /// The kernel does not have it.
    #[error("this test requires `{feature}`, and this kernel has no {}: {}", feature.what(), feature.remedy())]
    Lacking { feature: Feature, source: Attempt },
    /// The kernel does not have the veth that it is tried out on.
    #[error(
        "this test requires `{feature}`, which is tried out on a veth, and this kernel has no devices of kind `veth`: {}",
        Feature::Veth.remedy()
    )]
    LackingVeth { feature: Feature, source: Attempt },
    /// There is no such program.
    #[error("this test requires the program `{name}`, {missing}")]
    NoProgram { name: &'static str, missing: Missing },
    /// The kernel failed to do it for a reason that says nothing about whether it can.
    #[error("cannot find out whether this machine has `{feature}`, which this test requires")]
    Unknown { feature: Feature, source: Attempt },
    /// There is no namespace to try it out in.
    #[error("cannot make a network namespace to try out `{feature}`, which this test requires{}", quota(source))]
    Namespace { feature: Feature, source: io::Error },
    /// There is no thread to try it out on.
    #[error("cannot start a thread to try out `{feature}`, which this test requires")]
    Thread { feature: Feature, source: io::Error },
}

impl NeedError {
    pub(super) fn new(feature: Feature, obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Lacking(source) => Self::Lacking { feature, source },
            Obstacle::LackingVeth(source) => Self::LackingVeth { feature, source },
            Obstacle::Other(source) => Self::Unknown { feature, source },
        }
    }

    /// Whether the machine lacks what the test needs, rather than something having gone wrong.
    fn is_unmet_need(&self) -> bool {
        match self {
            Self::Lacking { .. } | Self::LackingVeth { .. } | Self::NoProgram { .. } => true,
            Self::Namespace { source, .. } => source.raw_os_error().map(Errno::from_raw).is_some_and(is_unmet_need),
            Self::Unknown { .. } | Self::Thread { .. } => false,
        }
    }
}

/// All needs of a test that are not met, or may not be; never empty.
#[derive(Debug)]
pub(crate) struct Unmet(pub(super) Vec<NeedError>);

impl Unmet {
    /// Whether the machine lacks all of this, rather than something having gone wrong when it was asked.
    pub(crate) fn is_certain(&self) -> bool {
        self.0.iter().all(NeedError::is_unmet_need)
    }
}

/// One line for each.
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(|error| crate::error::chain(error)).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmet(feature: Feature, error: Errno, lacking: &[Errno]) -> NeedError {
        let attempt = Attempt { what: "make one", source: error.into() };
        NeedError::new(feature, attempt.lacking_if(lacking))
    }

    #[test]
    fn what_is_missing_is_said_with_the_remedy_and_the_kernel_s_words() {
        let vlan = unmet(Feature::Vlan, Errno::EOPNOTSUPP, &[Errno::EOPNOTSUPP]);
        let nft = NeedError::NoProgram { name: "nft", missing: Missing::Nowhere { package: Some("nftables") } };
        let unmet = Unmet(vec![vlan, nft]);
        assert!(unmet.is_certain());
        assert_eq!(
            unmet.to_string(),
            "this test requires `vlan`, and this kernel has no devices of that kind: `sudo modprobe 8021q`, or choose a \
             kernel with CONFIG_VLAN_8021Q: cannot make one: Operation not supported (os error 95)\n\
             this test requires the program `nft`, which is not in PATH: install it, on Debian `apt install nftables`"
        );
    }

    #[test]
    fn a_quota_that_leaves_no_namespace_is_an_unmet_need_and_a_lack_of_memory_is_none() {
        let unmet = |error: Errno| Unmet(vec![NeedError::Namespace { feature: Feature::Vlan, source: error.into() }]);
        assert!(unmet(Errno::ENOSPC).is_certain());
        assert_eq!(
            unmet(Errno::ENOSPC).to_string(),
            "cannot make a network namespace to try out `vlan`, which this test requires (raise `user.max_net_namespaces`): \
             No space left on device (os error 28)"
        );
        assert!(!unmet(Errno::ENOMEM).is_certain());
    }

    #[test]
    fn one_that_could_not_be_tried_makes_all_of_it_uncertain() {
        let sctp = unmet(Feature::Sctp, Errno::EPROTONOSUPPORT, &[Errno::EPROTONOSUPPORT]);
        let vlan = unmet(Feature::Vlan, Errno::EPERM, &[Errno::EOPNOTSUPP]);
        let unmet = Unmet(vec![sctp, vlan]);
        assert!(!unmet.is_certain());
        let text = unmet.to_string();
        assert!(text.starts_with("this test requires `sctp`, and this kernel has no such protocol: "), "{text}");
        assert!(
            text.ends_with(
                "\ncannot find out whether this machine has `vlan`, which this test requires: cannot make one: \
             Operation not permitted (os error 1)"
            ),
            "{text}"
        );
    }
}
