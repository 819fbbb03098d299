//! Telling everybody on a link who has an address.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;

use super::super::target::TargetError;
use super::super::{on_host, wait_on_host};
use super::report::ArpError;
use super::session::Link;
use super::wire;
use crate::{Host, Segment};

/// An announcement of an address. `.await` it, or `.wait()` for it; then it has been sent.
#[derive(Clone, Debug)]
#[must_use = "nothing is announced until this is awaited or waited for"]
pub struct Announce {
    host: Host,
    address: IpAddr,
    segment: Option<Segment>,
}

impl Host {
    /// Tells everybody on a link that this host has an address: gratuitous ARP (RFC 5227 section 3), or an unsolicited neighbour
    /// advertisement that overrides (RFC 4861 section 7.2.6). It need not have it.
    ///
    /// Those who know the address send to this host from then on. Who does not know it yet does not note it
    /// (`arp_accept`, `accept_untracked_na` in `Documentation/networking/ip-sysctl.rst`).
    ///
    /// # Errors
    /// [`ArpError::NotOnLink`] if no subnet of the host has the address, and [`Announce::on`] does not say where.
    pub fn announce(&self, address: impl Into<IpAddr>) -> Announce {
        Announce { host: self.clone(), address: address.into().to_canonical(), segment: None }
    }
}

impl Announce {
    /// The segment on which to say it; without it, the first one with a subnet that the address is in.
    pub fn on(mut self, segment: &Segment) -> Self {
        self.segment = Some(segment.clone());
        self
    }

    /// Blocks this thread until it has been sent. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<(), ArpError> {
        let host = self.host.clone();
        wait_on_host(&host, self.to_string(), async { self.send() })
    }

    /// On a thread of the host.
    fn send(self) -> Result<(), ArpError> {
        let Self { host, address, segment } = self;
        if address.is_unspecified() {
            return Err(TargetError::NoAddress { target: address.to_string(), family: "", hint: "" }.into());
        }
        let link = Link::towards(&host, address, segment.as_ref())?;
        link.send(&wire::announcement(address, link.mac, host.plan().forwarding))
    }
}

impl IntoFuture for Announce {
    type Output = Result<(), ArpError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let host = self.host.clone();
        Box::pin(async move { on_host(&host, self.to_string(), async { self.send() }).await })
    }
}

impl fmt::Display for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an announcement of {} by host `{}`", self.address, self.host.name())
    }
}
