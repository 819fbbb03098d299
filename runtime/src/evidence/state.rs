//! Links, addresses, routes and neighbours of a host, as the kernel lists them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use rtnetlink::{Error, Handle, RouteMessageBuilder};

use crate::Host;

/// The state of a host, a few lines of text.
///
/// Collected on a thread and a runtime of its own: the host's may be what hangs.
pub(super) fn of(host: &Host) -> String {
    let collected = host.machine().try_run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (connection, handle, _events) = rtnetlink::new_connection()?;
            let connection = tokio::spawn(connection);
            let text = collect(&handle).await.map_err(std::io::Error::other);
            connection.abort();
            text
        })
    });
    let text = match collected {
        Ok(Ok(Ok(text))) => text,
        Ok(Ok(Err(error))) => format!("    unknown: {error}\n"),
        Ok(Err(_)) => "    unknown: its collection has panicked\n".to_owned(),
        Err(error) => format!("    unknown: nothing can run in it: {error}\n"),
    };
    format!("  {}\n{text}", host.name())
}

async fn collect(handle: &Handle) -> Result<String, Error> {
    let links: Vec<LinkMessage> = handle.link().get().execute().try_collect().await?;
    let names: BTreeMap<u32, String> = links.iter().map(|link| (link.header.index, link_name(link))).collect();
    let mut addresses: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut dump = handle.address().get().execute();
    while let Some(message) = dump.try_next().await? {
        let given = message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(address),
            _ => None,
        });
        let given = given.map(|address| format!("{address}/{}", message.header.prefix_len));
        addresses.entry(message.header.index).or_default().extend(given);
    }
    let mut text = String::new();
    for link in links.iter().filter(|link| !is_fallback(link)) {
        let addresses = addresses.remove(&link.header.index).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {:<6} {}  {}", link_name(link), describe_link(link), addresses.join("  "));
    }
    for message in [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()] {
        let mut dump = handle.route().get(message).execute();
        while let Some(route) = dump.try_next().await? {
            if route.header.table == RouteHeader::RT_TABLE_MAIN {
                let _ = writeln!(text, "    route  {}", describe_route(&route, &names));
            }
        }
    }
    let mut dump = handle.neighbours().get().execute();
    while let Some(neighbour) = dump.try_next().await? {
        if let Some(line) = describe_neighbour(&neighbour, &names) {
            let _ = writeln!(text, "    neigh  {line}");
        }
    }
    Ok(text)
}

/// Whether this is one of the devices that some kernels put into every new namespace, and nobody uses it (`fb_tunnels_only_for_init_net`).
fn is_fallback(link: &LinkMessage) -> bool {
    const NAMES: [&str; 9] =
        ["tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"];
    !link.header.flags.contains(LinkFlags::Up) && NAMES.contains(&link_name(link).as_str())
}

fn link_name(link: &LinkMessage) -> String {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap_or_else(|| format!("#{}", link.header.index))
}

fn describe_link(link: &LinkMessage) -> String {
    let up = if link.header.flags.contains(LinkFlags::Up) { "up" } else { "down" };
    let carrier = if link.header.flags.contains(LinkFlags::LowerUp) { "" } else { ", no carrier" };
    let mut text = format!("{up}{carrier}");
    for attribute in &link.attributes {
        // Writing to a string cannot fail.
        let _ = match attribute {
            LinkAttribute::Mtu(mtu) => write!(text, ", mtu {mtu}"),
            LinkAttribute::Stats64(stats) => {
                let dropped = stats.rx_dropped + stats.tx_dropped;
                write!(text, ", {} in, {} out, {dropped} dropped", stats.rx_packets, stats.tx_packets)
            }
            _ => Ok(()),
        };
    }
    text
}

fn describe_route(route: &RouteMessage, names: &BTreeMap<u32, String>) -> String {
    let mut destination = "default".to_owned();
    let mut way = String::new();
    for attribute in &route.attributes {
        // Writing to a string cannot fail.
        let _ = match attribute {
            RouteAttribute::Destination(address) => {
                destination = format!("{}/{}", show(address), route.header.destination_prefix_length);
                Ok(())
            }
            RouteAttribute::Gateway(address) => write!(way, " via {}", show(address)),
            RouteAttribute::Oif(index) => write!(way, " dev {}", name_of(names, *index)),
            _ => Ok(()),
        };
    }
    let kind = match route.header.kind {
        RouteType::Unicast => String::new(),
        kind => format!("{kind:?} ").to_lowercase(),
    };
    format!("{kind}{destination}{way}")
}

fn show(address: &RouteAddress) -> String {
    match address {
        RouteAddress::Inet(v4) => v4.to_string(),
        RouteAddress::Inet6(v6) => v6.to_string(),
        other => format!("{other:?}"),
    }
}

/// Neighbours that somebody had to ask for: those that need no asking are always there.
fn describe_neighbour(neighbour: &NeighbourMessage, names: &BTreeMap<u32, String>) -> Option<String> {
    let address: IpAddr = neighbour.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some((*v4).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    })?;
    let interface = name_of(names, neighbour.header.ifindex);
    (neighbour.header.state != NeighbourState::Noarp)
        .then(|| format!("{address} dev {interface} {}", neighbour.header.state))
}

fn name_of(names: &BTreeMap<u32, String>, index: u32) -> String {
    names.get(&index).cloned().unwrap_or_else(|| format!("#{index}"))
}
