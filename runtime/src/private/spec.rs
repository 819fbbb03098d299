//! What the attribute said, as a constant.

use netns_test_topology::{Drawing, DrawnImpairment, Lan, Need};

use crate::harness::Broken;

/// What the attribute said, as a constant. Options that were not written stay unset: the settings decide them at run time.
#[derive(Clone, Copy, Debug)]
pub struct TestSpec {
    pub(crate) test: &'static str,
    pub(crate) manifest_dir: &'static str,
    pub(crate) lan: Lan<'static>,
    /// The network, where it is not for `lan` to say.
    pub(crate) drawing: Option<fn() -> Drawing>,
    pub(crate) timeout: Option<&'static str>,
    pub(crate) requires: &'static [Need],
    pub(crate) worker_threads: Option<usize>,
    pub(crate) multi_thread: bool,
    pub(crate) start_paused: bool,
    pub(crate) should_panic: bool,
}

impl TestSpec {
    /// For the test with this path (`module_path!()`, `::`, its name) in the package with this directory.
    pub const fn new(test: &'static str, manifest_dir: &'static str) -> Self {
        let lan = Lan {
            hosts: &[],
            veth: false,
            subnets: &[],
            ipv6: None,
            mtu: None,
            impairment: DrawnImpairment::new(),
            engine: None,
        };
        Self {
            test,
            manifest_dir,
            lan,
            drawing: None,
            timeout: None,
            requires: &[],
            worker_threads: None,
            multi_thread: false,
            start_paused: false,
            should_panic: false,
        }
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

    /// What happens to each frame that crosses the segment.
    pub const fn impairment(mut self, impairment: DrawnImpairment<&'static str>) -> Self {
        self.lan.impairment = impairment;
        self
    }

    /// What carries that out.
    pub const fn engine(mut self, engine: &'static str) -> Self {
        self.lan.engine = Some(engine);
        self
    }

    /// There are no hosts, and that is as it should be.
    pub const fn no_hosts(mut self) -> Self {
        self.drawing = Some(Drawing::default);
        self
    }

    /// Another network than that of the attribute, if it is for a parameter or the option `topology` to say.
    ///
    /// # Panics
    /// If there is one already: while the test is compiled, with these words.
    #[track_caller]
    pub const fn topology(mut self, drawing: Option<fn() -> Drawing>) -> Self {
        if drawing.is_some() {
            assert!(
                self.drawing.is_none(),
                "a test has one topology, and this is the second\n\
                 help: write a struct with both, each as a field with `#[topology]`"
            );
            self.drawing = drawing;
        }
        self
    }

    /// The network is as the attribute has it, so no parameter may have another.
    ///
    /// # Panics
    /// If one has: while the test is compiled, with this complaint.
    #[track_caller]
    pub const fn no_topology(self, drawing: Option<fn() -> Drawing>, complaint: &'static str) -> Self {
        assert!(drawing.is_none(), "{}", complaint);
        self
    }

    /// The deadline of the test.
    pub const fn timeout(mut self, timeout: &'static str) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// What the machine has to have.
    pub const fn requires(mut self, needs: &'static [Need]) -> Self {
        self.requires = needs;
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

    /// Whether libtest expects a panic.
    pub const fn should_panic(mut self, expected: bool) -> Self {
        self.should_panic = expected;
        self
    }

    /// The tokio runtime for the body, as `#[tokio::test]` makes it.
    pub(crate) fn runtime(&self) -> tokio::runtime::Runtime {
        let mut builder = if self.multi_thread {
            tokio::runtime::Builder::new_multi_thread()
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        if let Some(workers) = self.worker_threads {
            builder.worker_threads(workers);
        }
        let runtime = builder.enable_all().start_paused(self.start_paused).build();
        runtime
            .unwrap_or_else(|error| std::panic::panic_any(Broken(format!("cannot start the tokio runtime: {error}"))))
    }
}
