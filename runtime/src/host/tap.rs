//! Interfaces whose frames the test reads and writes.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use netns_test_topology::Device;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::Host;
use crate::{Segment, sys};

/// Where the node of a macvtap is for a moment.
const NODES: &str = "/run/netns-test/dev";

impl Host {
    /// The test's end of the host's tap or macvtap on a segment: a read is a frame that was sent to it, a write is one that it sends,
    /// from the destination's MAC address on, without anything in front.
    ///
    /// Every call answers with the same end: its frames go to whoever reads first.
    ///
    /// It blocks; [`File`] can be made non-blocking and handed to tokio's `AsyncFd`. A macvtap is opened by its device number, which
    /// needs root.
    ///
    /// # Errors
    /// `InvalidInput` if the host has no such interface there.
    pub fn tap_on(&self, segment: &Segment) -> io::Result<File> {
        let number = self.machine().number();
        let interfaces = segment.interfaces_of(self);
        let is_ours = |nth: &&usize| matches!(self.plan().interfaces[**nth].device, Device::Tap | Device::Macvtap);
        let Some(&nth) = interfaces.iter().find(is_ours) else {
            let message = format!("host `{}` has no tap on segment `{}`", self.name(), segment.name());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let hub = &self.surroundings().hub;
        if let Some(tap) = hub.tap((number, nth)) {
            return tap.file.try_clone();
        }
        let (name, index) = (self.plan().interfaces[nth].name.as_str(), hub.index((number, nth)));
        self.machine().macvtap(nth, || self.run(|| open_macvtap(name, index)))
    }
}

/// Opens a macvtap of the host that this thread is in.
fn open_macvtap(name: &str, index: u32) -> io::Result<File> {
    let number = fs::read_to_string(format!("/sys/class/net/{name}/tap{index}/dev"))?;
    let (major, minor) = number.trim().split_once(':').ok_or(io::ErrorKind::InvalidData)?;
    let parse = |text: &str| text.parse::<u64>().map_err(|_| io::ErrorKind::InvalidData);
    let device = makedev(parse(major)?, parse(minor)?);
    // `/run` has no devices. The nodes that udev makes in `/dev` are named by indices, which other labs have too.
    fs::create_dir_all(NODES)?;
    mount(Some("tmpfs"), NODES, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, None::<&str>)?;
    let node = Path::new(NODES).join(name);
    let opened = mknod(&node, SFlag::S_IFCHR, Mode::S_IRUSR | Mode::S_IWUSR, device)
        .map_err(io::Error::from)
        .and_then(|()| File::options().read(true).write(true).open(&node));
    umount2(NODES, MntFlags::MNT_DETACH)?;
    let file = opened?;
    // Without the header that it has by default (`IFF_VNET_HDR`).
    sys::make_tap(file.as_fd(), name)?;
    Ok(file)
}
