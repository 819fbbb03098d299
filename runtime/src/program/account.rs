//! Whose a program is.

use std::fs;

use nix::unistd::{Group, User};

/// A user or a group, by number or by name.
#[derive(Clone, Debug)]
pub(super) enum Account {
    Id(u32),
    Name(String),
}

/// What kind of account.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    User,
    Group,
}

impl From<u32> for Account {
    fn from(id: u32) -> Self {
        Self::Id(id)
    }
}

impl Account {
    /// Its number, if the test's user namespace has it (`user_namespaces(7)`). The kernel would say "invalid argument".
    pub(super) fn resolve(&self, kind: Kind) -> Result<u32, String> {
        let (word, map) = match kind {
            Kind::User => ("user", "/proc/self/uid_map"),
            Kind::Group => ("group", "/proc/self/gid_map"),
        };
        let id = match self {
            Self::Id(id) => *id,
            Self::Name(name) => {
                let found = match kind {
                    Kind::User => User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())),
                    Kind::Group => Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())),
                };
                found.ok().flatten().ok_or_else(|| format!("there is no {word} `{name}` on this machine"))?
            }
        };
        let map = fs::read_to_string(map).map_err(|error| format!("cannot read {map}: {error}"))?;
        if is_mapped(id, &map) {
            return Ok(id);
        }
        Err(format!(
            "{word} {id} is not in the test's user namespace, where there is only {}: run the test as root to have all",
            ids(&map)
        ))
    }
}

/// First number and count of each line: the second field is what it is outside.
fn ranges(map: &str) -> impl Iterator<Item = (u64, u64)> {
    map.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().map(str::parse);
        match (fields.next(), fields.nth(1)) {
            (Some(Ok(first)), Some(Ok(count))) => Some((first, count)),
            _ => None,
        }
    })
}

fn is_mapped(id: u32, map: &str) -> bool {
    ranges(map).any(|(first, count)| (first..first + count).contains(&u64::from(id)))
}

fn ids(map: &str) -> String {
    let show =
        |(first, count)| if count == 1 { format!("{first}") } else { format!("{first}–{}", first + count - 1) };
    ranges(map).map(show).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_is_the_first_field_and_the_count() {
        let map = "         0       1000          1\n         1     100000      65536\n";
        assert!(is_mapped(0, map) && is_mapped(65536, map));
        assert!(!is_mapped(65537, map) && !is_mapped(100_000, map));
        assert_eq!(ids(map), "0, 1–65536");
        assert!(is_mapped(u32::MAX - 1, "0 0 4294967295"));
    }
}
