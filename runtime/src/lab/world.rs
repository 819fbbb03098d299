//! The files that a lab's programs see: `/proc`, `/run`, `/etc/hosts` and `/etc/resolv.conf` of its own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::{LabError, Labs};
use crate::Host;
use crate::isolation::{Mode, Refusal};

/// Where the lab's own files are. `/run` is a file system of the lab, so nothing of it is on the machine.
pub(crate) const DIRECTORY: &str = "/run/netns-test";

/// Where `ip netns` looks for names.
const NETNS: &str = "/run/netns";

/// Covers the machine's files with those of a lab. This thread is in a new mount namespace, and threads to come will be.
pub(crate) fn enter(mode: Mode) -> Result<(), Refusal> {
    let changes = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, changes, None::<&str>)
        .map_err(|error| Refusal::of_mount("/ as private", error))?;
    if mode == Mode::Inline {
        // The process has threads elsewhere: what it sees by default is the namespace of its first.
        cover_file(Path::new("/proc/thread-self/net"), "/proc/net")?;
    } else {
        cover("proc", "/proc")?;
    }
    let links = links_in(Path::new("/run"));
    cover("tmpfs", "/run")?;
    for (name, target) in links {
        // On some systems programs are found through them (`/run/current-system`); none of them is ours to need.
        let _ = std::os::unix::fs::symlink(target, Path::new("/run").join(name));
    }
    write_file("hosts", &hosts_file([])).and_then(|file| cover_file(&file, "/etc/hosts"))?;
    // No name server of the machine can be reached from here; asking would only take time.
    write_file("resolv.conf", "# no name server\n").and_then(|file| match cover_file(&file, "/etc/resolv.conf") {
        Err(_) if !Path::new("/etc/resolv.conf").exists() => Ok(()),
        covered => covered,
    })?;
    Ok(())
}

/// Lets `ip netns exec NAME` find the hosts, in a shell that has entered the lab.
pub(super) fn name_hosts(hosts: &[Host]) -> Result<(), LabError> {
    let failed = |path: PathBuf| move |source| LabError::File { path: path.display().to_string(), source };
    fs::create_dir_all(NETNS).map_err(failed(NETNS.into()))?;
    for host in hosts {
        let path = Path::new(NETNS).join(host.name());
        let target = format!("/proc/{}/fd/{}", std::process::id(), host.netns().as_raw_fd());
        std::os::unix::fs::symlink(target, &path).map_err(failed(path))?;
    }
    Ok(())
}

/// Mounts a fresh file system over a directory.
pub(crate) fn cover(kind: &str, directory: &str) -> Result<(), Refusal> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let flags = if kind == "tmpfs" { flags } else { flags | MsFlags::MS_NOEXEC };
    mount(Some(kind), directory, Some(kind), flags, None::<&str>)
        .map_err(|error| Refusal::of_mount(&format!("a fresh {directory}"), error))
}

/// Mounts a file or directory over another.
pub(crate) fn cover_file(with: &Path, path: &str) -> Result<(), Refusal> {
    mount(Some(with), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|error| Refusal::of_mount(&format!("the lab's own {path}"), error))
}

fn write_file(name: &str, content: &str) -> Result<PathBuf, Refusal> {
    let path = Path::new(DIRECTORY).join(name);
    let written: io::Result<()> = fs::create_dir_all(DIRECTORY).and_then(|()| fs::write(&path, content));
    written.map_err(|error| {
        Refusal::of_mount(&path.display().to_string(), Errno::from_raw(error.raw_os_error().unwrap_or(0)))
    })?;
    Ok(path)
}

fn links_in(directory: &Path) -> Vec<(std::ffi::OsString, PathBuf)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?))).collect()
}

/// Writes anew which names have which addresses: every host sees it at once.
pub(crate) fn write_hosts(labs: &Labs) -> Result<(), LabError> {
    /// One at a time: two labs of a test may be written at once.
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(DIRECTORY).join("hosts");
    let text = hosts_file(labs.names());
    // In place, since the file is mounted over another, and not emptied first: somebody may be reading it.
    let written = File::options().write(true).open(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    });
    written.map_err(|source| LabError::File { path: path.display().to_string(), source })
}

/// hosts(5): the loopback, then every address of every host.
fn hosts_file(names: impl IntoIterator<Item = (IpAddr, String)>) -> String {
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    let loopback = loopback.map(|address| (address, "localhost".to_owned()));
    let lines = loopback.into_iter().chain(names).map(|(address, name)| format!("{address}\t{name}\n"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn hosts_are_listed_with_all_their_addresses() {
        let names = [("198.51.100.1", "a"), ("2001:db8::1", "a"), ("198.51.100.2", "b")];
        let names = names.map(|(address, name)| (address.parse().unwrap(), name.to_owned()));
        let expected = "127.0.0.1\tlocalhost\n::1\tlocalhost\n198.51.100.1\ta\n2001:db8::1\ta\n198.51.100.2\tb\n";
        assert_eq!(super::hosts_file(names), expected);
    }
}
