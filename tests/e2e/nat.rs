//! Routers that translate addresses: who is seen by whom, and who reaches whom.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use netns_test::BuildError;
use netns_test::drawing::{DrawnHost, DrawnInterface, DrawnPortForward, DrawnSourceNat, Transport};
use netns_test::prelude::*;
use netns_test_tests::programs;

/// Longer than an answer takes on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// Laptop and printer at home, a web server in a network of its own, a server outside, and a router between all of them.
fn home(translate: impl FnOnce(&mut DrawnHost)) -> Result<Lab, BuildError> {
    Lab::builder()
        .segment("lan", ["10.0.1.0/24", "fd00:1::/64"])
        .segment("dmz", ["10.0.2.0/24", "fd00:2::/64"])
        .segment("wan", ["203.0.113.0/24", "2001:db8:1::/64"])
        .router("router", ["lan", "dmz", "wan"])
        .host("laptop", ["lan"])
        .host("printer", ["lan"])
        .host("web", ["dmz"])
        .host("server", ["wan"])
        .draw(|drawing| translate(&mut drawing.hosts[0]))
        .build()
}

fn forward(protocol: Transport, port: u32, to: &str, to_port: Option<u32>) -> DrawnPortForward {
    DrawnPortForward { protocol, port, to: to.to_owned(), to_port }
}

fn source(segment: &str, address: &str) -> DrawnSourceNat {
    DrawnSourceNat { segment: segment.to_owned(), address: address.to_owned() }
}

/// An address of a host on a segment, of the family of another.
fn like(other: IpAddr, host: &Host, lab: &Lab, segment: &str) -> IpAddr {
    let subnets = lab.segment(segment).subnets();
    let there = |address: &IpAddr| subnets.iter().any(|subnet| subnet.contains(address));
    let found = host.addresses().into_iter().find(|address| address.is_ipv4() == other.is_ipv4() && there(address));
    found.unwrap_or_else(|| panic!("{} has no such address on {segment}", host.name()))
}

/// Both addresses of a host.
fn both(host: &Host) -> [IpAddr; 2] {
    [host.addr_v4().into(), host.addr_v6().into()]
}

/// Asks over TCP at one address, and answers at another; who asked, as the one that answers sees it.
fn tcp(asks: &Host, to: (IpAddr, u16), answers: &Host, at: (IpAddr, u16)) -> io::Result<IpAddr> {
    let listener = answers.run(|| TcpListener::bind(at))?;
    let mut client = asks.run(|| TcpStream::connect_timeout(&SocketAddr::from(to), SOON))?;
    let (mut server, peer) = listener.accept()?;
    client.write_all(b"ask")?;
    let mut text = [0; 3];
    server.read_exact(&mut text)?;
    server.write_all(&text)?;
    client.set_read_timeout(Some(SOON))?;
    client.read_exact(&mut text)?;
    assert_eq!((text, client.peer_addr()?), (*b"ask", SocketAddr::from(to)));
    Ok(peer.ip())
}

/// The same over UDP.
fn udp(asks: &Host, to: (IpAddr, u16), answers: &Host, at: (IpAddr, u16)) -> io::Result<IpAddr> {
    let server = answers.run(|| UdpSocket::bind(at))?;
    let any = if to.0.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let client = asks.run(|| UdpSocket::bind((any, 0)))?;
    client.connect(to)?;
    client.send(b"ask")?;
    client.set_read_timeout(Some(SOON))?;
    // Only the client hears of a refusal, and only the server of the question.
    std::thread::scope(|scope| {
        let answering = scope.spawn(|| {
            let mut text = [0; 3];
            server.set_read_timeout(Some(SOON))?;
            let (length, peer) = server.recv_from(&mut text)?;
            server.send_to(&text[..length], peer)?;
            io::Result::Ok(peer.ip())
        });
        let mut text = [0; 3];
        let answer = client.recv(&mut text).map(|_| assert_eq!(text, *b"ask"));
        if answer.is_err() {
            // Nobody else will.
            answers.run(|| UdpSocket::bind((at.0, 0)))?.send_to(b"end", at)?;
        }
        let peer = answering.join().expect("it does not panic");
        answer.and(peer)
    })
}

#[track_caller]
fn assert_refused(outcome: &io::Result<IpAddr>) {
    assert!(matches!(outcome, Err(error) if error.kind() == ErrorKind::ConnectionRefused), "{outcome:?}");
}

#[netns_test(namespaces = 0)]
fn behind_a_masquerading_router_everybody_is_the_router() -> TestResult {
    let lab = home(|router| router.masquerade.push("wan".to_owned()))?;
    let [router, laptop, printer, web, server] =
        ["router", "laptop", "printer", "web", "server"].map(|name| lab.host(name));
    for to in both(server) {
        let as_seen = like(to, router, &lab, "wan");
        for inside in [laptop, printer, web, router] {
            assert_eq!(tcp(inside, (to, 80), server, (to, 80))?, as_seen, "{}", inside.name());
            assert_eq!(udp(inside, (to, 80), server, (to, 80))?, as_seen, "{}", inside.name());
        }
        laptop.assert_ping(to).wait();
    }
    // It hides them outside, and nowhere else.
    for to in both(web) {
        assert_eq!(tcp(laptop, (to, 80), web, (to, 80))?, like(to, laptop, &lab, "lan"));
    }
    for to in both(laptop) {
        server.assert_no_ping(to).window(Duration::from_millis(300)).wait();
    }
    Ok(())
}

/// A router may use any of its addresses for what it says itself.
#[netns_test(namespaces = 0)]
fn what_the_router_says_itself_is_not_translated() -> TestResult {
    let lab = home(|router| {
        router.masquerade.push("wan".to_owned());
        router.source_nat.push(source("wan", "203.0.113.77"));
        router.source_nat.push(source("wan", "2001:db8:1::77"));
    })?;
    let (router, server) = (lab.host("router"), lab.host("server"));
    for to in both(server) {
        assert_eq!(tcp(router, (to, 80), server, (to, 80))?, like(to, router, &lab, "wan"));
        let inner = like(to, router, &lab, "dmz");
        let answered = router.run(|| UdpSocket::bind((inner, 0)))?;
        let listening = server.run(|| UdpSocket::bind((to, 81)))?;
        answered.send_to(b"x", (to, 81))?;
        listening.set_read_timeout(Some(SOON))?;
        assert_eq!(listening.recv_from(&mut [0; 1])?.1.ip(), inner);
    }
    Ok(())
}

#[netns_test(namespaces = 0)]
fn source_nat_gives_an_address_that_is_found() -> TestResult {
    let written: [IpAddr; 2] = ["203.0.113.77".parse()?, "2001:db8:1::77".parse()?];
    let lab = home(|router| router.source_nat.extend(written.map(|address| source("wan", &address.to_string()))))?;
    let (router, laptop, server) = (lab.host("router"), lab.host("laptop"), lab.host("server"));
    for (to, as_seen) in both(server).into_iter().zip(written) {
        assert_eq!(tcp(laptop, (to, 80), server, (to, 80))?, as_seen);
        assert_eq!(udp(laptop, (to, 80), server, (to, 80))?, as_seen);
        laptop.assert_ping(to).wait();
        // The router is asked for it, and it has not become its own in anything else.
        server.assert_ping(as_seen).wait();
        assert!(!router.addresses().contains(&as_seen));
    }
    Ok(())
}

#[netns_test(namespaces = 0)]
fn source_nat_to_an_address_of_the_router_s_own_adds_none() -> TestResult {
    let lab = home(|router| {
        router.interfaces[2].addresses.push("203.0.113.50".to_owned());
        router.source_nat.push(source("wan", "203.0.113.50"));
    })?;
    let (router, laptop, server) = (lab.host("router"), lab.host("laptop"), lab.host("server"));
    let to = server.addr();
    assert_eq!(tcp(laptop, (to, 80), server, (to, 80))?, IpAddr::from([203, 0, 113, 50]));
    let listed = router.command("ip").args(["-4", "-o", "address", "show", "dev", "eth2"]).output()?;
    assert_eq!(String::from_utf8(listed.stdout)?.lines().count(), 1);
    Ok(())
}

#[netns_test(namespaces = 0)]
fn a_written_source_goes_before_masquerade() -> TestResult {
    let lab = home(|router| {
        router.masquerade.push("wan".to_owned());
        router.source_nat.push(source("wan", "203.0.113.77"));
    })?;
    let (router, laptop, server) = (lab.host("router"), lab.host("laptop"), lab.host("server"));
    let [v4, v6] = both(server);
    assert_eq!(tcp(laptop, (v4, 80), server, (v4, 80))?, IpAddr::from([203, 0, 113, 77]));
    // Which has no IPv6.
    assert_eq!(tcp(laptop, (v6, 80), server, (v6, 80))?, like(v6, router, &lab, "wan"));
    Ok(())
}

/// The router of a home forwards ports to the printer.
fn forwarding_home(hairpin: bool) -> Result<Lab, BuildError> {
    home(|router| {
        router.masquerade.push("wan".to_owned());
        router.forwards.push(forward(Transport::Tcp, 80, "printer", Some(8080)));
        router.forwards.push(forward(Transport::Udp, 53, "printer", None));
        router.hairpin = hairpin;
    })
}

#[netns_test(namespaces = 0)]
fn a_forwarded_port_leads_inside_and_shows_who_asks() -> TestResult {
    let lab = forwarding_home(false)?;
    let [router, laptop, printer, web, server] =
        ["router", "laptop", "printer", "web", "server"].map(|name| lab.host(name));
    for target in both(printer) {
        // From outside, and from another network inside: the printer sees who it is.
        for (from, segment) in [(server, "wan"), (web, "dmz")] {
            let own = like(target, from, &lab, segment);
            let outer = like(target, router, &lab, "wan");
            assert_eq!(tcp(from, (outer, 80), printer, (target, 8080))?, own);
            assert_eq!(udp(from, (outer, 53), printer, (target, 53))?, own);
            // One protocol, one port.
            assert_refused(&tcp(from, (outer, 53), printer, (target, 53)));
            assert_refused(&udp(from, (outer, 80), printer, (target, 8080)));
            assert_refused(&tcp(from, (outer, 8080), printer, (target, 8080)));
        }
        // At any address of the router's.
        let (inner, own) = (like(target, router, &lab, "lan"), like(target, web, &lab, "dmz"));
        assert_eq!(tcp(web, (inner, 80), printer, (target, 8080))?, own);
        // From where the printer is, and from the router itself, the port is the router's.
        for (from, to) in [(laptop, "wan"), (laptop, "lan"), (printer, "wan"), (router, "wan"), (router, "lan")] {
            let to = like(target, router, &lab, to);
            assert_refused(&tcp(from, (to, 80), printer, (target, 8080)));
            assert_refused(&udp(from, (to, 53), printer, (target, 53)));
        }
        assert_eq!(tcp(laptop, (inner, 80), router, (inner, 80))?, like(target, laptop, &lab, "lan"));
    }
    Ok(())
}

#[netns_test(namespaces = 0)]
fn with_hairpin_a_forwarded_port_works_from_inside_too() -> TestResult {
    let lab = forwarding_home(true)?;
    let [router, laptop, printer, web, server] =
        ["router", "laptop", "printer", "web", "server"].map(|name| lab.host(name));
    for target in both(printer) {
        let (inner, outer) = (like(target, router, &lab, "lan"), like(target, router, &lab, "wan"));
        // The printer itself is one of those inside.
        for from in [laptop, printer] {
            for to in [inner, outer] {
                assert_eq!(tcp(from, (to, 80), printer, (target, 8080))?, inner, "{}", from.name());
                assert_eq!(udp(from, (to, 53), printer, (target, 53))?, inner, "{}", from.name());
            }
        }
        for (from, segment) in [(server, "wan"), (web, "dmz")] {
            let own = like(target, from, &lab, segment);
            assert_eq!(tcp(from, (outer, 80), printer, (target, 8080))?, own);
            assert_eq!(udp(from, (outer, 53), printer, (target, 53))?, own);
        }
        assert_refused(&tcp(router, (outer, 80), printer, (target, 8080)));
    }
    Ok(())
}

/// What only passes through the router is not for it.
#[netns_test(namespaces = 0)]
fn the_same_port_of_another_host_is_not_forwarded() -> TestResult {
    let lab = forwarding_home(true)?;
    let (router, laptop, server) = (lab.host("router"), lab.host("laptop"), lab.host("server"));
    for to in both(server) {
        assert_eq!(tcp(laptop, (to, 80), server, (to, 80))?, like(to, router, &lab, "wan"));
    }
    Ok(())
}

#[netns_test(namespaces = 0)]
fn rulesets_of_the_test_s_own_stand_beside_the_translation() -> TestResult {
    let lab = forwarding_home(false)?;
    let [router, laptop, printer, server] = ["router", "laptop", "printer", "server"].map(|name| lab.host(name));
    let (to, target) = (server.addr(), printer.addr());
    let outer = like(to, router, &lab, "wan");
    // Both kinds of chains, at the same priorities.
    router.nft(
        "table inet mine {
            chain before {
                type nat hook prerouting priority dstnat; policy accept;
                tcp dport 81 redirect to :82
            }
            chain forward {
                type filter hook forward priority filter; policy accept;
                ip saddr laptop ip daddr server tcp dport 9 drop
            }
        }",
    )?;
    assert_eq!(tcp(laptop, (to, 80), server, (to, 80))?, outer);
    assert_eq!(tcp(server, (outer, 80), printer, (target, 8080))?, to);
    assert_eq!(tcp(server, (outer, 81), router, (outer, 82))?, to);
    router.nft("delete table inet mine")?;
    assert_eq!(tcp(laptop, (to, 80), server, (to, 80))?, outer);
    assert_eq!(tcp(server, (outer, 80), printer, (target, 8080))?, to);
    // And theirs can be taken away.
    router.nft("flush table inet netns-test")?;
    assert_refused(&tcp(server, (outer, 80), printer, (target, 8080)));
    laptop.assert_no_ping(to).window(Duration::from_millis(300)).wait();
    Ok(())
}

/// More routers than there are processors, and one behind the other.
#[netns_test(namespaces = 0)]
fn translations_can_be_one_behind_the_other() -> TestResult {
    let mut builder = Lab::builder().segment("net0", ["203.0.113.0/24", "2001:db8:0::/64"]).host("server", ["net0"]);
    for number in 1..=5 {
        let (v4, v6) = (format!("10.0.{number}.0/24"), format!("fd00:{number}::/64"));
        let outer = format!("net{}", number - 1);
        builder = builder.segment(format!("net{number}"), [v4, v6]);
        builder = builder.router(format!("router{number}"), [outer.clone(), format!("net{number}")]);
        builder = builder.draw(|drawing| drawing.hosts.iter_mut().last().unwrap().masquerade.push(outer));
    }
    let lab = builder.host("client", ["net5"]).build()?;
    let (client, server, last) = (lab.host("client"), lab.host("server"), lab.host("router1"));
    for to in both(server) {
        assert_eq!(tcp(client, (to, 80), server, (to, 80))?, like(to, last, &lab, "net0"));
        client.assert_ping(to).wait();
    }
    Ok(())
}

/// In a ruleset, a name that ends in `*` stands for many.
#[netns_test(namespaces = 0)]
fn interfaces_may_have_any_name() -> TestResult {
    let named = |names: [&'static str; 2]| {
        let interface = |(segment, name): (&str, &str)| DrawnInterface {
            segment: segment.to_owned(),
            name: Some(name.to_owned()),
            ..DrawnInterface::default()
        };
        home(move |router| {
            router.interfaces =
                ["lan", "dmz", "wan"].into_iter().zip(["\"a;b\"", names[0], names[1]]).map(interface).collect();
            router.masquerade.push("wan".to_owned());
            router.forwards.push(forward(Transport::Tcp, 80, "printer", None));
        })
    };
    let error = named(["dmz", "@wan"]).unwrap_err();
    assert!(error.to_string().contains("nft takes `@wan` for the name of a set"), "{error}");
    let lab = named(["wan2", "wan*"])?;
    let [router, laptop, printer, web, server] =
        ["router", "laptop", "printer", "web", "server"].map(|name| lab.host(name));
    let to = server.addr();
    assert_eq!(tcp(laptop, (to, 80), server, (to, 80))?, like(to, router, &lab, "wan"));
    assert_eq!(tcp(laptop, (web.addr(), 80), web, (web.addr(), 80))?, laptop.addr());
    assert_eq!(tcp(server, (like(to, router, &lab, "wan"), 80), printer, (printer.addr(), 80))?, to);
    Ok(())
}

/// Puts a shell script in the place of `nft`, which the script finds as `$nft`.
fn pretend(script: &str) -> TestResult {
    let real = programs::all("nft").into_iter().next().ok_or("there is an nft")?;
    std::fs::copy(real, "/run/real-nft")?;
    let fake = Path::new("/run/fake-nft");
    std::fs::write(fake, format!("#!/bin/sh\nnft=/run/real-nft\n{script}\n"))?;
    std::fs::set_permissions(fake, PermissionsExt::from_mode(0o755))?;
    programs::replace("nft", fake);
    Ok(())
}

fn why_not_built() -> String {
    match home(|router| router.masquerade.push("wan".to_owned())) {
        Err(BuildError::Failed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[netns_test(namespaces = 0)]
fn without_the_program_the_host_and_the_package_are_told() {
    programs::hide("nft");
    let expected = "host router translates addresses (masquerade on `wan`), and the program `nft` is neither in PATH nor in \
                    /usr/sbin or /sbin: install it, on Debian `apt install nftables`";
    assert_eq!(why_not_built(), expected);
    // It is needed for nothing else.
    home(|_| ()).unwrap();
}

#[netns_test(namespaces = 0)]
fn a_kernel_that_cannot_translate_is_told_with_what_it_lacks() -> TestResult {
    // As one without the module that brings it.
    pretend(
        "input=$(cat)
        case $input in
            *masquerade*) echo 'internal:0:0-0: Error: Could not process rule: No such file or directory' >&2; exit 1;;
        esac
        echo \"$input\" | exec $nft \"$@\"",
    )?;
    let expected = "host router translates addresses (masquerade on `wan`), and this kernel has no statement `masquerade` of \
                    nftables: `sudo modprobe nft_masq`, or choose a kernel with CONFIG_NFT_MASQ: Error: Could not process \
                    rule: No such file or directory";
    assert_eq!(why_not_built(), expected);
    Ok(())
}

/// The same words, but each of the samples is taken by the real program and this kernel: then the ruleset must be wrong.
#[netns_test(namespaces = 0)]
fn a_ruleset_that_a_good_kernel_refuses_is_a_mistake_of_the_lab_s() -> TestResult {
    pretend(
        "case \" $* \" in *' -c '*) exec $nft \"$@\";; esac
        echo 'internal:0:0-0: Error: Could not process rule: No such file or directory' >&2
        exit 1",
    )?;
    let expected =
        "in host router: nft refuses the lab's own ruleset: Error: Could not process rule: No such file or directory";
    assert_eq!(why_not_built(), expected);
    Ok(())
}
