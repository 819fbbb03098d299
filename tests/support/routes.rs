//! Routes and links of a host, changed while a test runs.

use std::net::IpAddr;

use netns_test::Host;
use rtnetlink::packet_route::route::{RouteAttribute, RouteMetric, RouteType};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

/// Lets a host forward packets between its interfaces, or back out of the one they came in by.
pub fn forward(host: &Host) {
    for switch in ["ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding"] {
        host.run(|| std::fs::write(format!("/proc/sys/net/{switch}"), "1")).expect("forwarding can be switched on");
    }
}

/// A route to a whole prefix.
#[derive(Clone, Debug)]
pub struct Route {
    prefix: (IpAddr, u8),
    gateway: Option<IpAddr>,
    kind: RouteType,
    mtu: Option<u32>,
}

impl Route {
    /// A route to a prefix, like `203.0.113.0/24`, through a gateway.
    pub fn via(prefix: &str, gateway: impl Into<IpAddr>) -> Self {
        Self { gateway: Some(gateway.into()), ..Self::of_kind(prefix, RouteType::Unicast) }
    }

    /// A route that refuses packets in its own way.
    pub fn of_kind(prefix: &str, kind: RouteType) -> Self {
        let (address, length) = prefix.split_once('/').expect("a prefix");
        let prefix = (address.parse().expect("an address"), length.parse().expect("a length"));
        Self { prefix, gateway: None, kind, mtu: None }
    }

    /// Limits the size of packets on this route, in bytes.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.mtu = Some(mtu);
        self
    }

    /// Adds the route to a host.
    pub async fn add_to(self, host: &Host) {
        let mut message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(self.prefix.0, self.prefix.1)
            .expect("the length fits")
            .kind(self.kind);
        if let Some(gateway) = self.gateway {
            message = message.gateway(gateway).expect("a gateway of the same family");
        }
        let mut message = message.build();
        if let Some(mtu) = self.mtu {
            let mtu = vec![RouteMetric::Lock(1 << 2), RouteMetric::Mtu(mtu)];
            message.attributes.push(RouteAttribute::Metrics(mtu));
        }
        on_netlink(host, |handle| async move { handle.route().add(message).execute().await }).await;
    }
}

/// Gives a host one more address, on its loopback.
pub async fn take_address(host: &Host, address: IpAddr) {
    let length = if address.is_ipv4() { 32 } else { 128 };
    on_netlink(host, move |handle| async move { handle.address().add(1, address, length).execute().await }).await;
}

/// Gives the first interface of a host one more address, in a subnet of this length.
pub async fn give_address(host: &Host, address: IpAddr, length: u8) {
    let index = index_of_eth0(host);
    on_netlink(host, move |handle| async move { handle.address().add(index, address, length).execute().await }).await;
}

/// Takes down the first interface of a host.
pub async fn take_down(host: &Host) {
    let down = LinkUnspec::new_with_index(index_of_eth0(host)).down().build();
    on_netlink(host, |handle| async move { handle.link().set(down).execute().await }).await;
}

fn index_of_eth0(host: &Host) -> u32 {
    let index = host.run(|| std::fs::read_to_string("/sys/class/net/eth0/ifindex")).expect("there is an eth0");
    index.trim().parse().expect("an index")
}

async fn on_netlink<F>(host: &Host, request: impl FnOnce(Handle) -> F + Send + 'static)
where
    F: Future<Output = Result<(), rtnetlink::Error>> + Send,
{
    let done = host.spawn(async move {
        let (connection, handle, _) = rtnetlink::new_connection().expect("a routing socket");
        let connection = tokio::spawn(connection);
        request(handle).await.expect("the kernel does what it is asked");
        connection.abort();
    });
    done.await.expect("no panic");
}
