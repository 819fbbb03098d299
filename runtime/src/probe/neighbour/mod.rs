//! Asking who on a link has an address, by ARP (RFC 826) or IPv6 neighbour solicitation (RFC 4861), and telling everybody.
//!
//! Packets are sent and received by packet sockets (packet(7)): the kernel's own neighbour table has no say in it, and learns nothing
//! but what it would learn from anybody.

mod announce;
mod assertion;
mod report;
mod session;
mod wire;

pub use announce::Announce;
pub use assertion::{AssertArping, AssertNoArping};
pub use report::{ArpError, ArpReport};

use std::pin::Pin;
use std::time::Duration;

use super::schedule::Plan;
use super::{Target, on_host, wait_on_host};
use crate::Host;
use crate::trail::Fingerprints;
use session::{Options, Source};

/// From one request to the next, unless said otherwise.
const INTERVAL: Duration = Duration::from_millis(100);

/// A question about who on a link has an address, asked `count` times, `interval` apart. `.await` it, or `.wait()` for it.
///
/// It is answered with an [`ArpReport`] if one machine says to have it, and with [`ArpError::Conflict`] if several do. It ends when
/// the last request has its answer, or `timeout` after it was sent.
///
/// Unless said otherwise: 3 requests, 100 ms apart, a timeout of 1 s.
#[derive(Clone, Debug)]
#[must_use = "nobody is asked until this is awaited or waited for"]
pub struct Arping {
    host: Host,
    options: Options,
    count: u16,
    interval: Duration,
    timeout: Duration,
}

impl Host {
    /// Asks on a link who has an address: by ARP for an IPv4 address, by neighbour solicitation for an IPv6 one.
    ///
    /// ```no_run
    /// # async fn example(a: netns_test::Host, b: netns_test::Host) -> Result<(), netns_test::ArpError> {
    /// println!("{} is at {}", b.addr(), a.arping(&b).await?.mac());
    /// # Ok(())
    /// # }
    /// ```
    pub fn arping(&self, about: impl Into<Target>) -> Arping {
        Arping {
            host: self.clone(),
            options: Options::new(about.into()),
            count: 3,
            interval: INTERVAL,
            timeout: Duration::from_secs(1),
        }
    }
}

impl Options {
    fn new(target: Target) -> Self {
        Self { target, segment: None, source: Source::Own, family: None, fingerprints: Fingerprints::default() }
    }
}

impl Arping {
    /// How many requests to send, at least one.
    pub fn count(mut self, count: u16) -> Self {
        self.count = count.max(1);
        self
    }

    /// From one request to the next.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long to wait for answers after the last request; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Blocks this thread until it has ended. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<ArpReport, ArpError> {
        let host = self.host.clone();
        wait_on_host(&host, self.describe(), self.session())
    }

    fn describe(&self) -> String {
        format!("an arping of {} from host `{}`", self.options.target, self.host.name())
    }

    fn session(self) -> impl Future<Output = Result<ArpReport, ArpError>> + Send + 'static {
        let last_words = self.host.scaled(self.timeout);
        let plan = Plan::Fixed { count: self.count, interval: self.interval, last_words };
        session::run(self.host, self.options, plan)
    }
}

impl IntoFuture for Arping {
    type Output = Result<ArpReport, ArpError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let host = self.host.clone();
        Box::pin(async move { on_host(&host, self.describe(), self.session()).await })
    }
}

/// The options that the question and each assertion about it have.
macro_rules! options {
    ($builder:ident) => {
        impl $builder {
            /// The segment to ask on; without it, the first one with a subnet that the address is in.
            pub fn on(mut self, segment: &crate::Segment) -> Self {
                self.options.segment = Some(segment.clone());
                self
            }

            /// The address to ask from; without it, the host's own on the link.
            pub fn source(mut self, address: impl Into<std::net::IpAddr>) -> Self {
                self.options.source = crate::probe::neighbour::Source::Written(address.into());
                self
            }

            /// Asks as somebody who is about to take the address, from nobody's: duplicate address detection (RFC 5227 section 2.1.1, RFC 4862
            /// section 5.4). Nobody's neighbour table changes.
            pub fn duplicate_address_detection(mut self) -> Self {
                self.options.source = crate::probe::neighbour::Source::Nobody;
                self
            }

            /// Asks about the target's IPv4 address.
            pub fn ipv4(mut self) -> Self {
                self.options.family = Some(crate::probe::target::Family::V4);
                self
            }

            /// Asks about the target's IPv6 address.
            pub fn ipv6(mut self) -> Self {
                self.options.family = Some(crate::probe::target::Family::V6);
                self
            }
        }
    };
}
use options;

options!(Arping);
