//! The programs that run in a lab.

use std::fmt::Write;
use std::fs;
use std::os::fd::AsFd;

use nix::sys::stat::fstat;

use crate::Host;

/// A line for each program that runs in one of the hosts: its command, its number, its host.
pub(super) fn of(hosts: &[&Host]) -> String {
    let hosts: Vec<_> = hosts.iter().filter_map(|host| Some((namespace(host.netns())?, host.name()))).collect();
    let myself = std::process::id().to_string();
    let mut text = String::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if name == myself || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let here = fs::File::open(entry.path().join("ns/net")).ok().and_then(|file| namespace(file.as_fd()));
        let Some((_, host)) = hosts.iter().find(|(namespace, _)| Some(*namespace) == here) else { continue };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = command.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
        let command = String::from_utf8_lossy(&words.join(&b' ')).escape_debug().to_string();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  running in {host}: `{command}` (pid {name})");
    }
    text
}

fn namespace(file: impl AsFd) -> Option<(u64, u64)> {
    let status = fstat(file).ok()?;
    Some((status.st_dev, status.st_ino))
}
