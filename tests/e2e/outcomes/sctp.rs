//! SCTP's columns of the tables in `docs/outcomes.md`, where the kernel has SCTP. `tests/kernels/run` runs this on one that does.

mod cell;
mod drive;
mod made;
mod table;
mod worlds;

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use netns_test::prelude::*;
use netns_test_tests::panics::panic_of;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, listen, socket,
};

use cell::{Cell, NOBODY, judged};
use drive::{WHILE, drive};
use made::Made;
use worlds::{Asked, Family};

/// Somebody listens there.
const PORT: u16 = 7;

const COLUMNS: [&str; 2] = ["sctp", "open_sctp"];

#[netns_test(namespaces = 0, timeout = "8m", requires(sctp, nftables, program = "ip"))]
async fn over_ipv4_sctp_has_the_outcome_that_its_table_says() -> TestResult {
    table::check("ipv4", &COLUMNS, &drive(Family::V4, COLUMNS.len(), serve, row).await?)
}

#[netns_test(namespaces = 0, timeout = "8m", requires(sctp, nftables, program = "ip"))]
async fn over_ipv6_sctp_has_the_outcome_that_its_table_says() -> TestResult {
    table::check("ipv6", &COLUMNS, &drive(Family::V6, COLUMNS.len(), serve, row).await?)
}

async fn row(made: Arc<Made>) -> Vec<Cell> {
    let to = || made.target();
    macro_rules! of_family {
        ($probe:expr) => {
            if made.world.family == Family::V4 { $probe.ipv4() } else { $probe.ipv6() }
        };
    }
    let sctp = async {
        let client = made.client(0);
        let outcome = of_family!(client.sctp(to(), PORT).timeout(WHILE)).await;
        let positive = panic_of(of_family!(client.assert_sctp(to(), PORT).timeout(WHILE))).await;
        let negative = panic_of(of_family!(client.assert_no_sctp(to(), PORT).window(WHILE))).await;
        judged(&made, &outcome, [&positive, &negative])
    };
    let open_sctp = async {
        let client = made.client(1);
        let Asked::Server = made.world.asked else { return Ok(NOBODY.to_owned()) };
        let outcome = of_family!(client.open_sctp(&made.server).timeout(WHILE)).await;
        let egress = of_family!(client.connectivity(&made.server).egress());
        let positive = panic_of(egress.assert_connection(Sctp).timeout(WHILE)).await;
        let negative = panic_of(egress.assert_no_connection(Sctp).window(WHILE)).await;
        judged(&made, &outcome, [&positive, &negative])
    };
    let (sctp, open_sctp) = tokio::join!(sctp, open_sctp);
    vec![sctp, open_sctp]
}

/// The kernel connects for whoever listens.
fn serve(host: &Host, family: Family) -> TestResult {
    let (domain, any) = match family {
        Family::V4 => (AddressFamily::Inet, SocketAddr::from(([0; 4], PORT))),
        Family::V6 => (AddressFamily::Inet6, SocketAddr::from(([0; 16], PORT))),
    };
    let listener = host.run(|| -> nix::Result<OwnedFd> {
        let listener = socket(domain, SockType::Stream, SockFlag::SOCK_CLOEXEC, SockProtocol::Sctp)?;
        bind(listener.as_raw_fd(), &SockaddrStorage::from(any))?;
        listen(&listener, Backlog::new(8)?)?;
        Ok(listener)
    })?;
    // As long as the host.
    host.spawn(async move {
        std::future::pending::<()>().await;
        drop(listener);
    });
    Ok(())
}
