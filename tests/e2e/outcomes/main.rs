//! Every probe in every world: what comes of it, and what its two assertions make of that. `docs/outcomes.md` has the tables.

mod cell;
mod drive;
mod made;
mod table;
mod worlds;

use std::sync::Arc;

use netns_test::prelude::*;
use netns_test_tests::panics::panic_of;

use cell::{Cell, NOBODY, judged};
use drive::{WHILE, drive};
use made::Made;
use worlds::{Asked, Family, Make};

/// Somebody listens there, over TCP and UDP.
const PORT: u16 = 7;

/// Bytes of a ping that fit into a packet of 1500, and not into one of 1280.
const BIG: u16 = 1400;

const COLUMNS: [&str; 6] = ["ping", "arping", "tcp", "udp", "open_tcp", "open_udp"];

#[netns_test(namespaces = 0, timeout = "4m", requires(nftables, program = "ip"))]
async fn over_ipv4_every_probe_has_the_outcome_that_its_table_says() -> TestResult {
    table::check("ipv4", &COLUMNS, &drive(Family::V4, COLUMNS.len(), serve, row).await?)
}

#[netns_test(namespaces = 0, timeout = "4m", requires(nftables, program = "ip"))]
async fn over_ipv6_every_probe_has_the_outcome_that_its_table_says() -> TestResult {
    table::check("ipv6", &COLUMNS, &drive(Family::V6, COLUMNS.len(), serve, row).await?)
}

async fn row(made: Arc<Made>) -> Vec<Cell> {
    let to = || made.target();
    macro_rules! of_family {
        ($probe:expr) => {
            if made.world.family == Family::V4 { $probe.ipv4() } else { $probe.ipv6() }
        };
    }
    macro_rules! of_size {
        ($ping:expr) => {
            if matches!(made.world.make, Make::Narrow(_)) {
                of_family!($ping).size(BIG).dont_fragment(true)
            } else {
                of_family!($ping)
            }
        };
    }
    macro_rules! cell {
        ($question:expr, $positive:expr, $negative:expr) => {{
            let outcome = $question.await;
            let (positive, negative) =
                (panic_of($positive.timeout(WHILE)).await, panic_of($negative.window(WHILE)).await);
            judged(&made, &outcome, [&positive, &negative])
        }};
    }
    macro_rules! flow {
        ($nth:expr, $open:ident, $protocol:expr) => {
            async {
                let Asked::Server = made.world.asked else { return Ok(NOBODY.to_owned()) };
                let client = made.client($nth);
                let egress = of_family!(client.connectivity(&made.server).egress());
                cell!(
                    of_family!(client.$open(&made.server).timeout(WHILE)),
                    egress.assert_connection($protocol),
                    egress.assert_no_connection($protocol)
                )
            }
        };
    }
    let ping = async {
        let client = made.client(0);
        cell!(
            of_size!(client.ping(to()).count(2).timeout(WHILE)),
            of_size!(client.assert_ping(to())),
            of_size!(client.assert_no_ping(to()))
        )
    };
    let arping = async {
        let client = made.client(1);
        cell!(
            of_family!(client.arping(to()).count(2).timeout(WHILE)),
            of_family!(client.assert_arping(to())),
            of_family!(client.assert_no_arping(to()))
        )
    };
    let tcp = async {
        let client = made.client(2);
        cell!(
            of_family!(client.tcp(to(), PORT).timeout(WHILE)),
            of_family!(client.assert_tcp(to(), PORT)),
            of_family!(client.assert_no_tcp(to(), PORT))
        )
    };
    let udp = async {
        let client = made.client(3);
        cell!(
            of_family!(client.udp(to(), PORT).timeout(WHILE)),
            of_family!(client.assert_udp(to(), PORT)),
            of_family!(client.assert_no_udp(to(), PORT))
        )
    };
    let (open_tcp, open_udp) = (flow!(4, open_tcp, Tcp), flow!(5, open_udp, Udp));
    let (ping, arping, tcp, udp, open_tcp, open_udp) = tokio::join!(ping, arping, tcp, udp, open_tcp, open_udp);
    vec![ping, arping, tcp, udp, open_tcp, open_udp]
}

fn serve(host: &Host, family: Family) -> TestResult {
    let any = if family == Family::V4 { "0.0.0.0" } else { "::" };
    let (tcp, udp) = host.run(|| {
        let address = (any, PORT);
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
