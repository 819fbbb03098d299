//! A world that has been made: its lab, in which everything is done that the world is about.

use std::net::IpAddr;

use netns_test::{Host, Lab, Target, TestResult};
use netns_test_tests::routes::{Route, take_down};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use super::worlds::{Asked, Drawn, Family, Make, Who, World};

/// The least MTU that IPv6 works with (RFC 8200 section 5), in bytes.
const NARROW: u32 = 1280;

pub(crate) struct Made {
    pub(crate) world: World,
    lab: Lab,
    clients: Vec<Host>,
    pub(crate) server: Host,
    router: Option<Host>,
}

impl Made {
    /// Builds the lab, and makes it what the world says. In all but one somebody listens: `serve` sees to that.
    ///
    /// Beyond a router each probe has a client of its own: of what its routes refuse, a router over IPv4 tells each sender five times, and then
    /// once a second (`ip_error` in the kernel's `net/ipv4/route.c`).
    pub(crate) async fn make(
        number: usize,
        world: World,
        probes: usize,
        serve: fn(&Host, Family) -> TestResult,
    ) -> TestResult<Self> {
        let lab = draw(number, &world, probes)?;
        let found = |name: &'static str| lab.hosts().iter().filter(move |host| host.name().starts_with(name)).cloned();
        let (clients, router) = (found("client").collect(), found("router").next());
        let server = found("server").next().expect("every world has one");
        let made = Self { world, lab, clients, server, router };
        if made.world.make != Make::NobodyListens {
            serve(&made.server, made.world.family)?;
        }
        made.keep_asking_for_neighbours()?;
        if made.world.drawn != Drawn::Nowhere {
            // Neighbours know each other: what follows is not about that.
            for client in &made.clients {
                client.assert_ping(&made.server).await;
            }
        }
        made.change().await?;
        Ok(made)
    }

    /// Who asks, by the number of the probe.
    pub(crate) fn client(&self, probe: usize) -> &Host {
        &self.clients[probe % self.clients.len()]
    }

    fn who(&self, who: Who) -> &[Host] {
        match who {
            Who::Client => &self.clients,
            Who::Server => std::slice::from_ref(&self.server),
            Who::Router => self.router.as_slice(),
        }
    }

    pub(crate) fn target(&self) -> Target {
        match self.world.asked {
            Asked::Server => (&self.server).into(),
            Asked::Named(name) => name.into(),
        }
    }

    /// Whether this is an address of whoever has something to say in this world.
    pub(crate) fn speaks(&self, from: IpAddr) -> bool {
        self.who(self.world.speaker()).iter().any(|host| host.addresses().contains(&from))
    }

    /// What comes of a question for a neighbour must not depend on how long the test takes.
    fn keep_asking_for_neighbours(&self) -> TestResult {
        for host in self.lab.hosts() {
            for setting in ["mcast_solicit", "ucast_solicit"] {
                set_for_neighbours(host, setting, "10000")?;
            }
        }
        Ok(())
    }

    async fn change(&self) -> TestResult {
        for who in [Who::Client, Who::Server, Who::Router] {
            for host in self.who(who) {
                self.change_at(who, host).await?;
            }
        }
        Ok(())
    }

    /// The part of it that is done at one host.
    async fn change_at(&self, at: Who, host: &Host) -> TestResult {
        let v4 = self.world.family == Family::V4;
        let set = |path: &str, value: &str| host.run(|| std::fs::write(format!("/proc/sys/net/{path}"), value));
        let last_segment = self.lab.segments().last().expect("there is a segment");
        match self.world.make {
            Make::Rule(who, hook, rule) if who == at => {
                let neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";
                host.nft(chain("inet", hook, &format!("{neighbours}\n{rule}")))?;
            }
            Make::Unheard if at == Who::Server => {
                let (family, rule) =
                    if v4 { ("arp", "arp operation request") } else { ("ip6", "icmpv6 type nd-neighbor-solicit") };
                host.nft(chain(family, "input", &format!("{rule} drop")))?;
            }
            // Who knows it does not ask, nor forget.
            Make::Unheard if at == Who::Client => {
                let address = self.server.addr().to_string();
                let mac = self.server.run(|| std::fs::read_to_string("/sys/class/net/eth0/address"))?;
                let known = ["neighbour", "replace", &address, "lladdr", mac.trim(), "dev", "eth0", "nud", "permanent"];
                assert!(host.command("ip").args(known).status()?.success());
            }
            Make::Unplugged(who) if who == at => last_segment.unplug(host).await?,
            Make::Down(who) if who == at => take_down(host).await,
            Make::Refusing(who, kind) if who == at => {
                let length = if v4 { 32 } else { 128 };
                Route::of_kind(&format!("{}/{length}", self.server.addr()), kind).add_to(host).await;
            }
            Make::LosesAddress if at == Who::Client => {
                let flush = ["address", "flush", "dev", "eth0", "scope", "global"];
                assert!(host.command("ip").args(flush).status()?.success());
            }
            Make::GivesUp(who) if who == at => {
                for (setting, value) in [("mcast_solicit", "3"), ("retrans_time_ms", "50")] {
                    set_for_neighbours(host, setting, value)?;
                }
            }
            Make::NoForwarding if at == Who::Router => {
                set(if v4 { "ipv4/conf/all/forwarding" } else { "ipv6/conf/all/forwarding" }, "0")?;
            }
            Make::OneHop if at == Who::Client => {
                set(if v4 { "ipv4/ip_default_ttl" } else { "ipv6/conf/eth0/hop_limit" }, "1")?;
            }
            Make::Narrow(who) if who == at => last_segment.set_mtu(host, NARROW).await?,
            _ => {}
        }
        Ok(())
    }
}

fn draw(number: usize, world: &World, probes: usize) -> TestResult<Lab> {
    let [client, server, router] = ["client", "server", "router"].map(|name| format!("{name}{number}"));
    let [near, far] = world.family.subnets();
    let lab = Lab::builder();
    Ok(match world.drawn {
        Drawn::Near => lab.segment("lan", [near]).host(client, ["lan"]).host(server, ["lan"]),
        Drawn::OfTheOtherFamily => {
            lab.segment("lan", [world.family.other().subnets()[0]]).host(client, ["lan"]).host(server, ["lan"])
        }
        Drawn::Nowhere => {
            let lab = lab.segment("lan", [near]).host(client, ["lan"]).host(server, [""; 0]);
            lab.host(format!("other{number}"), ["lan"]).draw(|drawing| drawing.hosts[1].isolated = true)
        }
        Drawn::Far => {
            let lab = lab.segment("lan", [near]).segment("wan", [far]).host(server, ["wan"]);
            let lab = lab.router(router, ["lan", "wan"]);
            (0..probes).fold(lab, |lab, probe| lab.host(format!("{client}-{probe}"), ["lan"]))
        }
    }
    .build()?)
}

/// Says how a host asks for neighbours on each of its interfaces.
fn set_for_neighbours(host: &Host, setting: &str, value: &str) -> TestResult {
    let interfaces = host.run(|| std::fs::read_dir("/sys/class/net")?.collect::<Result<Vec<_>, _>>())?;
    for interface in interfaces.iter().filter_map(|entry| entry.file_name().into_string().ok()) {
        for family in ["ipv4", "ipv6"].iter().filter(|_| interface.starts_with("eth")) {
            let path = format!("/proc/sys/net/{family}/neigh/{interface}/{setting}");
            host.run(|| std::fs::write(path, value))?;
        }
    }
    Ok(())
}

fn chain(family: &str, hook: &str, rules: &str) -> String {
    format!(
        "table {family} filter {{
            chain {hook} {{
                type filter hook {hook} priority filter; policy accept;
                {rules}
            }}
        }}"
    )
}

/// From now on no file can be opened in this process, until this is dropped.
pub(crate) struct NoFiles {
    before: (rlim_t, rlim_t),
}

impl NoFiles {
    pub(crate) fn from_now_on() -> nix::Result<Self> {
        let before = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, 0, before.1)?;
        Ok(Self { before })
    }
}

impl Drop for NoFiles {
    fn drop(&mut self) {
        setrlimit(Resource::RLIMIT_NOFILE, self.before.0, self.before.1).expect("a soft limit can be raised again");
    }
}
