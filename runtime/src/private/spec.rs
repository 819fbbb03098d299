//! What the attribute said, as a constant.

use netns_test_topology::Lan;

/// What the attribute said, as a constant. Options that were not written stay unset: the settings decide them at run time.
#[derive(Clone, Copy, Debug)]
pub struct TestSpec {
    pub(crate) test: &'static str,
    pub(crate) manifest_dir: &'static str,
    pub(crate) lan: Lan<'static>,
    pub(crate) timeout: Option<&'static str>,
    pub(crate) worker_threads: Option<usize>,
    pub(crate) multi_thread: bool,
    pub(crate) start_paused: bool,
}

impl TestSpec {
    /// For the test with this path (`module_path!()`, `::`, its name) in the package with this directory.
    pub const fn new(test: &'static str, manifest_dir: &'static str) -> Self {
        let lan = Lan { hosts: &[], veth: false, subnets: &[], ipv6: None, mtu: None };
        Self { test, manifest_dir, lan, timeout: None, worker_threads: None, multi_thread: false, start_paused: false }
    }

    /// The names of the hosts, in order.
    pub const fn hosts(mut self, names: &'static [&'static str]) -> Self {
        self.lan.hosts = names;
        self
    }

    /// Whether a segment joins the hosts.
    pub const fn veth(mut self, veth: bool) -> Self {
        self.lan.veth = veth;
        self
    }

    /// The segment's subnets.
    pub const fn subnets(mut self, subnets: &'static [&'static str]) -> Self {
        self.lan.subnets = subnets;
        self
    }

    /// Whether the segment has IPv6.
    pub const fn ipv6(mut self, ipv6: bool) -> Self {
        self.lan.ipv6 = Some(ipv6);
        self
    }

    /// The segment's MTU in bytes.
    pub const fn mtu(mut self, mtu: u32) -> Self {
        self.lan.mtu = Some(mtu);
        self
    }

    /// The deadline of the test.
    pub const fn timeout(mut self, timeout: &'static str) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether the body runs on tokio's multi-thread runtime.
    pub const fn multi_thread(mut self, multi_thread: bool) -> Self {
        self.multi_thread = multi_thread;
        self
    }

    /// How many workers that runtime has.
    pub const fn worker_threads(mut self, workers: usize) -> Self {
        self.worker_threads = Some(workers);
        self
    }

    /// Whether tokio's clock starts paused.
    pub const fn start_paused(mut self, paused: bool) -> Self {
        self.start_paused = paused;
        self
    }
}
