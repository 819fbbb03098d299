//! How a test is kept apart from the machine, and what to do when the machine does not allow it.

mod refusal;

use nix::sched::CloneFlags;
use once_cell::sync::OnceCell;

pub(crate) use refusal::{Refusal, is_unmet_need};

use crate::settings::Isolation;

/// The namespaces of a test, besides the user namespace that it may need to make them.
pub(crate) const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNET
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWPID);

/// How one test is kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In a process of its own, in a user namespace of its own.
    User,
    /// In a process of its own, with the privileges of this one.
    Root,
    /// In this process and thread.
    Inline,
}

impl Mode {
    /// The mode that a setting means for this process.
    pub(crate) fn choose(setting: Isolation) -> Self {
        match setting {
            Isolation::Auto if privileged() => Self::Root,
            Isolation::Auto | Isolation::User => Self::User,
            Isolation::Root => Self::Root,
            Isolation::Inline => Self::Inline,
        }
    }

    /// The namespaces to be born in.
    pub(crate) fn namespaces(self) -> CloneFlags {
        match self {
            Self::User => NAMESPACES | CloneFlags::CLONE_NEWUSER,
            Self::Root | Self::Inline => NAMESPACES,
        }
    }
}

/// Whether this process may make namespaces and configure networks without a user namespace of its own: whether it has
/// `CAP_NET_ADMIN`, `CAP_NET_RAW` and `CAP_SYS_ADMIN` (capabilities(7)).
fn privileged() -> bool {
    static PRIVILEGED: OnceCell<bool> = OnceCell::new();
    const NEEDED: u64 = 1 << 12 | 1 << 13 | 1 << 21;
    *PRIVILEGED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let capabilities = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
        capabilities & NEEDED == NEEDED
    })
}
