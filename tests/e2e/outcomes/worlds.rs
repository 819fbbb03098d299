//! The worlds that every probe is driven through: one list for both families, since little differs between them.

use rtnetlink::packet_route::route::RouteType;

/// What is spoken in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

use Family::{V4, V6};

impl Family {
    pub(crate) fn other(self) -> Self {
        if self == V4 { V6 } else { V4 }
    }

    fn choose<T>(self, v4: T, v6: T) -> T {
        if self == V4 { v4 } else { v6 }
    }

    /// That of the client's segment, and that of the one beyond the router.
    pub(crate) fn subnets(self) -> [&'static str; 2] {
        self.choose(["10.0.0.0/24", "10.0.1.0/24"], ["fd00::/64", "fd00:1::/64"])
    }
}

/// One world: what is drawn, whom the client asks, and what is done to the network before it does.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    pub(crate) drawn: Drawn,
    pub(crate) asked: Asked,
    pub(crate) make: Make,
}

impl World {
    /// Who has something to say by ICMP, if anybody.
    pub(crate) fn speaker(&self) -> Who {
        match self.make {
            Make::Rule(who, ..) | Make::Refusing(who, _) | Make::GivesUp(who) => who,
            _ if self.drawn == Drawn::Far => Router,
            _ => Server,
        }
    }
}

/// Where the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// On a switch with the client.
    Near,
    /// Beyond a router.
    Far,
    /// On a switch with the client, and neither has an address of the family.
    OfTheOtherFamily,
    /// On no segment.
    Nowhere,
}

/// Whom the client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Server,
    Named(&'static str),
}

/// Of whom something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Client,
    Server,
    Router,
}

use Who::{Client, Router, Server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    Nothing,
    NobodyListens,
    /// A rule of somebody's at a hook. What neighbours ask each other is accepted before, over IPv6 as ARP is over IPv4.
    Rule(Who, &'static str, &'static str),
    /// The server hears no question for its address.
    Unheard,
    /// The cable to the server, or to the router, on the segment that is last on the way there; or the client's.
    Unplugged(Who),
    Down(Who),
    /// A route of somebody's to the server, that refuses.
    Refusing(Who, RouteType),
    /// The client's address is taken away, beside the lab.
    LosesAddress,
    /// Somebody asks three times for a neighbour, quickly; otherwise that goes on.
    GivesUp(Who),
    NoForwarding,
    /// What the client sends gets to the first router, and no further.
    OneHop,
    /// The link of somebody takes less than what is pinged with, which must not be fragmented.
    Narrow(Who),
    /// The process may open no more files.
    Exhausted,
}

/// All worlds of a family.
pub(crate) fn worlds(family: Family) -> Vec<World> {
    let mut worlds = Worlds { family, worlds: Vec::new() };
    worlds.of_the_server();
    worlds.of_the_client();
    worlds.of_other_targets();
    worlds.of_the_router();
    worlds.worlds
}

struct Worlds {
    family: Family,
    worlds: Vec<World>,
}

impl Worlds {
    fn add(&mut self, name: &'static str, drawn: Drawn, asked: Asked, make: Make) {
        self.worlds.push(World { name, family: self.family, drawn, asked, make });
    }

    fn near(&mut self, name: &'static str, make: Make) {
        self.add(name, Drawn::Near, Asked::Server, make);
    }

    fn far(&mut self, name: &'static str, make: Make) {
        self.add(name, Drawn::Far, Asked::Server, make);
    }

    fn of_the_server(&mut self) {
        self.near("it answers", Make::Nothing);
        self.near("nobody listens", Make::NobodyListens);
        self.near("it does not hear who asks for its address", Make::Unheard);
        self.near("it drops silently", Make::Rule(Server, "input", "drop"));
        // All that nft knows.
        for (name, rule) in self.family.choose(
            &[
                ("it rejects: net unreachable", "reject with icmp type net-unreachable"),
                ("it rejects: host unreachable", "reject with icmp type host-unreachable"),
                ("it rejects: protocol unreachable", "reject with icmp type prot-unreachable"),
                ("it rejects: port unreachable", "reject with icmp type port-unreachable"),
                ("it rejects: net prohibited", "reject with icmp type net-prohibited"),
                ("it rejects: host prohibited", "reject with icmp type host-prohibited"),
                ("it rejects: administratively", "reject with icmp type admin-prohibited"),
            ][..],
            &[
                ("it rejects: no route", "reject with icmpv6 type no-route"),
                ("it rejects: administratively", "reject with icmpv6 type admin-prohibited"),
                ("it rejects: address unreachable", "reject with icmpv6 type addr-unreachable"),
                ("it rejects: port unreachable", "reject with icmpv6 type port-unreachable"),
                ("it rejects: source address failed policy", "reject with icmpv6 type policy-fail"),
                ("it rejects: reject route", "reject with icmpv6 type reject-route"),
            ],
        ) {
            self.near(name, Make::Rule(Server, "input", rule));
        }
        self.near("it rejects: TCP reset", Make::Rule(Server, "input", "meta l4proto tcp reject with tcp reset"));
        self.near("its answers are dropped", Make::Rule(Server, "output", "drop"));
        self.near("its cable is pulled", Make::Unplugged(Server));
        self.near("its interface is down", Make::Down(Server));
    }

    fn of_the_client(&mut self) {
        self.near("the client's cable is pulled", Make::Unplugged(Client));
        self.near("the client's interface is down", Make::Down(Client));
        self.near("the client's firewall drops what it sends", Make::Rule(Client, "output", "drop"));
        self.near(
            "the client's firewall rejects what it sends",
            // Not what it says of that to itself.
            Make::Rule(Client, "output", "oifname eth0 reject with icmpx type admin-prohibited"),
        );
        self.near("the client's firewall drops what it receives", Make::Rule(Client, "input", "drop"));
        self.near("the client's route prohibits it", Make::Refusing(Client, RouteType::Prohibit));
        self.near("the client's route says unreachable", Make::Refusing(Client, RouteType::Unreachable));
        self.near("the client's route is a black hole", Make::Refusing(Client, RouteType::BlackHole));
        self.near("the client's route says to look elsewhere", Make::Refusing(Client, RouteType::Throw));
        self.near("the client has lost its address", Make::LosesAddress);
        self.near("the client's link takes less", Make::Narrow(Client));
        self.near("the client can open no socket", Make::Exhausted);
    }

    fn of_other_targets(&mut self) {
        let choose = |v4, v6| Asked::Named(self.family.choose(v4, v6));
        let (nobody, elsewhere) = (choose("10.0.0.77", "fd00::77"), choose("192.0.2.1", "2001:db8::1"));
        let unspecified = choose("0.0.0.0", "::");
        self.add("nobody has the address", Drawn::Near, nobody, Make::Nothing);
        self.add("nobody has the address, and the client gives up", Drawn::Near, nobody, Make::GivesUp(Client));
        self.add("there is no route", Drawn::Near, elsewhere, Make::Nothing);
        self.add("the client has no address of the family", Drawn::OfTheOtherFamily, nobody, Make::Nothing);
        self.add("it has no address of the family", Drawn::OfTheOtherFamily, Asked::Server, Make::Nothing);
        self.add("it has no address", Drawn::Nowhere, Asked::Server, Make::Nothing);
        self.add("there is no such host", Drawn::Near, Asked::Named("nobody"), Make::Nothing);
        self.add("the address is unspecified", Drawn::Near, unspecified, Make::Nothing);
    }

    fn of_the_router(&mut self) {
        let family = self.family;
        let from_the_server = family.choose("ip saddr 10.0.1.0/24 drop", "ip6 saddr fd00:1::/64 drop");
        let nobody = Asked::Named(family.choose("10.0.1.77", "fd00:1::77"));
        let elsewhere = Asked::Named(family.choose("192.0.2.1", "2001:db8::1"));
        let forward = |rule| Make::Rule(Router, "forward", rule);
        self.far("beyond a router it answers", Make::Nothing);
        self.far("the router drops it", forward("drop"));
        self.far("the router drops the answers", forward(from_the_server));
        self.far("the router rejects: unreachable", forward("reject with icmpx type host-unreachable"));
        self.far("the router rejects: administratively", forward("reject with icmpx type admin-prohibited"));
        self.far("the router rejects: TCP reset", forward("meta l4proto tcp reject with tcp reset"));
        self.far("the router's route prohibits it", Make::Refusing(Router, RouteType::Prohibit));
        self.far("the router's route says unreachable", Make::Refusing(Router, RouteType::Unreachable));
        self.far("the router's route is a black hole", Make::Refusing(Router, RouteType::BlackHole));
        self.add("the router has no route", Drawn::Far, elsewhere, Make::Nothing);
        self.far("the router does not forward", Make::NoForwarding);
        self.far("the router's cable is pulled", Make::Unplugged(Router));
        self.add("nobody beyond the router has the address", Drawn::Far, nobody, Make::Nothing);
        self.add("nobody beyond the router has it, and the router gives up", Drawn::Far, nobody, Make::GivesUp(Router));
        self.far("the hop limit ends at the router", Make::OneHop);
        self.far("the router's link takes less", Make::Narrow(Router));
        self.far("the server's link takes less", Make::Narrow(Server));
    }
}
