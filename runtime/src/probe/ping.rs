//! Ping: ICMP echo requests from a host, and what came of them.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use super::asker::Options;
use super::judge::NoAnswer;
use super::pinger::Pinger;
use super::rtts::Rtts;
use super::schedule::Plan;
use super::session;
use super::target::TargetError;
use super::{CannotRun, Target, on_host, wait_on_host};
use crate::Host;

/// A ping: `count` ICMP echo requests, `interval` apart. `.await` it, or `.wait()` for it.
///
/// It is answered with a [`PingReport`] if at least one request was, and with the reason if none was. It ends when every
/// request has its answer, or `timeout` after the last was sent; a refusal by the host itself ends it at once.
///
/// Unless said otherwise: 3 requests, 50 ms apart, a timeout of 1 s, 56 bytes.
#[derive(Clone, Debug)]
#[must_use = "a ping does nothing until it is awaited or waited for"]
pub struct Ping {
    host: Host,
    options: Options,
    count: u16,
    interval: Duration,
    timeout: Duration,
}

/// What came of a ping that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingReport {
    pub(super) sent: u32,
    pub(super) duplicates: u32,
    pub(super) rtts: Rtts,
}

impl PingReport {
    /// Requests that were sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Requests that were answered.
    pub fn received(&self) -> u32 {
        self.rtts.count()
    }

    /// Answers to requests that had been answered before.
    pub fn duplicates(&self) -> u32 {
        self.duplicates
    }

    /// The shortest round trip.
    pub fn rtt_min(&self) -> Duration {
        self.rtts.min()
    }

    /// The mean round trip.
    pub fn rtt_avg(&self) -> Duration {
        self.rtts.avg()
    }

    /// The longest round trip.
    pub fn rtt_max(&self) -> Duration {
        self.rtts.max()
    }
}

impl fmt::Display for PingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} answered, {}", self.sent, self.received(), self.rtts)
    }
}

/// The code of an ICMP "destination unreachable" message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnreachableCode {
    /// Of ICMP (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
    V4(u8),
    /// Of `ICMPv6` (RFC 4443 section 3.1).
    V6(u8),
}

impl UnreachableCode {
    /// Whether a rule forbade the packet, rather than a way being missing.
    pub fn is_prohibited(self) -> bool {
        matches!(self, Self::V4(9 | 10 | 13) | Self::V6(1 | 5 | 6))
    }

    /// Whether somebody has looked in vain for a neighbour: host, or address, unreachable.
    pub(crate) fn is_about_a_neighbour(self) -> bool {
        matches!(self, Self::V4(1) | Self::V6(3))
    }
}

impl fmt::Display for UnreachableCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::V4(0) => "net unreachable",
            Self::V4(1) => "host unreachable",
            Self::V4(2) => "protocol unreachable",
            Self::V4(3) | Self::V6(4) => "port unreachable",
            Self::V4(5) => "source route failed",
            Self::V4(9) => "communication with the network prohibited",
            Self::V4(10) => "communication with the host prohibited",
            Self::V4(13) | Self::V6(1) => "communication administratively prohibited",
            Self::V6(0) => "no route to destination",
            Self::V6(2) => "beyond the scope of the source address",
            Self::V6(3) => "address unreachable",
            Self::V6(5) => "source address failed policy",
            Self::V6(6) => "reject route to destination",
            Self::V4(code) | Self::V6(code) => return write!(f, "unreachable, code {code}"),
        };
        f.write_str(text)
    }
}

/// Why a ping was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// Silence: every request was sent, nothing came back in time.
    #[error("no answer from {to}: {sent} requests sent, nothing came back within {waited:?}")]
    Timeout {
        /// The destination.
        to: IpAddr,
        /// Requests that were sent.
        sent: u32,
        /// From the first request to the end.
        waited: Duration,
    },
    /// Somebody said that there is no way: destination unreachable.
    #[error("{to} is unreachable: {from} says {code}")]
    Unreachable {
        /// The destination.
        to: IpAddr,
        /// Who said so. The host that asked says so itself when nobody on its segment answers for the address.
        from: IpAddr,
        /// What was said.
        code: UnreachableCode,
    },
    /// Somebody forbade it.
    #[error("{to} is prohibited: {from} says {code}")]
    Prohibited {
        /// The destination.
        to: IpAddr,
        /// Who said so.
        from: IpAddr,
        /// What was said.
        code: UnreachableCode,
    },
    /// The host that asked forbade it: a firewall dropped the request on its way out, or a route prohibits it.
    #[error("{to} is prohibited by the host itself: {source}")]
    ProhibitedHere {
        /// The destination.
        to: IpAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The host that asked has no route to the destination.
    #[error("no route to {to}: {source}")]
    NoRoute {
        /// The destination.
        to: IpAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The time to live ran out on the way.
    #[error("the time to live of a request to {to} ran out at {from}")]
    TimeExceeded {
        /// The destination.
        to: IpAddr,
        /// Where.
        from: IpAddr,
    },
    /// The request was too large for a link, and must not be fragmented.
    #[error("a request to {to} was too big{}{}", at(*from), up_to(*mtu))]
    TooBig {
        /// The destination.
        to: IpAddr,
        /// Who said so; none if the link is the host's own.
        from: Option<IpAddr>,
        /// What the link takes, in bytes, if it was told.
        mtu: Option<u32>,
    },
    /// A router did not understand the request.
    #[error("{from} did not understand a request to {to} (ICMP parameter problem)")]
    ParameterProblem {
        /// The destination.
        to: IpAddr,
        /// Who said so.
        from: IpAddr,
    },
    /// The target is nobody who could be asked. The question was never asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The host that asked could not: no socket, no such source address. The question was never asked.
    #[error("could not {what}")]
    Local {
        /// What failed.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl From<CannotRun> for PingError {
    fn from(error: CannotRun) -> Self {
        Self::Local { what: error.what, source: error.source }
    }
}

impl PingError {
    /// Whether it is a result: the request was refused, or met with silence. Otherwise the question was never asked or what came
    /// back says nothing about whether the target can be reached.
    pub fn is_negative(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Unreachable { .. }
                | Self::Prohibited { .. }
                | Self::ProhibitedHere { .. }
                | Self::NoRoute { .. }
        )
    }
}

impl NoAnswer for PingError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn is_broken(&self) -> bool {
        matches!(self, Self::Target(_) | Self::Local { .. })
    }
}

fn at(from: Option<IpAddr>) -> String {
    from.map_or_else(|| " for the host's own link".to_owned(), |from| format!(" for a link at {from}"))
}

fn up_to(mtu: Option<u32>) -> String {
    mtu.map_or_else(String::new, |mtu| format!(", which takes {mtu} bytes"))
}

impl Ping {
    pub(super) fn new(host: &Host, target: Target) -> Self {
        Self {
            host: host.clone(),
            options: Options::timed(target),
            count: 3,
            interval: Duration::from_millis(50),
            timeout: Duration::from_secs(1),
        }
    }

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

    /// Goes on asking in the background until it is stopped, whatever its `count`.
    ///
    /// ```no_run
    /// # async fn example(a: netns_test::Host, b: netns_test::Host) -> Result<(), netns_test::PingError> {
    /// let pinger = a.ping(&b).interval(std::time::Duration::from_millis(10)).start();
    /// // …
    /// let log = pinger.stop().await?;
    /// assert!(log.received() > 0 && log.lost().is_empty(), "{log}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(self) -> Pinger {
        let last_words = self.host.scaled(self.timeout);
        Pinger::start(self.host, self.options, self.interval, last_words)
    }

    /// Blocks this thread until the ping has ended. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<PingReport, PingError> {
        let host = self.host.clone();
        wait_on_host(&host, self.describe(), self.session())
    }

    fn describe(&self) -> String {
        format!("a ping of {} from host `{}`", self.options.target, self.host.name())
    }

    pub(super) fn session(self) -> impl Future<Output = Result<PingReport, PingError>> + Send + 'static {
        let last_words = self.host.scaled(self.timeout);
        let plan = Plan::Fixed { count: self.count, interval: self.interval, last_words };
        session::run(self.host, self.options, plan)
    }
}

impl IntoFuture for Ping {
    type Output = Result<PingReport, PingError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let host = self.host.clone();
        Box::pin(async move { on_host(&host, self.describe(), self.session()).await })
    }
}

/// The options that every ping and every assertion about one has.
macro_rules! options {
    ($builder:ident) => {
        impl $builder {
            /// Bytes of payload in each request, after the 8 bytes of ICMP header. At most 65,507 over IPv4.
            pub fn size(mut self, bytes: u16) -> Self {
                self.options.size = bytes;
                self
            }

            /// Time to live (IPv4) or hop limit (IPv6) of the requests.
            pub fn ttl(mut self, hops: u8) -> Self {
                self.options.ttl = Some(hops);
                self
            }

            /// Whether a request that is too large for a link is an error ([`PingError::TooBig`]) rather than fragmented.
            pub fn dont_fragment(mut self, forbidden: bool) -> Self {
                self.options.dont_fragment = forbidden;
                self
            }

            /// The address to send from; without it the kernel chooses.
            pub fn source(mut self, address: impl Into<std::net::IpAddr>) -> Self {
                self.options.source = Some(address.into());
                self
            }

            /// Aims at the target's IPv4 address.
            pub fn ipv4(mut self) -> Self {
                self.options.family = Some(crate::probe::target::Family::V4);
                self
            }

            /// Aims at the target's IPv6 address.
            pub fn ipv6(mut self) -> Self {
                self.options.family = Some(crate::probe::target::Family::V6);
                self
            }
        }
    };
}
pub(super) use options;

options!(Ping);

/// # Probes
impl Host {
    /// Sends ICMP echo requests to a target.
    ///
    /// ```no_run
    /// # async fn example(a: netns_test::Host, b: netns_test::Host) -> Result<(), netns_test::PingError> {
    /// let report = a.ping(&b).count(10).await?;
    /// assert_eq!(report.received(), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ping(&self, to: impl Into<Target>) -> Ping {
        Ping::new(self, to.into())
    }
}
