//! Every probe in every world: what comes of it, and what its two assertions make of that. `docs/outcomes.md` is this table; with `BLESS`
//! set in the environment it is written anew.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use netns_test::prelude::*;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::{Route, take_down};
use rtnetlink::packet_route::route::RouteType;

/// Somebody listens there in every world, over TCP and UDP.
const PORT: u16 = 7;

/// How long a probe and an assertion are given in a world.
const WHILE: Duration = Duration::from_millis(400);

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/outcomes.md");

/// What is done to two hosts on a switch, `client` and `server`.
struct World {
    name: &'static str,
    /// Whom the client asks.
    target: Target,
    make: Make,
}

#[derive(Clone, Copy)]
enum Target {
    Server,
    Named(&'static str),
    /// At its IPv6 address, which it does not have.
    Ipv6,
}

#[derive(Clone, Copy)]
enum Make {
    Nothing,
    /// A rule of the server's, or of the client's, at a hook.
    Rule {
        at_client: bool,
        hook: &'static str,
        rule: &'static str,
    },
    Unplugged,
    ServerIsDown,
    ClientIsDown,
    /// A route of the client's that refuses.
    Refusing(RouteType),
    NobodyListens,
}

fn reject(rule: &'static str) -> Make {
    Make::Rule { at_client: false, hook: "input", rule }
}

fn worlds() -> Vec<World> {
    let server = |name, make| World { name, target: Target::Server, make };
    let named = |name, target| World { name, target: Target::Named(target), make: Make::Nothing };
    vec![
        server("it answers", Make::Nothing),
        server("nobody listens", Make::NobodyListens),
        server("it drops silently", reject("drop")),
        server("it rejects: net unreachable", reject("reject with icmp type net-unreachable")),
        server("it rejects: host unreachable", reject("reject with icmp type host-unreachable")),
        server("it rejects: protocol unreachable", reject("reject with icmp type prot-unreachable")),
        server("it rejects: port unreachable", reject("reject with icmp type port-unreachable")),
        server("it rejects: net prohibited", reject("reject with icmp type net-prohibited")),
        server("it rejects: host prohibited", reject("reject with icmp type host-prohibited")),
        server("it rejects: administratively", reject("reject with icmp type admin-prohibited")),
        server("it rejects: TCP reset", reject("meta l4proto tcp reject with tcp reset")),
        server("its answers are dropped", Make::Rule { at_client: false, hook: "output", rule: "drop" }),
        server("its cable is pulled", Make::Unplugged),
        server("its interface is down", Make::ServerIsDown),
        server("the client's interface is down", Make::ClientIsDown),
        server(
            "the client's firewall drops what it sends",
            Make::Rule { at_client: true, hook: "output", rule: "drop" },
        ),
        server("the client's route prohibits it", Make::Refusing(RouteType::Prohibit)),
        server("the client's route says unreachable", Make::Refusing(RouteType::Unreachable)),
        server("the client's route is a black hole", Make::Refusing(RouteType::BlackHole)),
        named("nobody has the address", "10.0.0.77"),
        named("there is no route", "192.0.2.1"),
        named("there is no such host", "nobody"),
        named("the address is unspecified", "0.0.0.0"),
        World { name: "it has no address of the family", target: Target::Ipv6, make: Make::Nothing },
    ]
}

#[netns_test(namespaces = 0, timeout = "4m")]
async fn outcomes() -> TestResult {
    let mut rows = Vec::new();
    for (number, world) in worlds().into_iter().enumerate() {
        let names = [format!("client{number}"), format!("server{number}")];
        let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]);
        let lab = lab.host(&names[0], ["lan"]).host(&names[1], ["lan"]).build()?;
        rows.push(row(&world, &lab).await?);
    }
    let table = rows.concat();
    let text = fs::read_to_string(TABLE)?;
    let (before, after) = text.split_once("<!-- table -->\n").expect("the place of the table");
    let written = after.split_inclusive('\n').filter(|line| line.starts_with('|')).skip(2).collect::<String>();
    if std::env::var_os("BLESS").is_some() {
        let head = after.split_inclusive('\n').take(2).collect::<String>();
        fs::write(Path::new(TABLE), format!("{before}<!-- table -->\n{head}{table}"))?;
    } else {
        assert_eq!(
            written, table,
            "docs/outcomes.md says otherwise: `BLESS=1 cargo test --test outcomes` writes it anew"
        );
    }
    Ok(())
}

async fn row(world: &World, lab: &Lab) -> TestResult<String> {
    let [client, server] = lab.hosts() else { unreachable!("there are two") };
    if !matches!(world.make, Make::NobodyListens) {
        serve(server)?;
    }
    // Neighbours know each other: what follows is not about that.
    client.assert_ping(server).await;
    make(world, lab).await?;
    let target = |host: &Host| match world.target {
        Target::Server | Target::Ipv6 => netns_test::Target::from(host),
        Target::Named(name) => netns_test::Target::from(name),
    };
    let to = || target(server);
    macro_rules! family {
        ($probe:expr) => {
            if matches!(world.target, Target::Ipv6) { $probe.ipv6() } else { $probe }
        };
    }
    let ping = async {
        let outcome = family!(client.ping(to()).count(2).timeout(WHILE)).await;
        let yes = panic_of(family!(client.assert_ping(to()).timeout(WHILE))).await;
        let no = panic_of(family!(client.assert_no_ping(to()).window(WHILE))).await;
        cell("ping", world, &outcome, outcome.as_ref().err().map(PingError::is_negative), (&yes, &no))
    };
    let arping = async {
        let outcome = family!(client.arping(to()).count(2).timeout(WHILE)).await;
        let yes = panic_of(family!(client.assert_arping(to()).timeout(WHILE))).await;
        let no = panic_of(family!(client.assert_no_arping(to()).window(WHILE))).await;
        cell("arping", world, &outcome, outcome.as_ref().err().map(ArpError::is_negative), (&yes, &no))
    };
    let tcp = async {
        let outcome = family!(client.tcp(to(), PORT).timeout(WHILE)).await;
        let yes = panic_of(family!(client.assert_tcp(to(), PORT).timeout(WHILE))).await;
        let no = panic_of(family!(client.assert_no_tcp(to(), PORT).window(WHILE))).await;
        cell("tcp", world, &outcome, outcome.as_ref().err().map(ServiceError::is_negative), (&yes, &no))
    };
    let udp = async {
        let outcome = family!(client.udp(to(), PORT).timeout(WHILE)).await;
        let yes = panic_of(family!(client.assert_udp(to(), PORT).timeout(WHILE))).await;
        let no = panic_of(family!(client.assert_no_udp(to(), PORT).window(WHILE))).await;
        cell("udp", world, &outcome, outcome.as_ref().err().map(ServiceError::is_negative), (&yes, &no))
    };
    let (ping, arping, tcp, udp) = tokio::join!(ping, arping, tcp, udp);
    Ok(format!("| {} | {ping} | {arping} | {tcp} | {udp} |\n", world.name))
}

fn serve(host: &Host) -> TestResult {
    let (tcp, udp) = host.run(|| {
        let address = ("0.0.0.0", PORT);
        std::net::TcpListener::bind(address).and_then(|tcp| Ok((tcp, std::net::UdpSocket::bind(address)?)))
    })?;
    tcp.set_nonblocking(true)?;
    udp.set_nonblocking(true)?;
    host.spawn(async move {
        let (Ok(tcp), Ok(udp)) = (tokio::net::TcpListener::from_std(tcp), tokio::net::UdpSocket::from_std(udp)) else {
            return;
        };
        let mut datagram = [0; 2048];
        loop {
            tokio::select! {
                _ = tcp.accept() => {}
                Ok((length, from)) = udp.recv_from(&mut datagram) => drop(udp.send_to(&datagram[..length], from).await),
            }
        }
    });
    Ok(())
}

async fn make(world: &World, lab: &Lab) -> TestResult {
    let [client, server] = lab.hosts() else { unreachable!("there are two") };
    match world.make {
        Make::Nothing | Make::NobodyListens => {}
        Make::Rule { at_client, hook, rule } => {
            let host = if at_client { client } else { server };
            let chain = format!("type filter hook {hook} priority filter; policy accept; {rule}");
            host.nft(format!(
                "table inet filter {{
 chain {hook} {{
 {chain}
 }}
 }}"
            ))?;
        }
        Make::Unplugged => lab.segment("lan").unplug(server).await?,
        Make::ServerIsDown => take_down(server).await,
        Make::ClientIsDown => take_down(client).await,
        Make::Refusing(kind) => Route::of_kind(&format!("{}/32", server.addr()), kind).add_to(client).await,
    }
    Ok(())
}

/// The outcome's word, and the rule that every cell keeps: an answer is for the one assertion and against the other, what is negative the other
/// way round; of the rest, what could not be asked fails both as broken.
fn cell<T: Debug, E: Debug>(
    probe: &str,
    world: &World,
    outcome: &Result<T, E>,
    negative: Option<bool>,
    (yes, no): (&Result<(), String>, &Result<(), String>),
) -> String {
    let failed = |said: &Result<(), String>| said.as_ref().is_err_and(|said| said.starts_with("assertion failed"));
    let broken = |said: &Result<(), String>| *said == Err("broken".to_owned());
    let variant = match outcome {
        Ok(_) => "answered".to_owned(),
        Err(error) => format!("{error:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned(),
    };
    let keeps = match negative {
        None => *yes == Ok(()) && failed(no),
        Some(true) => failed(yes) && *no == Ok(()),
        Some(false) => broken(no) && (broken(yes) || failed(yes)),
    };
    assert!(
        keeps,
        "{probe} in the world where {}: {variant}\n  positive: {yes:?}\n  negative: {no:?}\n{outcome:?}",
        world.name
    );
    if negative == Some(false) { format!("*{variant}*") } else { variant }
}
