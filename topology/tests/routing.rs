//! The routes that a drawing leads to, and the rules about those that are written.

mod common;

use common::*;
use netns_test_topology::*;

fn plan(drawing: &Drawing) -> Plan {
    drawing.plan().unwrap_or_else(|complaints| panic!("{complaints}"))
}

/// `to via gateway dev interface`, as ip-route(8) would.
fn routes(plan: &Plan, host: &str) -> Vec<String> {
    let host = plan.host(host).unwrap();
    let way = |way: &Way| match *way {
        Way::Via { gateway, interface } => format!("via {gateway} dev {}", host.interfaces[interface].name),
        Way::Unreachable => "unreachable".to_owned(),
        _ => unreachable!("no other way"),
    };
    host.routes.iter().map(|route| format!("{} {}", route.to, way(&route.way))).collect()
}

#[track_caller]
fn refused(drawing: &Drawing, place: Place, message: &str) {
    let found = drawing.check();
    assert!(
        matches!(&found[..], [only] if only.place == place && only.to_string().contains(message)),
        "expected {place:?}: {message:?}\nfound {found:#?}"
    );
}

const LAN: [&str; 2] = ["10.0.1.0/24", "fd00:1::/64"];
const WAN: [&str; 2] = ["203.0.113.0/24", "2001:db8:1::/64"];

/// A laptop, a router, a server.
fn home(router: DrawnHost) -> Drawing {
    let hosts = vec![host("laptop", &["lan"]), router, host("server", &["wan"])];
    draw(vec![segment("lan", &LAN), segment("wan", &WAN)], hosts)
}

#[test]
fn a_host_with_one_router_has_a_default_route() {
    let plan = plan(&home(router("router", &["lan", "wan"])));
    assert_eq!(routes(&plan, "laptop"), ["0.0.0.0/0 via 10.0.1.1 dev eth0", "::/0 via fd00:1::1 dev eth0"]);
    assert_eq!(routes(&plan, "server"), ["0.0.0.0/0 via 203.0.113.1 dev eth0", "::/0 via 2001:db8:1::1 dev eth0"]);
    assert!(routes(&plan, "router").is_empty());
}

#[test]
fn whoever_masquerades_hides_what_is_behind() {
    let plan = plan(&home(masquerading("router", &["lan", "wan"])));
    assert_eq!(routes(&plan, "laptop").len(), 2);
    assert!(routes(&plan, "server").is_empty());
    assert_eq!(plan.host("router").unwrap().nat.masquerade, [1]);
}

#[test]
fn from_outside_to_outside_there_is_a_way_through_who_masquerades() {
    let mut drawing = home(masquerading("router", &["lan", "wan", "other"]));
    drawing.hosts[1].masquerade.push("wan".into());
    drawing.segments.push(segment("other", &["198.51.100.0/24"]));
    drawing.hosts.push(host("peer", &["other"]));
    let plan = plan(&drawing);
    assert_eq!(routes(&plan, "server"), ["198.51.100.0/24 via 203.0.113.1 dev eth0"], "and none to what is hidden");
    assert_eq!(routes(&plan, "laptop")[0], "0.0.0.0/0 via 10.0.1.1 dev eth0");
    drawing.segments.push(segment("inside", &["10.0.9.0/24"]));
    drawing.hosts[1].interfaces.push(on("inside"));
    for (order, route) in [(["lan", "wan"], "via 10.0.1.1 dev eth0"), (["wan", "lan"], "via 10.0.1.1 dev eth1")] {
        let mut both = drawing.clone();
        both.hosts.push(host("both", &order));
        let found = routes(&self::plan(&both), "both");
        assert_eq!(found[0], format!("0.0.0.0/0 {route}"), "through where nothing is hidden");
    }
}

#[test]
fn source_nat_hides_in_its_family_only() {
    let source = DrawnSourceNat { segment: "wan".into(), address: "203.0.113.1".into() };
    let plan = plan(&home(DrawnHost { source_nat: vec![source], ..router("router", &["lan", "wan"]) }));
    assert_eq!(routes(&plan, "server"), ["::/0 via 2001:db8:1::2 dev eth0".replace("::2", "::1")]);
    let nat = &plan.host("router").unwrap().nat;
    assert_eq!(nat.source, [(1, "203.0.113.1".parse().unwrap())]);
    let wan: Vec<_> = plan.host("router").unwrap().addresses().map(|address| address.to_string()).collect();
    assert_eq!(wan[2], "203.0.113.2", "the address of source NAT is out of the pool");
}

#[test]
fn without_automatic_routes_there_are_those_that_were_written() {
    let mut drawing = home(router("router", &["lan", "wan"]));
    drawing.routes = Routes::None;
    drawing.hosts[0].interfaces[0].gateway = Some("router".into());
    drawing.hosts[2].routes.push(DrawnRoute { to: "lan".into(), via: Some("203.0.113.1".into()) });
    let plan = plan(&drawing);
    assert_eq!(routes(&plan, "laptop"), ["0.0.0.0/0 via 10.0.1.1 dev eth0", "::/0 via fd00:1::1 dev eth0"]);
    assert_eq!(routes(&plan, "server"), ["10.0.1.0/24 via 203.0.113.1 dev eth0"]);
}

/// `a - r1 - b - r2 - c`, with a host on each.
fn chain() -> Drawing {
    draw(
        vec![segment("a", &["10.0.1.0/24"]), segment("b", &["10.0.2.0/24"]), segment("c", &["10.0.3.0/24"])],
        vec![
            host("ha", &["a"]),
            host("hb", &["b"]),
            host("hc", &["c"]),
            router("r1", &["a", "b"]),
            router("r2", &["b", "c"]),
        ],
    )
}

#[test]
fn between_two_routers_there_is_a_route_for_each_subnet() {
    let plan = plan(&chain());
    assert_eq!(routes(&plan, "ha"), ["0.0.0.0/0 via 10.0.1.1 dev eth0"]);
    assert_eq!(routes(&plan, "hb"), ["10.0.1.0/24 via 10.0.2.1 dev eth0", "10.0.3.0/24 via 10.0.2.2 dev eth0"]);
    assert_eq!(routes(&plan, "r1"), ["10.0.3.0/24 via 10.0.2.2 dev eth1"]);
    assert_eq!(routes(&plan, "r2"), ["10.0.1.0/24 via 10.0.2.1 dev eth0"]);
}

#[test]
fn of_two_ways_the_shorter_one_is_taken_and_of_equal_ones_the_first() {
    let mut drawing = chain();
    drawing.hosts.push(router("r3", &["a", "c"]));
    drawing.hosts.push(router("r4", &["a", "c"]));
    let plan = plan(&drawing);
    let of_ha = routes(&plan, "ha");
    assert_eq!(of_ha, ["10.0.2.0/24 via 10.0.1.1 dev eth0", "10.0.3.0/24 via 10.0.1.2 dev eth0"]);
}

#[test]
fn of_equal_ways_the_first_router_is_taken_from_whichever_segment() {
    let segments: Vec<_> = (1..=3).map(|n| segment(&format!("s{n}"), &[&format!("10.0.{n}.0/24")])).collect();
    let hosts =
        vec![host("h", &["s2", "s1"]), router("r1", &["s1", "s3"]), router("r2", &["s2", "s3"]), host("h3", &["s3"])];
    let plan = plan(&draw(segments, hosts));
    assert_eq!(routes(&plan, "h"), ["10.0.3.0/24 via 10.0.1.1 dev eth1"]);
}

#[test]
fn an_array_of_routers_is_several() {
    let mut drawing = home(router("router", &["lan", "wan"]));
    drawing.hosts[1].count = Some(2);
    let two = plan(&drawing);
    assert_eq!(
        routes(&two, "laptop"),
        ["203.0.113.0/24 via 10.0.1.1 dev eth0", "2001:db8:1::/64 via fd00:1::1 dev eth0"]
    );
    assert!(routes(&two, "router-1").is_empty());
    drawing.hosts[1].count = Some(1);
    assert_eq!(routes(&plan(&drawing), "laptop")[0], "0.0.0.0/0 via 10.0.1.1 dev eth0");
}

#[test]
fn a_router_that_leads_nowhere_else_is_no_way_out() {
    let mut drawing = home(router("router", &["lan", "wan"]));
    drawing.hosts.push(host("both", &["lan", "wan"]));
    assert!(routes(&plan(&drawing), "both").is_empty());
}

#[test]
fn written_routes_come_first_and_replace() {
    let mut drawing = chain();
    let route = |to: &str, via: Option<&str>| DrawnRoute { to: to.into(), via: via.map(Into::into) };
    drawing.hosts[1].routes = vec![
        route("10.99.0.0/16", Some("r2")),
        route("10.66.0.0/16", None),
        route("10.0.1.0/24", Some("10.0.2.99")),
        route("192.0.2.1", Some("r1")),
    ];
    drawing.hosts[0].routes = vec![route("default", None)];
    drawing.hosts[3].interfaces[1].gateway = Some("r2".into());
    let plan = plan(&drawing);
    assert_eq!(
        routes(&plan, "hb"),
        [
            "10.99.0.0/16 via 10.0.2.2 dev eth0",
            "10.66.0.0/16 unreachable",
            "10.0.1.0/24 via 10.0.2.99 dev eth0",
            "192.0.2.1/32 via 10.0.2.1 dev eth0",
            "10.0.3.0/24 via 10.0.2.2 dev eth0",
        ]
    );
    assert_eq!(routes(&plan, "ha"), ["0.0.0.0/0 unreachable"]);
    assert_eq!(routes(&plan, "r1"), ["0.0.0.0/0 via 10.0.2.2 dev eth1"], "a gateway is instead of them");
}

#[test]
fn vrfs_have_tables_of_their_own() {
    let in_vrf = |segment: &str, vrf: &str| DrawnInterface { vrf: Some(vrf.into()), ..on(segment) };
    let segments: Vec<_> = (1..=4).map(|n| segment(&format!("s{n}"), &[&format!("10.0.{n}.0/24")])).collect();
    let pe = DrawnHost {
        role: Role::Router,
        ..host_with("pe", vec![in_vrf("s1", "red"), in_vrf("s2", "red"), in_vrf("s3", "blue"), in_vrf("s4", "blue")])
    };
    let mut hosts: Vec<_> = (1..=4).map(|n| host(&format!("h{n}"), &[&format!("s{n}")])).collect();
    hosts.push(pe);
    hosts.push(router("ce", &["s2", "s3"]));
    let plan = plan(&draw(segments, hosts));
    assert_eq!(
        routes(&plan, "pe"),
        [
            "10.0.3.0/24 via 10.0.2.2 dev eth1",
            "10.0.4.0/24 via 10.0.2.2 dev eth1",
            "10.0.2.0/24 via 10.0.3.2 dev eth2",
            "10.0.1.0/24 via 10.0.3.2 dev eth2",
        ]
    );
    let tables: Vec<_> = plan.host("pe").unwrap().vrfs.iter().map(|vrf| (vrf.name.as_str(), vrf.table)).collect();
    assert_eq!(tables, [("red", 1001), ("blue", 1002)]);
}

#[test]
fn gateways() {
    let place = Place::Host(0, HostPart::Interface(0, InterfacePart::Gateway));
    let with = |gateway: &str| {
        let mut drawing = home(router("router", &["lan", "wan"]));
        drawing.hosts[0].interfaces[0].gateway = Some(gateway.into());
        drawing
    };
    for good in ["router", "10.0.1.9", "fd00:1::9"] {
        plan(&with(good));
    }
    for (gateway, message) in [
        ("ruter", "host `laptop`: `ruter` is neither a host nor an address\nhelp: did you mean `router`?"),
        ("10.0.1.300", "`10.0.1.300` is neither a host nor an address"),
        ("server", "its gateway `server` is not on `lan`\nhelp: add `lan` to the segments of `server`"),
        ("laptop", "`laptop` cannot be its own gateway"),
        ("203.0.113.1", "its gateway `203.0.113.1` is in no subnet of `lan`\nhelp: its subnets are `10.0.1.0/24`"),
        ("10.0.1.255", "`10.0.1.255` is the broadcast address of"),
    ] {
        refused(&with(gateway), place, message);
    }
    let mut far = with("internet");
    refused(
        &far,
        place,
        "`internet` is neither a host nor an address\nhelp: the hosts are `laptop`, `router`, `server`",
    );
    far.hosts.extend((1..=6).map(|n| host(&format!("h{n}"), &["lan"])));
    let all = "help: the hosts are `laptop`, `router`, `server`, `h1`, `h2`, `h3`, `h4`, `h5` and 1 more";
    refused(&far, place, all);
    let mut own = with("10.0.1.7");
    own.hosts[0].interfaces[0].addresses.push("10.0.1.7".into());
    refused(&own, place, "`10.0.1.7` is its own address");
    let mut array = with("clients");
    array.hosts.push(DrawnHost { count: Some(3), ..host("clients", &["lan"]) });
    refused(&array, place, "`clients` is an array of 3 hosts, not one\nhelp: write for example `\"clients-0\"`");
    array.hosts[0].interfaces[0].gateway = Some("clients-1".into());
    refused(&array, place, "its gateway `clients-1` is no router");
    array.hosts[3].role = Role::Router;
    array.hosts[3].interfaces.push(on("wan"));
    plan(&array);
    let mut tap = with("router");
    tap.hosts[0].interfaces[0].device = DrawnDevice::Tap;
    refused(&tap, place, "nothing is routed through its interface on `lan`, which is for the test");
}

/// A printer on the LAN, and a laptop that takes it for a router.
fn through_the_printer(change: impl FnOnce(&mut Drawing)) -> Drawing {
    let mut drawing = home(router("router", &["lan", "wan"]));
    drawing.hosts.push(host_with("printer", vec![with_address("lan", "10.0.1.77")]));
    drawing.hosts[0].interfaces[0].gateway = Some("printer".into());
    change(&mut drawing);
    drawing
}

const GATEWAY: Place = Place::Host(0, HostPart::Interface(0, InterfacePart::Gateway));
const VIA: Place = Place::Host(0, HostPart::Route(0, RoutePart::Via));

#[test]
fn a_gateway_forwards() {
    let forwards = |names: &[&str]| {
        let sysctls: Vec<_> = names.iter().map(|&name| (name.into(), "1".into())).collect();
        through_the_printer(|d| d.hosts[3].sysctls = sysctls)
    };
    let message = "host `laptop`: its gateway `printer` is no router\nhelp: draw it as a router, `#[router(…)]`, or let it forward: \
                   `sysctl(\"net.ipv4.ip_forward\" = 1, \"net.ipv6.conf.all.forwarding\" = 1)`";
    refused(&forwards(&[]), GATEWAY, message);
    refused(&through_the_printer(|d| d.routes = Routes::None), GATEWAY, message);
    for v4 in ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net/ipv4/conf/eth0/forwarding"] {
        plan(&forwards(&[v4, "net.ipv6.conf.all.forwarding"]));
        let message = "its gateway `printer` is no router, and forwards no IPv6\nhelp: draw it as a router, `#[router(…)]`, or let it \
                       forward: `sysctl(\"net.ipv6.conf.all.forwarding\" = 1)`";
        refused(&forwards(&[v4]), GATEWAY, message);
    }
    refused(&forwards(&["net.ipv6.conf.all.forwarding"]), GATEWAY, "is no router, and forwards no IPv4");
    refused(&forwards(&["net.ipv4.ip_default_ttl"]), GATEWAY, message);
    let off = ("net.ipv4.ip_forward".to_owned(), "0".to_owned());
    refused(&through_the_printer(|d| d.hosts[3].sysctls = vec![off]), GATEWAY, message);
    // The test may forward what arrives there.
    plan(&through_the_printer(|d| d.hosts[3].interfaces[0].device = DrawnDevice::Tap));
    // What is written wrongly may have been what makes it forward.
    let misspelled = through_the_printer(|d| d.hosts[3].sysctls.push(("net..forwarding".into(), "1".into())));
    refused(&misspelled, Place::Host(3, HostPart::Sysctl(0)), "is not the name of a sysctl");
    let unread = through_the_printer(|d| {
        d.nested.push(DrawnNested { name: "0".into(), ..Default::default() });
        d.hosts[3].interfaces.push(on("0-0"));
    });
    assert_eq!(unread.check(), []);
}

#[test]
fn the_gateway_of_a_route_forwards() {
    let with = |to: &str, via: &str| {
        through_the_printer(|d| {
            d.hosts[0].interfaces[0].gateway = None;
            d.hosts[0].routes = vec![DrawnRoute { to: to.into(), via: Some(via.into()) }];
        })
    };
    refused(&with("default", "printer"), VIA, "its gateway `printer` is no router");
    refused(&with("wan", "printer"), VIA, "its gateway `printer` is no router");
    refused(&with("203.0.113.9", "printer"), VIA, "its gateway `printer` is no router");
    // An address of nobody may become one of its own.
    plan(&with("192.0.2.1", "printer"));
    let own = |to: &str| {
        let mut drawing = with(to, "printer");
        drawing.segments.push(made_of(Medium::Dummy, "service", &["192.0.2.0/24"]));
        drawing.hosts[3].interfaces.push(on("service"));
        drawing
    };
    plan(&own("service"));
    plan(&own("192.0.2.0/28"));
    refused(&own("default"), VIA, "its gateway `printer` is no router");
    let mut on_both = with("203.0.113.9", "printer");
    on_both.hosts[3].interfaces.push(on("wan"));
    plan(&on_both);
    on_both.hosts[0].routes[0].to = "wan".into();
    refused(&on_both, VIA, "its gateway `printer` is no router");
    // That it is none is all that is wrong.
    let mut forward = with("192.0.2.0/24", "printer");
    forward.routes = Routes::None;
    forward.hosts[0] = DrawnHost { role: Role::Router, name: "laptop".into(), ..forward.hosts[0].clone() };
    forward.hosts[0].interfaces.push(on("wan"));
    forward.segments.push(segment("far", &["192.0.2.0/24"]));
    forward.hosts.push(host("far", &["far"]));
    forward.hosts[0].forwards.push(DrawnPortForward { port: 80, to: "far".into(), ..Default::default() });
    refused(&forward, VIA, "its gateway `printer` is no router");
}

#[test]
fn the_address_of_a_gateway_is_nobody_s_or_that_of_one_who_forwards() {
    let through = |address: &str| through_the_printer(|d| d.hosts[0].interfaces[0].gateway = Some(address.into()));
    plan(&through("10.0.1.1"));
    plan(&through("10.0.1.99"));
    refused(
        &through("10.0.1.77"),
        GATEWAY,
        "its gateway `10.0.1.77` is `printer`, which is no router\nhelp: draw it as",
    );
    // These are given in order: to the router, the laptop, the printer.
    plan(&through("fd00:1::1"));
    refused(&through("fd00:1::2"), GATEWAY, "`fd00:1::2` is its own address");
    refused(&through("fd00:1::3"), GATEWAY, "its gateway `fd00:1::3` is `printer`, which is no router");
    plan(&through("fd00:1::4"));
    let array = |count, via: &str| {
        let mut drawing = through(via);
        drawing.hosts.push(DrawnHost { count: Some(count), ..host("clients", &["lan"]) });
        drawing
    };
    plan(&array(3, "10.0.1.6"));
    refused(&array(3, "10.0.1.5"), GATEWAY, "its gateway `10.0.1.5` is `clients-2`, which is no router");
    let mut source = array(3, "10.0.1.4");
    source.hosts[1].source_nat.push(DrawnSourceNat { segment: "lan".into(), address: "10.0.1.4".into() });
    plan(&source);
    source.hosts[0].interfaces[0].gateway = Some("10.0.1.5".into());
    refused(&source, GATEWAY, "is `clients-1`, which is no router");
    let mut via = through("10.0.1.1");
    via.hosts[0].routes = vec![DrawnRoute { to: "10.9.0.0/16".into(), via: Some("10.0.1.77".into()) }];
    refused(&via, VIA, "its gateway `10.0.1.77` is `printer`, which is no router");
    // Whose it is depends on who else is there.
    let unseen = DrawnNested { name: "x".into(), shares: vec![("i".into(), "lan".into())], drawing: None };
    let mut doubtful = through("fd00:1::3");
    doubtful.nested.push(unseen);
    assert_eq!(doubtful.check(), []);
    doubtful.hosts[0].interfaces[0].gateway = Some("10.0.1.77".into());
    refused(&doubtful, GATEWAY, "its gateway `10.0.1.77` is `printer`");
    let mut routers = through("fd00:1::3");
    routers.hosts[1].count = Some(1);
    plan(&routers);
    let mut misspelled = array(3, "10.0.1.5");
    misspelled.hosts[3].interfaces[0].addresses[0] = "10.0.1.777".into();
    refused(&misspelled, Place::Host(3, HostPart::Interface(0, InterfacePart::Address(0))), "is not an address");
}

#[test]
fn written_routes() {
    let to = Place::Host(0, HostPart::Route(0, RoutePart::To));
    let via = Place::Host(0, HostPart::Route(0, RoutePart::Via));
    let with = |to: &str, via: &str| {
        let mut drawing = home(router("router", &["lan", "wan"]));
        drawing.hosts[0].routes = vec![DrawnRoute { to: to.into(), via: Some(via.into()) }];
        drawing
    };
    for (good, gateway) in [("default", "router"), ("wan", "router"), ("wan", "10.0.1.9"), ("2001:db8::1", "router")] {
        plan(&with(good, gateway));
    }
    for (destination, gateway, place, message) in [
        ("10.0.0.1/24", "router", to, "the subnet it is in is `10.0.0.0/24`"),
        ("10.0.0.0/33", "router", to, "is not a subnet"),
        ("wam", "router", to, "neither `default`, a subnet, an address nor a segment\nhelp: did you mean `wan`?"),
        ("lan", "10.0.1.9", to, "a route to `10.0.1.0/24` is one to where it is itself"),
        ("wan", "ruter", via, "did you mean `router`?"),
        ("wan", "server", via, "its gateway `server` shares no segment with it\nhelp: `server` is on `wan`"),
        ("wan", "laptop", via, "`laptop` cannot be its own gateway"),
        (
            "wan",
            "10.9.9.9",
            via,
            "its gateway `10.9.9.9` is in none of its subnets\nhelp: its subnets are `10.0.1.0/24`, `fd00:1::/64`",
        ),
        ("fd00:9::/64", "10.0.1.9", via, "`fd00:9::/64` is IPv6, and its gateway `10.0.1.9` is IPv4"),
        ("wan", "10.0.1.0", via, "is the network address of"),
    ] {
        refused(&with(destination, gateway), place, message);
    }
    let mut v4_only = with("fd00:9::/64", "router");
    v4_only.segments[0].subnets.truncate(1);
    refused(&v4_only, via, "its gateway `router` shares no IPv6 subnet with it");
    let second = Place::Host(0, HostPart::Route(1, RoutePart::To));
    let mut twice = with("10.9.0.0/16", "router");
    twice.hosts[0].routes.push(DrawnRoute { to: "10.9.0.0/16".into(), via: None });
    refused(&twice, second, "it has two routes to `10.9.0.0/16`");
}

#[test]
fn two_default_routes() {
    let mut drawing = home(router("router", &["lan", "wan"]));
    drawing.hosts[0].interfaces[0].gateway = Some("10.0.1.1".into());
    drawing.hosts[0].routes.push(DrawnRoute { to: "::/0".into(), via: Some("router".into()) });
    plan(&drawing);
    drawing.hosts[0].routes[0].to = "default".into();
    let place = Place::Host(0, HostPart::Route(0, RoutePart::To));
    refused(&drawing, place, "host `laptop`: it has two default routes for IPv4\nhelp: leave out one of the two");
    let mut both = home(router("router", &["lan", "wan"]));
    both.hosts[0].interfaces.push(on("wan"));
    both.hosts[0].interfaces[0].gateway = Some("router".into());
    both.hosts[0].interfaces[1].gateway = Some("router".into());
    let place = Place::Host(0, HostPart::Interface(1, InterfacePart::Gateway));
    refused(&both, place, "two default routes for IPv4 and IPv6");
    both.hosts[0].interfaces[1].vrf = Some("blue".into());
    plan(&both);
}

#[test]
fn neighbours() {
    let with = |address: &str, mac: &str| {
        let mut drawing = home(router("router", &["lan", "wan"]));
        drawing.hosts[0].neighbours = vec![DrawnNeighbour { address: address.into(), mac: mac.into() }];
        drawing
    };
    let place = |part| Place::Host(0, HostPart::Neighbour(0, part));
    let mac = "02:00:00:00:00:99";
    plan(&with("10.0.1.200", mac));
    refused(&with("10.0.1.200", "x"), place(NeighbourPart::Mac), "`x` is not a MAC address");
    for (address, message) in [
        ("x", "`x` is not an address"),
        ("10.0.2.1", "its neighbour `10.0.2.1` is in none of its subnets"),
        ("10.0.1.0", "is the network address"),
    ] {
        refused(&with(address, mac), place(NeighbourPart::Address), message);
    }
    let mut twice = with("10.0.1.200", mac);
    let again = twice.hosts[0].neighbours[0].clone();
    twice.hosts[0].neighbours.push(again);
    refused(&twice, Place::Host(0, HostPart::Neighbour(1, NeighbourPart::Address)), "written twice");
}

#[test]
fn of_two_vrfs_it_is_said_which() {
    let in_vrf = |segment: &str, vrf: Option<&str>| DrawnInterface { vrf: vrf.map(Into::into), ..on(segment) };
    let with = |vrfs: [Option<&str>; 2], subnets: [&str; 2], change: &dyn Fn(&mut DrawnHost)| {
        let both = host_with("both", vec![in_vrf("red", vrfs[0]), in_vrf("blue", vrfs[1])]);
        let segments = vec![segment("red", &[subnets[0]]), segment("blue", &[subnets[1]])];
        let mut drawing = draw(segments, vec![both, router("pe", &["red", "blue"])]);
        // Else nobody could be on both.
        drawing.hosts[1].interfaces[0].vrf = Some("r".into());
        change(&mut drawing.hosts[0]);
        Drawing { routes: Routes::None, ..drawing }
    };
    let same = ["10.0.0.0/24", "10.0.0.0/25"];
    let apart = ["10.0.0.0/24", "10.0.1.0/24"];
    let vrfs = [Some("red"), Some("blue")];
    let route = |to: &str, via: &str| DrawnRoute { to: to.into(), via: Some(via.into()) };
    let written = |to: &'static str, via: &'static str| move |host: &mut DrawnHost| host.routes.push(route(to, via));

    let address = written("10.9.0.0/16", "10.0.0.9");
    plan(&with(vrfs, apart, &address));
    let message = "host `both`: its gateway `10.0.0.9` may be on `red` or on `blue`, which are not in one VRF\nhelp: give one of \
                   the two another subnet";
    refused(&with(vrfs, same, &address), VIA, message);
    refused(&with([None, Some("blue")], same, &address), VIA, message);
    let default = written("default", "10.0.0.9");
    refused(&with(vrfs, same, &default), VIA, "\nhelp: write for example `red(gateway = \"10.0.0.9\")`");
    let in_one = written("10.9.0.0/16", "10.0.0.200");
    let vrf_of = |plan: &Plan| plan.hosts[0].routes.iter().map(|route| route.way).collect::<Vec<_>>();
    assert_eq!(vrf_of(&plan(&with(vrfs, same, &in_one))), [Way::via("10.0.0.200".parse().unwrap(), 0)]);

    let name = written("10.9.0.0/16", "pe");
    let message = "its gateway `pe` may be on `red` or on `blue`, which are not in one VRF\nhelp: ";
    refused(&with(vrfs, apart, &name), VIA, &format!("{message}write one of its addresses there in a string"));
    refused(&with(vrfs, same, &name), VIA, &format!("{message}give one of the two another subnet"));
    plan(&with([Some("red"), Some("red")], apart, &name));
    plan(&with([None, None], apart, &name));
    let other_family = written("fd09::/64", "pe");
    plan(&with(vrfs, ["10.0.0.0/24", "fd00::/64"], &other_family));

    let neighbour = |host: &mut DrawnHost| {
        let mac = "02:00:00:00:00:99".to_owned();
        host.neighbours.push(DrawnNeighbour { address: "10.0.0.9".to_owned(), mac });
    };
    plan(&with(vrfs, apart, &neighbour));
    let place = Place::Host(0, HostPart::Neighbour(0, NeighbourPart::Address));
    let message = "its neighbour `10.0.0.9` may be on `red` or on `blue`, which are not in one VRF\nhelp: give one of the two another";
    refused(&with(vrfs, same, &neighbour), place, message);
    let gateways = |host: &mut DrawnHost| {
        host.interfaces[0].gateway = Some("pe".into());
        host.interfaces[1].gateway = Some("10.0.0.9".into());
    };
    plan(&with(vrfs, same, &gateways));
}

#[test]
fn nat() {
    let with = |change: &dyn Fn(&mut DrawnHost)| {
        let mut drawing = home(router("router", &["lan", "wan"]));
        drawing.segments.push(segment("dmz", &["10.0.3.0/24"]));
        drawing.hosts.push(host("web", &["dmz"]));
        drawing.hosts.push(router("other", &["wan", "dmz"]));
        change(&mut drawing.hosts[1]);
        drawing
    };
    let masquerade = |word: &str| with(&|router| router.masquerade = vec!["wan".into(), word.into()]);
    let place = Place::Host(1, HostPart::Masquerade(1));
    refused(&masquerade("wam"), place, "on `wam`, which is no segment\nhelp: did you mean `wan`?");
    refused(&masquerade("dmz"), place, "host `router`: it translates addresses on `dmz`, and is not on it");
    refused(&masquerade("wan"), place, "twice");
    let source = |segment: &str, address: &str| {
        let source = DrawnSourceNat { segment: segment.into(), address: address.into() };
        with(&move |router| router.source_nat = vec![source.clone()])
    };
    let place = |part| Place::Host(1, HostPart::SourceNat(0, part));
    plan(&source("wan", "203.0.113.77"));
    refused(&source("dmz", "10.0.3.9"), place(SourceNatPart::Segment), "is not on it");
    for (address, message) in [
        ("x", "is not an address"),
        ("0.0.0.0", "is not an address that packets can come from"),
        ("224.0.0.1", "is not an address that packets can come from"),
        ("203.0.113.255", "is the broadcast address"),
    ] {
        refused(&source("wan", address), place(SourceNatPart::Address), message);
    }
    let mut v4 = source("wan", "2001:db8:9::1");
    v4.segments[1].subnets.truncate(1);
    refused(&v4, place(SourceNatPart::Address), "is IPv6, which `wan` has no subnet of");
    let mut taken = source("wan", "203.0.113.9");
    taken.hosts[2].interfaces[0].addresses.push("203.0.113.9".into());
    refused(&taken, place(SourceNatPart::Address), "is the address of `server` already");
    let mut full = source("wan", "203.0.113.1");
    full.segments[1].subnets = vec!["203.0.113.0/30".into()];
    full.hosts.remove(2);
    let place = Place::Segment(1, SegmentPart::Subnet(0));
    refused(&full, place, "has addresses for 2 hosts, 2 are on it, 1 are for source NAT");
    let mut host = with(&|_| {});
    host.hosts[0].masquerade = vec!["lan".into()];
    refused(
        &host,
        Place::Host(0, HostPart::Masquerade(0)),
        "and is no router\nhelp: draw it as a router, `#[router(…)]`",
    );
}

#[test]
fn an_address_of_source_nat_is_answered() {
    let with = |change: &dyn Fn(&mut Drawing)| {
        let mut drawing = home(router("router", &["lan", "wan"]));
        drawing.hosts[1].source_nat.push(DrawnSourceNat { segment: "wan".into(), address: "192.0.2.77".into() });
        change(&mut drawing);
        drawing
    };
    let place = Place::Host(1, HostPart::SourceNat(0, SourceNatPart::Address));
    let message = "host `router`: nobody on `wan` would answer to `192.0.2.77`, which is in none of its subnets\nhelp: its subnets are \
                   `203.0.113.0/24`, `2001:db8:1::/64`; or give a host there a route to it, `route(\"192.0.2.77\", via = router)`";
    refused(&with(&|_| {}), place, message);
    let route = |to: &str, via: Option<&str>| DrawnRoute { to: to.into(), via: via.map(Into::into) };
    plan(&with(&|d| d.hosts[2].routes.push(route("192.0.2.77", Some("router")))));
    plan(&with(&|d| d.hosts[2].routes.push(route("192.0.2.0/24", Some("203.0.113.99")))));
    plan(&with(&|d| d.hosts[2].interfaces[0].gateway = Some("router".into())));
    refused(&with(&|d| d.hosts[2].routes.push(route("198.51.100.0/24", Some("router")))), place, message);
    refused(&with(&|d| d.hosts[2].routes.push(route("::/0", Some("router")))), place, message);
    refused(&with(&|d| d.hosts[2].routes.push(route("192.0.2.0/24", None))), place, message);
    refused(&with(&|d| d.hosts[1].routes.push(route("192.0.2.0/24", Some("203.0.113.99")))), place, message);
    // What was refused may have been such a route, and so may what nobody has seen.
    let misspelled = with(&|d| d.hosts[2].routes.push(route("192.0.2.0/24", Some("rooter"))));
    refused(&misspelled, Place::Host(2, HostPart::Route(0, RoutePart::Via)), "did you mean `router`?");
    let misspelled = with(&|d| d.hosts[2].interfaces[0].gateway = Some("rooter".into()));
    refused(&misspelled, Place::Host(2, HostPart::Interface(0, InterfacePart::Gateway)), "did you mean `router`?");
    let unread = with(&|d| {
        d.nested.push(DrawnNested { name: "0".into(), ..Default::default() });
        d.hosts[2].interfaces.push(on("0-0"));
    });
    assert_eq!(unread.check(), []);
    let unseen = DrawnNested { name: "x".into(), shares: vec![("i".into(), "wan".into())], drawing: None };
    assert_eq!(with(&|d| d.nested.push(unseen.clone())).check(), []);
    let both = with(&|d| {
        d.hosts[0].routes.push(route("192.0.2.77", Some("router")));
        d.hosts[1].source_nat.insert(0, DrawnSourceNat { segment: "lan".into(), address: "192.0.2.77".into() });
    });
    refused(&both, Place::Host(1, HostPart::SourceNat(1, SourceNatPart::Address)), "nobody on `wan` would answer");
    // The test answers to what it likes.
    plan(&with(&|d| d.hosts[2].interfaces[0].device = DrawnDevice::Tap));
    let subnet = with(&|d| d.segments[1].subnets.push("192.0.2.0/42".into()));
    refused(&subnet, Place::Segment(1, SegmentPart::Subnet(2)), "is not a subnet");
}

#[test]
fn forwarded_ports() {
    let forward = |port, to: &str| DrawnPortForward { port, to: to.into(), ..Default::default() };
    let with = |forwards: &[DrawnPortForward]| {
        let mut drawing = home(masquerading("router", &["lan", "wan"]));
        drawing.hosts[1].forwards = forwards.to_vec();
        drawing
    };
    let mut good = with(&[DrawnPortForward { to_port: Some(80), ..forward(8080, "laptop") }]);
    good.hosts[1].hairpin = true;
    let plan = plan(&good);
    let nat = &plan.host("router").unwrap().nat;
    assert!(nat.hairpin);
    let found = &nat.forwards[0];
    let to: Vec<_> = found.to.iter().map(ToString::to_string).collect();
    assert_eq!((found.port, found.to_port, found.interface), (8080, 80, 0));
    assert_eq!(to, ["10.0.1.2", "fd00:1::2"]);

    let place = |index, part| Place::Host(1, HostPart::PortForward(index, part));
    refused(&with(&[forward(0, "laptop")]), place(0, PortForwardPart::Port), "the port 0 is out of range");
    refused(&with(&[forward(65_536, "laptop")]), place(0, PortForwardPart::Port), "the port 65536 is out of range");
    let to_port = DrawnPortForward { to_port: Some(0), ..forward(80, "laptop") };
    refused(&with(&[to_port]), place(0, PortForwardPart::ToPort), "the port 0 is out of range");
    let twice = with(&[forward(80, "laptop"), forward(80, "server")]);
    refused(&twice, place(1, PortForwardPart::Port), "it forwards TCP port 80 to `laptop` already");
    refused(&with(&[forward(80, "lapptop")]), place(0, PortForwardPart::To), "did you mean `laptop`?");
    refused(&with(&[forward(80, "router")]), place(0, PortForwardPart::To), "it forwards a port to itself");
    let mut bare = with(&[forward(80, "bare")]);
    bare.hosts.push(DrawnHost { isolated: true, ..host("bare", &[]) });
    refused(&bare, place(0, PortForwardPart::To), "to `bare`, which has no address");
    let mut apart = bare.clone();
    apart.routes = Routes::None;
    apart.hosts[1].forwards[0].to = "far".into();
    apart.segments.push(segment("far", &["10.0.3.0/24"]));
    apart.hosts.push(host("far", &["far"]));
    refused(&apart, place(0, PortForwardPart::To), "to `far`, which it cannot reach");
    apart.hosts[1].routes.push(DrawnRoute { to: "10.0.0.0/16".into(), via: Some("203.0.113.99".into()) });
    assert_eq!(self::plan(&apart).host("router").unwrap().nat.forwards[0].interface, 1);
    // The longest prefix decides, and not the first that matches.
    apart.hosts[1].routes.push(DrawnRoute { to: "10.0.3.0/24".into(), via: Some("10.0.1.99".into()) });
    assert_eq!(self::plan(&apart).host("router").unwrap().nat.forwards[0].interface, 0);
    apart.hosts[1].routes[1].via = None;
    refused(&apart, place(0, PortForwardPart::To), "to `far`, which it cannot reach");
    let mut hairpin = with(&[]);
    hairpin.hosts[1].hairpin = true;
    refused(&hairpin, Place::Host(1, HostPart::Hairpin), "`hairpin` is about forwarded ports, and there are none");
}

#[test]
fn a_port_is_forwarded_through_another_router() {
    let mut drawing = chain();
    drawing.hosts[3].forwards.push(DrawnPortForward { port: 80, to: "hc".into(), ..Default::default() });
    let plan = plan(&drawing);
    let forward = &plan.host("r1").unwrap().nat.forwards[0];
    assert_eq!((forward.interface, forward.to[0].to_string()), (1, "10.0.3.2".to_owned()));
}

#[test]
fn subnets_clash_where_somebody_sees_both() {
    let sites = |routers: [DrawnHost; 2]| {
        let segments =
            vec![segment("left", &["192.168.1.0/24"]), segment("right", &["192.168.0.0/16"]), segment("wan", &WAN)];
        let mut hosts = vec![host("a", &["left"]), host("b", &["right"]), host("server", &["wan"])];
        hosts.extend(routers);
        draw(segments, hosts)
    };
    plan(&sites([masquerading("r1", &["left", "wan"]), masquerading("r2", &["right", "wan"])]));
    let place = Place::Segment(1, SegmentPart::Subnet(0));
    let message = "segment `right`: `192.168.0.0/16` overlaps `192.168.1.0/24` of `left`, and both are seen from";
    refused(&sites([router("r1", &["left", "wan"]), router("r2", &["right", "wan"])]), place, message);
    let half = sites([masquerading("r1", &["left", "wan"]), router("r2", &["right", "wan"])]);
    refused(&half, place, "both are seen from `left`");
    let mut none = sites([router("r1", &["left", "wan"]), router("r2", &["right", "wan"])]);
    none.routes = Routes::None;
    plan(&none);
    none.hosts.push(host("on-both", &["left", "right"]));
    refused(&none, place, "and `on-both` is on both");
    none.hosts[5].interfaces[1].vrf = Some("blue".into());
    plan(&none);
}

#[test]
fn a_host_between_two_networks_may_see_a_clash() {
    let hidden = |n: &str| segment(&format!("hidden-{n}"), &["192.168.1.0/24"]);
    let segments = vec![hidden("a"), hidden("b"), segment("a", &["10.0.1.0/24"]), segment("b", &["10.0.2.0/24"])];
    let hosts = vec![
        router("ra", &["hidden-a", "a"]),
        router("rb", &["hidden-b", "b"]),
        host("both", &["a", "b"]),
        host("ha", &["hidden-a"]),
        host("hb", &["hidden-b"]),
    ];
    let drawing = draw(segments, hosts);
    let complaints = drawing.plan().unwrap_err();
    let found: Vec<_> = complaints.iter().map(|complaint| (complaint.place, complaint.message.as_str())).collect();
    assert_eq!(found[0].0, Place::Segment(1, SegmentPart::Subnet(0)));
    assert!(found[0].1.contains("`both` sees both"), "{found:?}");
}

#[test]
fn islands() {
    let whole = |host| Place::Host(host, HostPart::Whole);
    let segments = || vec![segment("a", &["10.0.1.0/24"]), segment("b", &["10.0.2.0/24"])];
    let hosts = || vec![host("a1", &["a"]), host("a2", &["a"]), host("b1", &["b"]), host("b2", &["b"])];
    let apart = draw(segments(), hosts());
    let message = "host `b1`: it cannot reach `a1`: no router is between their segments\nhelp: join them, `#[router(a, b)] router: Host`; `#[topology(routes = \"none\")]`";
    refused(&apart, whole(2), message);
    plan(&Drawing { routes: Routes::None, ..apart.clone() });
    let mut multi_homed = apart.clone();
    multi_homed.hosts.push(host("both", &["a", "b"]));
    refused(&multi_homed, whole(2), "host `b1`: it cannot reach `a1`: no router is between");
    let mut joined = apart.clone();
    joined.hosts.push(router("r", &["a", "b"]));
    plan(&joined);
    joined.segments[1].subnets = vec!["fd00::/64".into()];
    refused(&joined, whole(2), "they have no address family in common");
    let mut tap = apart.clone();
    tap.hosts.truncate(3);
    tap.hosts[2].interfaces[0].device = DrawnDevice::Tap;
    plan(&tap);
    let unseen = DrawnNested {
        name: "x".into(),
        shares: vec![("i".into(), "a".into()), ("j".into(), "b".into())],
        drawing: None,
    };
    assert_eq!(Drawing { nested: vec![unseen], ..apart.clone() }.check(), []);
    let mut misspelled = apart.clone();
    misspelled.hosts.push(router("r", &["a", "bb"]));
    let place = Place::Host(4, HostPart::Interface(1, InterfacePart::Segment));
    refused(&misspelled, place, "`bb`, which is no segment");
    let mut dummy = draw(segments(), vec![host("a1", &["a"]), host("a2", &["a", "b"])]);
    dummy.segments[1].medium = Medium::Dummy;
    plan(&dummy);
}

#[test]
fn a_misspelled_masquerade_is_not_also_a_clash() {
    let home = |n: usize, masquerade: &str| {
        let (lan, router_name) = (format!("lan{n}"), format!("r{n}"));
        DrawnHost { masquerade: vec![masquerade.into()], ..router(&router_name, &[&lan, "wan"]) }
    };
    let segments =
        vec![segment("lan1", &["192.168.1.0/24"]), segment("lan2", &["192.168.1.0/24"]), segment("wan", &WAN)];
    let hosts = vec![home(1, "wan"), home(2, "wam"), host("a", &["lan1"]), host("b", &["lan2"])];
    let place = Place::Host(1, HostPart::Masquerade(0));
    refused(&draw(segments, hosts), place, "did you mean `wan`?");
}

#[test]
fn names_inside_a_nested_topology_are_its_own() {
    let mut site = home(masquerading("router", &["lan", "wan"]));
    site.hosts[0].interfaces[0].gateway = Some("router".into());
    site.hosts[1].forwards.push(DrawnPortForward { port: 80, to: "laptop".into(), ..Default::default() });
    let nested = |name: &str| DrawnNested {
        name: name.into(),
        shares: vec![("wan".into(), "internet".into())],
        drawing: Some(site.clone()),
    };
    let outer = draw(vec![segment("internet", &["198.51.100.0/24"])], vec![]);
    let plan = plan(&Drawing { nested: vec![nested("l"), nested("r")], ..outer });
    assert_eq!(routes(&plan, "r-laptop"), ["0.0.0.0/0 via 10.0.1.1 dev eth0", "::/0 via fd00:1::1 dev eth0"]);
    assert_eq!(plan.host("r-router").unwrap().nat.forwards[0].to[0].to_string(), "10.0.1.2");
}

#[test]
fn whether_routes_follow_is_for_the_outermost_to_say() {
    let nested = |outer, inner| {
        let site = Drawing { routes: inner, ..home(router("router", &["lan", "wan"])) };
        let site = DrawnNested { name: "site".into(), shares: vec![], drawing: Some(site) };
        routes(&plan(&Drawing { routes: outer, nested: vec![site], ..Drawing::default() }), "site-laptop").len()
    };
    assert_eq!(nested(Routes::Automatic, Routes::None), 2);
    assert_eq!(nested(Routes::None, Routes::Automatic), 0);
}
