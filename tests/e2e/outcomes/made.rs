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
}

impl Made {
    /// Builds the lab, and makes it what the world says. In all but one somebody listens: `serve` sees to that.
    pub(crate) async fn make(number: usize, world: World, serve: fn(&Host, Family) -> TestResult) -> TestResult<Self> {
        let made = Self { lab: draw(number, &world)?, world };
        if made.world.make != Make::NobodyListens {
            serve(made.server(), made.world.family)?;
        }
        made.keep_asking_for_neighbours()?;
        if made.world.drawn != Drawn::Nowhere {
            // Neighbours know each other: what follows is not about that.
            made.client().assert_ping(made.server()).await;
        }
        made.change().await?;
        Ok(made)
    }

    pub(crate) fn client(&self) -> &Host {
        &self.lab.hosts()[0]
    }

    pub(crate) fn server(&self) -> &Host {
        &self.lab.hosts()[1]
    }

    fn who(&self, who: Who) -> &Host {
        &self.lab.hosts()[who as usize]
    }

    pub(crate) fn target(&self) -> Target {
        match self.world.asked {
            Asked::Server => self.server().into(),
            Asked::Named(name) => name.into(),
        }
    }

    /// Whether this is an address of whoever has something to say in this world.
    pub(crate) fn speaks(&self, from: IpAddr) -> bool {
        self.who(self.world.speaker()).addresses().contains(&from)
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
        let v4 = self.world.family == Family::V4;
        match self.world.make {
            Make::Nothing | Make::NobodyListens | Make::Exhausted => {}
            Make::Rule(who, hook, rule) => {
                let neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";
                self.who(who).nft(chain("inet", hook, &format!("{neighbours}\n{rule}")))?;
            }
            Make::Unheard if v4 => self.server().nft(chain("arp", "input", "arp operation request drop"))?,
            Make::Unheard => self.server().nft(chain("inet", "input", "icmpv6 type nd-neighbor-solicit drop"))?,
            Make::Unplugged(who) => self.last_segment().unplug(self.who(who)).await?,
            Make::Down(who) => take_down(self.who(who)).await,
            Make::Refusing(who, kind) => {
                let length = if v4 { 32 } else { 128 };
                Route::of_kind(&format!("{}/{length}", self.server().addr()), kind).add_to(self.who(who)).await;
            }
            Make::ClientLosesAddress => {
                let flush = ["address", "flush", "dev", "eth0", "scope", "global"];
                assert!(self.client().command("ip").args(flush).status()?.success());
            }
            Make::GivesUp(who) => {
                for (setting, value) in [("mcast_solicit", "3"), ("retrans_time_ms", "50")] {
                    set_for_neighbours(self.who(who), setting, value)?;
                }
            }
            Make::NoForwarding => {
                let path = if v4 { "ipv4/conf/all/forwarding" } else { "ipv6/conf/all/forwarding" };
                self.set(Who::Router, path, "0")?;
            }
            Make::OneHop => {
                let path = if v4 { "ipv4/ip_default_ttl" } else { "ipv6/conf/eth0/hop_limit" };
                self.set(Who::Client, path, "1")?;
            }
            Make::Narrow(who) => self.last_segment().set_mtu(self.who(who), NARROW).await?,
        }
        Ok(())
    }

    fn last_segment(&self) -> &netns_test::Segment {
        self.lab.segments().last().expect("there is a segment")
    }

    fn set(&self, who: Who, path: &str, value: &str) -> TestResult {
        let path = format!("/proc/sys/net/{path}");
        Ok(self.who(who).run(|| std::fs::write(path, value))?)
    }
}

fn draw(number: usize, world: &World) -> TestResult<Lab> {
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
            let lab = lab.segment("lan", [near]).segment("wan", [far]);
            lab.host(client, ["lan"]).host(server, ["wan"]).router(router, ["lan", "wan"])
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
