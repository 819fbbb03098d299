//! Names that may be given to hosts and interfaces.

use std::fmt;
use std::str::FromStr;

/// Why a name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no characters.
    #[error("a {0} name cannot be empty")]
    Empty(&'static str),
    /// The name has more bytes than the kernel or the resolver takes.
    #[error("the {kind} name `{name}` has {} bytes, at most {max} are possible", name.len())]
    TooLong {
        /// `host`, `segment` or `interface`.
        kind: &'static str,
        /// The name.
        name: String,
        /// Most bytes allowed.
        max: usize,
    },
    /// The name has a character that cannot stand in it.
    #[error("the {kind} name {name:?} contains {character:?}")]
    Character {
        /// `host`, `segment` or `interface`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The first offending character.
        character: char,
    },
    /// The name means something else already.
    #[error("the {kind} name `{name}` is reserved")]
    Reserved {
        /// `host`, `segment` or `interface`.
        kind: &'static str,
        /// The name.
        name: String,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, max $max:literal, valid $valid:expr, reserved $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// The most bytes a name may have.
            pub const MAX: usize = $max;

            /// The name as a string.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                let (kind, owned) = ($kind, || name.to_owned());
                if name.is_empty() {
                    return Err(NameError::Empty(kind));
                }
                if let Some(character) = name.chars().find(|&c| !$valid(c)) {
                    return Err(NameError::Character { kind, name: owned(), character });
                }
                if name.len() > Self::MAX {
                    return Err(NameError::TooLong { kind, name: owned(), max: Self::MAX });
                }
                if name.starts_with('-') {
                    return Err(NameError::Character { kind, name: owned(), character: '-' });
                }
                if $reserved.contains(&name) {
                    return Err(NameError::Reserved { kind, name: owned() });
                }
                Ok(Self(owned()))
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// The name of a host: 1 to 63 letters, digits, `-` and `_`, starting with a letter or a digit or `_`.
    ///
    /// That is a host name label (RFC 1123 section 2.1) with the underscore of Rust's identifiers added, since a parameter's
    /// name becomes the name of its host. It is also a safe file name and stands in `/etc/hosts`.
    HostName, "host", max 63,
    valid |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    reserved ["localhost"]
}

name! {
    /// The name of a segment: made like the name of a host.
    SegmentName, "segment", max 63,
    valid |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    reserved [""]
}

name! {
    /// The name of a network interface: 1 to 15 printable ASCII characters other than `/`, `:` and space (`dev_valid_name`
    /// in the kernel; `:` is what marks an alias), and neither `.` nor `..`, which could not be directories of
    /// `/proc/sys/net`, nor `all`, `default` and `lo`, which have a meaning there.
    IfName, "interface", max 15,
    valid |c: char| c.is_ascii_graphic() && c != '/' && c != ':' && c != '%',
    reserved [".", "..", "all", "default", "lo"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_a_label() {
        for good in ["a", "alice", "db_1", "x-y", "9", &"n".repeat(63)] {
            assert_eq!(good.parse::<HostName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a b", "a/b", "é", ".", "a.b", "localhost", "a\n", "a\0", &"n".repeat(64)] {
            bad.parse::<HostName>().unwrap_err();
        }
    }

    #[test]
    fn an_interface_name_is_what_the_kernel_takes() {
        for good in ["eth0", "eth0.10", "a_b-c", "123456789012345"] {
            assert_eq!(good.parse::<IfName>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "a b", "a:b", "lo", "all", "default", "1234567890123456", "eth%d", "ä"] {
            bad.parse::<IfName>().unwrap_err();
        }
    }

    #[test]
    fn a_refused_name_is_shown() {
        let error = "a b".parse::<IfName>().unwrap_err();
        assert_eq!(error.to_string(), r#"the interface name "a b" contains ' '"#);
    }
}
