//! Many pings at once.

use std::pin::Pin;
use std::time::Duration;

use super::{Ping, PingError, PingReport, Target, all_on_hosts, wait_on_host};
use crate::Host;

/// Pings of several targets, all at once. `.await` it, or `.wait()` for it: the answers are in the order of the targets.
///
/// They share the one thread that the host's runtime has.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until this is awaited or waited for"]
pub struct PingAll {
    host: Host,
    pings: Vec<Ping>,
}

impl Host {
    /// Sends ICMP echo requests to several targets at once.
    ///
    /// ```no_run
    /// # async fn example(a: netns_test::Host, lab: netns_test::Lab) {
    /// let outcomes = a.ping_all(lab.hosts()).count(1).await;
    /// assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    /// # }
    /// ```
    pub fn ping_all<T: Into<Target>>(&self, targets: impl IntoIterator<Item = T>) -> PingAll {
        PingAll { host: self.clone(), pings: targets.into_iter().map(|target| self.ping(target)).collect() }
    }
}

impl PingAll {
    /// How many requests to send to each, at least one.
    pub fn count(self, count: u16) -> Self {
        self.each(|ping| ping.count(count))
    }

    /// From one request to the next.
    pub fn interval(self, interval: Duration) -> Self {
        self.each(|ping| ping.interval(interval))
    }

    /// How long to wait for answers after the last request; stretched by the setting `time-scale`.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.each(|ping| ping.timeout(timeout))
    }

    /// Aims at the targets' IPv4 addresses.
    pub fn ipv4(self) -> Self {
        self.each(Ping::ipv4)
    }

    /// Aims at the targets' IPv6 addresses.
    pub fn ipv6(self) -> Self {
        self.each(Ping::ipv6)
    }

    fn each(mut self, change: impl Fn(Ping) -> Ping) -> Self {
        self.pings = self.pings.into_iter().map(change).collect();
        self
    }

    /// Blocks this thread until all of them have ended. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Vec<Result<PingReport, PingError>> {
        let (host, what) = (self.host.clone(), self.describe());
        let all = self.into_future();
        wait_on_host(&host, what, async { Ok(all.await) }).unwrap_or_else(|error: PingError| vec![Err(error)])
    }

    fn describe(&self) -> String {
        format!("{} pings from host `{}`", self.pings.len(), self.host.name())
    }
}

impl IntoFuture for PingAll {
    type Output = Vec<Result<PingReport, PingError>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let (host, what) = (self.host.clone(), self.describe());
        let probes: Vec<_> = self.pings.into_iter().map(|ping| (host.clone(), ping.session())).collect();
        Box::pin(all_on_hosts(what, probes))
    }
}
