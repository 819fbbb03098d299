//! Interfaces whose frames the test reads and writes (Documentation/networking/tuntap.rst).

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use super::LabError;
use crate::sys;

const TUN: &str = "/dev/net/tun";

/// A tap: the end that is plugged in is a link, the other end is a file.
#[derive(Debug)]
pub(crate) struct Tap {
    /// A read is a frame that was sent to it, a write is one that it sends.
    pub(crate) file: File,
    /// Index of the link in the namespace where it was made.
    pub(super) index: u32,
}

impl Tap {
    /// Makes a tap with this name in the namespace that this thread is in.
    pub(super) fn make(name: &str) -> Result<Self, LabError> {
        let failed = |source: io::Error| LabError::Tap { source };
        let file = File::options().read(true).write(true).open(TUN).map_err(failed)?;
        sys::make_tap(file.as_fd(), name).map_err(failed)?;
        let index = nix::net::if_::if_nametoindex(name).map_err(|error| failed(error.into()))?;
        Ok(Self { file, index })
    }
}
