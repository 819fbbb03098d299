//! Sysctls with port numbers (`Documentation/networking/ip-sysctl.rst` in the kernel), of the host that this thread is in.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;

const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const UNPRIVILEGED: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// Reserves one more port.
///
/// What is written anywhere but at the beginning is added to the list (`proc_do_large_bitmap` in the kernel, for lists of more than a
/// page). To write the list anew would free all others for a moment, since one write takes a page only. Two writers at once may
/// lose a port: the caller has a lock.
pub(super) fn reserve(port: u16) -> io::Result<()> {
    const NOT_AT_THE_BEGINNING: u64 = 1;
    File::options().write(true).open(RESERVED)?.write_all_at(format!("{port}\n").as_bytes(), NOT_AT_THE_BEGINNING)
}

/// What is reserved.
pub(super) fn reserved() -> io::Result<Vec<RangeInclusive<u16>>> {
    // One read is all there is: a second answers with the end. This is more than all odd ports take.
    let mut buffer = vec![0; 256 * 1024];
    let length = File::open(RESERVED)?.read(&mut buffer)?;
    parse_list(&buffer[..length]).ok_or_else(|| not_understood(RESERVED))
}

fn parse_list(text: &[u8]) -> Option<Vec<RangeInclusive<u16>>> {
    let text = str::from_utf8(text).ok()?.trim();
    let part = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.split(',').filter(|part| !part.is_empty()).map(part).collect()
}

/// What the kernel chooses from.
pub(super) fn range() -> io::Result<RangeInclusive<u16>> {
    let text = fs::read_to_string(RANGE)?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
        _ => Err(not_understood(RANGE)),
    }
}

/// Sets what the kernel chooses from, and sees that it is so.
pub(super) fn set_range(wanted: &RangeInclusive<u16>) -> io::Result<()> {
    fs::write(RANGE, format!("{} {}", wanted.start(), wanted.end()))?;
    let now = range()?;
    if now == *wanted { Ok(()) } else { Err(io::Error::other(format!("it is still {}–{}", now.start(), now.end()))) }
}

/// The first port that does not need a privilege.
pub(super) fn first_unprivileged() -> io::Result<u16> {
    fs::read_to_string(UNPRIVILEGED)?.trim().parse().map_err(|_| not_understood(UNPRIVILEGED))
}

fn not_understood(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("what {path} says is not understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_numbers_and_ranges() {
        assert_eq!(parse_list(b"\n").unwrap(), []);
        assert_eq!(parse_list(b"80,8080-8082,65535\n").unwrap(), [80..=80, 8080..=8082, 65535..=65535]);
        assert_eq!(parse_list(b"80,x\n"), None);
    }
}
