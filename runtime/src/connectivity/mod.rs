//! What gets through between two hosts, in both directions.

mod assertion;
mod establish;
mod judge;
mod question;
mod traffic;
mod wait;

pub use assertion::{AssertConnection, AssertNoConnection, AssertUnreachable};
pub use establish::{AssertAllAlive, AssertAllCut, Establish, Flows, ReopenAll};
pub use question::ConnectivityError;
pub use traffic::{Arp, Icmp, Ports, PortsError, Traffic};
pub use wait::WaitForConnection;

use crate::Host;
use crate::probe::{Family, Target, TargetError};

/// What gets through between two hosts: in both directions, and over IPv4 and IPv6 where both hosts have it, unless it is narrowed to one.
///
/// Every question is asked in each direction, over each family and for each port that is named, all at once. Over ICMP and ARP it is one that [`Host::ping`] and
/// [`Host::arping`] ask. Over TCP, UDP and SCTP both ends are the library's own, as those of a [`Flow`](crate::Flow): a server is bound to the
/// port, and there is a connection if both ends have heard each other. Whether a program listens on a port, [`Host::tcp`] asks.
///
/// ```no_run
/// use netns_test::prelude::*;
///
/// #[netns_test(veth = true)]
/// async fn only_the_web_is_open(client: Host, server: Host) -> TestResult {
///     let between = client.connectivity(&server);
///     between.assert_connection(Icmp).await;
///     let mut flows = between.egress().establish(Tcp.ports(80..=81)).await?;
///     server.nft(
///         "table inet filter {
///             chain input {
///                 type filter hook input priority filter;
///                 meta l4proto { tcp, udp } th dport != 80 drop
///             }
///         }",
///     )?;
///     between.egress().assert_connection(Tcp.port(80)).await;
///     between.egress().assert_no_connection(Tcp.ports(81..=89)).await;
///     between.egress().assert_no_connection(Udp.ports(81..=89)).await;
///     flows[0].assert_alive().await; // over IPv4, port 80
///     flows[1].assert_cut().await; // port 81
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is asked by itself"]
pub struct Connectivity {
    host: Host,
    peer: Host,
    directions: Directions,
    family: Option<Family>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directions {
    Both,
    Egress,
    Ingress,
}

/// # What gets through
impl Host {
    /// What gets through between this host and another, in both directions and over both families.
    pub fn connectivity(&self, peer: &Host) -> Connectivity {
        Connectivity { host: self.clone(), peer: peer.clone(), directions: Directions::Both, family: None }
    }
}

impl Connectivity {
    /// Only what the host asks and its peer answers.
    pub fn egress(&self) -> Self {
        Self { directions: Directions::Egress, ..self.clone() }
    }

    /// Only what the peer asks and the host answers.
    pub fn ingress(&self) -> Self {
        Self { directions: Directions::Ingress, ..self.clone() }
    }

    /// Only over IPv4.
    pub fn ipv4(&self) -> Self {
        Self { family: Some(Family::V4), ..self.clone() }
    }

    /// Only over IPv6.
    pub fn ipv6(&self) -> Self {
        Self { family: Some(Family::V6), ..self.clone() }
    }

    /// From whom to whom.
    fn directions(&self) -> impl Iterator<Item = (&Host, &Host)> {
        let egress = (self.directions != Directions::Ingress).then_some((&self.host, &self.peer));
        let ingress = (self.directions != Directions::Egress).then_some((&self.peer, &self.host));
        egress.into_iter().chain(ingress)
    }

    fn goes_both_ways(&self) -> bool {
        self.directions == Directions::Both
    }

    /// Over which families it is asked: what is said, or what both hosts have; whatever there is, if they have none in common.
    fn families(&self) -> Vec<Option<Family>> {
        if self.family.is_some() {
            return vec![self.family];
        }
        // Whatever else is wrong with a target is told when it is asked.
        let lacks = |error| matches!(error, TargetError::NoAddress { .. });
        let has = |from: &Host, to: &Host, family| !Target::from(to).resolve(from, family).is_err_and(lacks);
        let in_common = [Some(Family::V4), Some(Family::V6)]
            .into_iter()
            .filter(|&family| has(&self.host, &self.peer, family) && has(&self.peer, &self.host, family));
        let in_common: Vec<_> = in_common.collect();
        if in_common.is_empty() { vec![None] } else { in_common }
    }

    /// In words: who, and to whom.
    fn names(&self) -> (&str, &str, bool) {
        let (host, peer) = (self.host.name(), self.peer.name());
        match self.directions {
            Directions::Both => (host, peer, true),
            Directions::Egress => (host, peer, false),
            Directions::Ingress => (peer, host, false),
        }
    }
}
