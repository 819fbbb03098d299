//! Sysctls that are not as the lab has set them.

use std::fs;

use netns_test_topology::HostPlan;

use crate::lab::pinned;

/// A sysctl that has another value than the lab has given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sysctl {
    /// Its path under `/proc/sys`.
    pub(crate) path: String,
    pub(crate) value: String,
    /// What it was pinned to, or drawn with.
    pub(crate) expected: String,
}

/// Ends of the paths of those that are secrets.
const SECRETS: [&str; 2] = ["/stable_secret", "/tcp_fastopen_key"];

/// Those of the namespace that this thread is in, which is this host's. One that the kernel does not have was not set either.
pub(super) fn read(host: &HostPlan) -> Vec<Sysctl> {
    pinned(host).into_iter().filter_map(|(path, expected)| difference(path, expected)).collect()
}

fn difference(path: String, expected: String) -> Option<Sysctl> {
    let value = fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().to_owned();
    if value.split_whitespace().eq(expected.split_whitespace()) {
        return None;
    }
    let is_secret = SECRETS.iter().any(|end| path.ends_with(end));
    let [value, expected] = [value, expected].map(|value| if is_secret { "(not shown)".to_owned() } else { value });
    Some(Sysctl { path, value, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let path = "kernel/osrelease".to_owned();
        let value = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(difference(path.clone(), value.clone()), None);
        let value = value.trim().to_owned();
        let expected = "none".to_owned();
        assert_eq!(difference(path.clone(), expected.clone()), Some(Sysctl { path, value, expected }));
        assert_eq!(difference("no/such".to_owned(), String::new()), None);
    }
}
