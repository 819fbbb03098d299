//! A router between two networks.

use netns_test::prelude::*;

/// A client and a server in networks of their own, and a router between them.
#[derive(Topology)]
pub struct Routed {
    /// The client's.
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    pub near: Segment,
    /// The server's.
    #[segment("10.0.2.0/24", "fd00:2::/64")]
    pub far: Segment,
    /// On the near segment.
    #[host(near)]
    pub client: Host,
    /// Between the two.
    #[router(near, far)]
    pub router: Host,
    /// On the far segment.
    #[host(far)]
    pub server: Host,
}
