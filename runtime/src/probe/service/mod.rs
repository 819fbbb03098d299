//! Services: whether anybody listens on a port, over TCP, UDP or SCTP.

mod assertion;
mod error;
mod session;

pub use assertion::{AssertNoService, AssertService};
pub use error::{ServiceError, ServiceReport};

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{FEWEST, Target, on_host, wait_on_host};
use crate::Host;
use crate::probe::schedule::Plan;
use crate::trail::Fingerprints;
use crate::transport::Transport;
use session::Options;

/// The question whether anybody listens on a port. `.await` it, or `.wait()` for it.
///
/// TCP and SCTP connect, once; that is an answer, and the connection is closed again. The kernel connects for a program that listens, whether that
/// accepts by then or not. Over UDP three datagrams of eight bytes are sent, 50 ms apart, and any datagram is an answer; so only what answers
/// to anything is found. It is over with the first answer or refusal, or 1 s after the last question.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until it is awaited or waited for"]
pub struct Service {
    host: Host,
    options: Options,
    timeout: Duration,
}

/// The options that every question for a service has, and every assertion about one.
macro_rules! options {
    ($builder:ident) => {
        impl $builder {
            /// The address to ask from; without it the kernel chooses.
            pub fn source(mut self, address: impl Into<std::net::IpAddr>) -> Self {
                self.options.source = Some(address.into());
                self
            }

            /// The port to ask from; without it the kernel chooses one for each attempt. With it there is one connection at a time, which the
            /// kernel itself tries again: after a second, and each second from then on. A window is as long as it takes for three.
            pub fn source_port(mut self, port: u16) -> Self {
                self.options.source_port = port;
                self
            }

            /// Aims at the target's IPv4 address.
            pub fn ipv4(mut self) -> Self {
                self.options.family = Some(crate::probe::Family::V4);
                self
            }

            /// Aims at the target's IPv6 address.
            pub fn ipv6(mut self) -> Self {
                self.options.family = Some(crate::probe::Family::V6);
                self
            }
        }
    };
}
use options;

options!(Service);

impl Options {
    fn new(transport: Transport, target: Target, port: u16) -> Self {
        Self {
            transport,
            target,
            port,
            source: None,
            source_port: 0,
            family: None,
            fingerprints: Fingerprints::default(),
        }
    }
}

/// # Services
impl Host {
    /// Asks whether anybody listens on a TCP port.
    ///
    /// ```no_run
    /// # async fn example(a: netns_test::Host, b: netns_test::Host) {
    /// match a.tcp(&b, 80).await {
    ///     Ok(report) => println!("{report}"),
    ///     Err(netns_test::ServiceError::Refused { .. }) => println!("nobody listens"),
    ///     Err(netns_test::ServiceError::Timeout { .. }) => println!("a firewall drops it"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn tcp(&self, to: impl Into<Target>, port: u16) -> Service {
        Service::new(self, Transport::Tcp, to.into(), port)
    }

    /// Asks whether anything answers on a UDP port.
    pub fn udp(&self, to: impl Into<Target>, port: u16) -> Service {
        Service::new(self, Transport::Udp, to.into(), port)
    }

    /// Asks whether anybody listens on an SCTP port.
    pub fn sctp(&self, to: impl Into<Target>, port: u16) -> Service {
        Service::new(self, Transport::Sctp, to.into(), port)
    }
}

impl Service {
    fn new(host: &Host, transport: Transport, target: Target, port: u16) -> Self {
        let options = Options::new(transport, target, port);
        Self { host: host.clone(), options, timeout: Duration::from_secs(1) }
    }

    /// How long to wait for an answer to the last question; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Blocks this thread until there is an answer. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<ServiceReport, ServiceError> {
        let host = self.host.clone();
        wait_on_host(&host, self.describe(), self.session())
    }

    fn describe(&self) -> String {
        let Options { transport, target, port, .. } = &self.options;
        format!("an answer to host `{}` from {target}, {transport} port {port}", self.host.name())
    }

    fn session(self) -> impl Future<Output = Result<ServiceReport, ServiceError>> + Send + 'static {
        let count = if self.options.transport == Transport::Udp { FEWEST } else { 1 };
        let last_words = self.host.scaled(self.timeout);
        let plan = Plan::Fixed { count, interval: Duration::from_millis(50), last_words };
        session::run(self.host, self.options, plan)
    }
}

impl IntoFuture for Service {
    type Output = Result<ServiceReport, ServiceError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let host = self.host.clone();
        Box::pin(async move { on_host(&host, self.describe(), self.session()).await })
    }
}
